"""The operator inside a real Airflow task: what it writes, returns, refuses, and never shows."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator.faults.script import Account, Fault, Limits, Script

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.airflow

TEXTS = [f"Text number {number}." for number in range(12)]
KEY_PART = "never-to-be-seen"


@pytest.fixture
def paths(lake: Any) -> dict[str, str]:
    lake.put("in/texts.parquet", {"text": TEXTS})
    return {"input_path": lake.url("in/"), "output_path": lake.url("out/")}


def published(lake: Any) -> list[str]:
    return [name for name in lake.names("out") if "/_aimlapi/" not in name]


def test_numbers_may_come_out_of_templates(
    api: Any, lake: Any, paths: dict[str, str], run_task: Callable[..., Any]
) -> None:
    run = run_task(
        **paths,
        prompt="On {{ ds }}: {text}",
        max_tokens="{{ 100 + 28 }}",
        temperature="{{ 0.5 }}",
        max_rejected_rows="{{ '0.05' }}",
        max_cost_usd="{{ params.get('budget') }}",
        limit_rows="{{ 5 }}",
        system="{{ none }}",
    )
    assert run.state == "success", run.output
    assert run.summary["ok"] == 5
    assert run.rendered["temperature"] == "0.5"
    assert run.rendered["prompt"] == "On 2026-01-01: {text}"


def test_the_summary_in_xcom_is_what_the_contract_names(
    api: Any, paths: dict[str, str], run_task: Callable[..., Any]
) -> None:
    run = run_task(**paths, prompt="{text}")
    assert list(run.summary) == [
        *("run_key", "manifest", "output_path", "rows"),
        *("ok", "truncated", "refused", "invalid", "rejected", "skipped", "repaired"),
        *("reused", "reused_answers", "duplicates", "saved_usd", "requests", "throttled"),
        *("prompt_tokens", "completion_tokens", "cache_hit_rate", "cache_saved_usd"),
        *("cost_usd", "elapsed_s", "bound_by"),
    ]
    assert run.summary["cost_usd"] == pytest.approx(api.simulator.ledger.total_usd)
    assert "12 rows: 12 ok · 12 calls, 0 throttled" in run.output


def test_the_connections_limit_holds_for_the_task(
    api: Any, connect: Any, paths: dict[str, str], run_task: Callable[..., Any]
) -> None:
    limited = connect(
        "limited", host=api.simulator.url, password="key", extra={"max_concurrency": 2}
    )
    run = run_task(**paths, prompt="{text}", aimlapi_conn_id=limited)
    assert run.state == "success", run.output
    assert api.simulator.stats()["in_flight_peak"] <= 2


@pytest.mark.parametrize(
    ("of_task", "of_connection"),
    [("{{ 300 }}", None), ("3000", 300), (300, 3000)],
)
def test_lower_limit_of_requests_holds(
    api: Any,
    connect: Any,
    paths: dict[str, str],
    run_task: Callable[..., Any],
    of_task: object,
    of_connection: int | None,
) -> None:
    """300 a minute: four at once, then one each 0.2 s, so the twelfth comes 1.6 s after the first."""
    extra = {} if of_connection is None else {"requests_per_minute": of_connection}
    limited = connect("limited", host=api.simulator.url, password="key", extra=extra)
    run = run_task(**paths, prompt="{text}", aimlapi_conn_id=limited, requests_per_minute=of_task)
    assert run.state == "success", run.output
    assert run.summary["ok"] == len(TEXTS)
    assert run.summary["bound_by"] == "given-rate"
    assert run.summary["elapsed_s"] >= 1.6


def test_connections_token_limit_reaches_the_run(
    api: Any, connect: Any, paths: dict[str, str], run_task: Callable[..., Any]
) -> None:
    extra = {"tokens_per_minute": 30_000}
    limited = connect("limited", host=api.simulator.url, password="key", extra=extra)
    run = run_task(
        **paths, prompt="{text}", aimlapi_conn_id=limited, max_tokens=500, max_concurrency=4
    )
    assert run.state == "success", run.output
    assert run.summary["bound_by"] == "given-rate"


@pytest.mark.parametrize("name", ["requests_per_minute", "tokens_per_minute"])
def test_connections_wrong_limit_fails_before_any_call(
    api: Any, connect: Any, paths: dict[str, str], run_task: Callable[..., Any], name: str
) -> None:
    limited = connect("limited", host=api.simulator.url, password="key", extra={name: "much"})
    run = run_task(**paths, prompt="{text}", aimlapi_conn_id=limited)
    assert (run.state, run.tries) == ("failed", 1)
    assert f"Connection 'limited': {name} in its extra is no whole number" in run.output
    assert api.completions == []


def test_local_folders_do_as_well(
    api: Any, lake: Any, tmp_path: Path, run_task: Callable[..., Any]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"text": TEXTS}), tmp_path / "in" / "texts.parquet")
    run = run_task(
        input_path=str(tmp_path / "in"), output_path=str(tmp_path / "out"), prompt="{text}"
    )
    assert run.state == "success", run.output
    (part,) = (tmp_path / "out").glob("*.parquet")
    assert pq.read_table(part, partitioning=None)["text"].to_pylist() == TEXTS


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"prompt": "{txet}"}, "Did you mean {text}?"),
        ({"prompt": " "}, "prompt is empty"),
        ({"max_tokens": "{{ 'abc' }}"}, "max_tokens='abc': give a whole number"),
        ({"temperature": "{{ 2 }}"}, "temperature=2"),
        ({"model": "{{ 'no such model' }}"}, "is not a model id"),
        (
            {"model": "{{ 'anthropic/claude-sonnet-5' }}", "top_k": 5},
            "anthropic/claude-sonnet-5 does not take top_k",
        ),
        ({"max_concurrency": 0}, "max_concurrency=0"),
        ({"requests_per_minute": 0}, "requests_per_minute=0: give a whole number from 1"),
        ({"requests_per_minute": "600/min"}, "requests_per_minute='600/min': give a whole number"),
        ({"tokens_per_minute": "{{ -5 }}"}, "tokens_per_minute=-5: give a whole number from 1"),
        (
            {"max_rejected_rows": "10%"},
            "max_rejected_rows='10%': give a number, such as 0.1 or 100.",
        ),
        ({"output_path": __file__}, f"output_path {__file__} is a file"),
        ({"output_path": "/proc/none"}, "output_path /proc/none: no file can be created there"),
        ({"input_path": "ftp://no-such.invalid/in/"}, "input_path: ftp:// is not allowed"),
        ({"input_path": "zip://a::s3://lake/in/"}, "input_path contains '::'"),
        ({"output_path": "reference://lake/out/"}, "output_path: reference:// is not allowed"),
        ({"prompt": "{{ text }}"}, "Write a column in single braces"),
        ({"limit_rows": "-1"}, "limit_rows=-1"),
        ({"on_existing": "keep"}, "on_existing='keep': give 'replace' or 'error'"),
        ({"retry_rejected": "maybe"}, "retry_rejected='maybe': give True or False"),
        ({"output_column": "text"}, "output_column"),
        ({"input_path": "warp://lake/in/"}, "input_path: warp:// is not allowed"),
        ({"input_path": "lake/in"}, "neither a URL"),
        ({"input_path": "s3://no-such-bucket-4711/in/"}, "input_path: s3://no-such-bucket-4711"),
        (
            {"output_path": "s3://no-such-bucket-4711/out/"},
            "output_path: s3://no-such-bucket-4711 does not exist.",
        ),
        ({"storage_conn_id": "no_such_s3"}, "'no_such_s3' (for input_path) does not exist"),
        ({"aimlapi_conn_id": "absent"}, "'absent' (aimlapi_conn_id) does not exist"),
    ],
)
def test_wrong_arguments_fail_at_once_and_cost_nothing(
    api: Any,
    lake: Any,
    paths: dict[str, str],
    run_task: Callable[..., Any],
    arguments: dict[str, Any],
    sentence: str,
) -> None:
    run = run_task(**{**paths, "prompt": "{text}", **rendered_later(arguments)})
    assert (run.state, run.tries) == ("failed", 1), run.output
    assert sentence in run.output
    assert api.completions == []
    assert published(lake) == []


def rendered_later(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments as templates, because plain values are refused when the DAG is parsed."""
    return {
        name: value if "{{" in str(value) else f"{{{{ {value!r} }}}}"
        for name, value in arguments.items()
    }


def test_a_refused_key_fails_at_once_and_shows_nowhere(
    api: Any, lake: Any, paths: dict[str, str], run_task: Callable[..., Any]
) -> None:
    api.follow(Script(account=Account(key="another-key")))
    run = run_task(**paths, prompt="{text}")
    assert (run.state, run.tries) == ("failed", 1), run.output
    assert KEY_PART not in run.output
    assert run.output.count("AccessRefused: Put a valid key") == 1, "each error is logged once"
    assert published(lake) == []


@pytest.mark.parametrize("key", ["sk-never-to-be-seen-4711", "sk-never-to-be-seen\n4711"])
def test_no_variable_of_a_traceback_holds_the_key(
    airflow_database: None, api: Any, connect: Any, paths: dict[str, str], key: str
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

    api.follow(Script(account=Account(key="another-key")))
    conn_id = connect("refused", host=api.simulator.url, password=key)
    arguments: dict[str, Any] = {**paths, "prompt": "{text}", "aimlapi_conn_id": conn_id}
    operator = ClaudeCompletionOperator(task_id="alone", **arguments)
    with pytest.raises(AirflowFailException) as failed:
        operator.execute({})
    below_this_test = failed.tb.tb_next
    shown = traceback.TracebackException(
        failed.type, failed.value, below_this_test, capture_locals=True
    )
    text = "".join(shown.format())
    assert text.count(str(failed.value)) == 1
    assert KEY_PART not in text


def test_too_many_rejections_fail_at_once_and_publish_nothing(
    api: Any, lake: Any, paths: dict[str, str], run_task: Callable[..., Any]
) -> None:
    api.follow(Script(faults=(Fault(kind="400"),)))
    run = run_task(**paths, prompt="{text}", max_rejected_rows=0)
    assert (run.state, run.tries) == ("failed", 1), run.output
    assert published(lake) == []


def test_key_appears_nowhere_after_a_run(
    api: Any, lake: Any, paths: dict[str, str], run_task: Callable[..., Any]
) -> None:
    """Neither in logs, XCom, templates and objects, nor in Airflow's database."""
    api.follow(Script(limits=Limits(max_concurrent=4), faults=(Fault(kind="500", share=0.3),)))
    run = run_task(**paths, prompt="{text}")
    assert run.state == "success", run.output
    assert KEY_PART not in run.output + repr(run.summary) + repr(run.rendered)
    names = lake.names()
    assert names
    for name in names:
        assert KEY_PART.encode() not in lake.read(name), name
    for file in Path(os.environ["AIRFLOW_HOME"]).rglob("*"):
        assert not file.is_file() or KEY_PART.encode() not in file.read_bytes(), file
