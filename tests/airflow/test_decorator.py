"""`@task.claude_completion` in a real Airflow: paths, records, mapping, retries, mistakes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator.faults.script import Fault, Script

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.airflow

DAY = datetime(2026, 1, 2, tzinfo=UTC)
RECORDS = [{"id": number, "text": f"Text {number}."} for number in range(5)]


@pytest.fixture
def run_returning(
    lake: Any, run_tasks: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Callable[[object], Any]:
    """Runs the one task, whose function returns this."""
    monkeypatch.setenv("AIMLAPI_TEST_OUTPUT", lake.url("out"))

    def run(returned: object) -> Any:
        monkeypatch.setenv("AIMLAPI_TEST_RETURNED", json.dumps(returned))
        return run_tasks("tests", "decorated_tasks", DAY)

    return run


def test_decorated_task_returns_the_outputs_path(
    api: Any, lake: Any, run_returning: Callable[[object], Any]
) -> None:
    run = run_returning(RECORDS)

    assert run.states == {"complete": ["success"]}, run.output
    (path,) = run.xcoms["complete", "return_value"]
    assert path == lake.url("out/one")
    table = lake.table_of(f"{lake.bucket}/out/one/records-00000.parquet")
    assert table.select(["id", "text"]).to_pylist() == RECORDS
    assert all(table["completion"].to_pylist())
    (summary,) = run.xcoms["complete", "summary"]
    assert summary["ok"] == api.paid_calls == len(RECORDS)


def test_the_same_records_again_pay_for_the_rest_alone(
    api: Any, lake: Any, run_returning: Callable[[object], Any]
) -> None:
    api.follow(Script(faults=(Fault(kind="403", after=1, times=5),)))
    assert run_returning(RECORDS).states == {"complete": ["failed"]}
    (records,) = lake.names("out/one/_aimlapi/records")

    run = run_returning(RECORDS)
    assert run.states == {"complete": ["success"]}, run.output
    (summary,) = run.xcoms["complete", "summary"]
    assert summary["requests"] + summary["reused"] == len(RECORDS)
    assert api.paid_calls == len(RECORDS)
    assert lake.names("out/one/_aimlapi/records") == [records]

    run_returning([*RECORDS[:4], {"id": 4, "text": "Another."}])
    assert len(lake.names("out/one/_aimlapi/records")) == 2
    assert api.paid_calls > len(RECORDS)


def test_a_function_returns_a_path(
    api: Any, lake: Any, run_returning: Callable[[object], Any]
) -> None:
    lake.put("in/texts.parquet", {"text": ["{{ 7*7 }}", "b"]})
    run = run_returning(lake.url("in/"))
    assert run.states == {"complete": ["success"]}, run.output
    table = lake.table_of(f"{lake.bucket}/out/one/texts-00000.parquet")
    assert table["text"].to_pylist() == ["{{ 7*7 }}", "b"]
    assert lake.names("out/one/_aimlapi/records") == []


def test_a_path_is_not_rendered(api: Any, run_returning: Callable[[object], Any]) -> None:
    run = run_returning("file:///none/{{ 7*7 }}/x.parquet")
    assert run.states == {"complete": ["failed"]}
    assert "no input at file:///none/{{ 7*7 }}/x.parquet" in run.output


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, "returned NoneType. Return the input's path, or a list of records"),
        ([], "There are no records"),
        (["a"], "Record 0 is not a mapping"),
        ([{"text": "a"}, {"text": 1}], "values of 'text' cannot be one column"),
        ([{"text": "a"}] * 1001, "1,001 records; at most 1,000"),
        ([{"text": "a" * 1_000_001}], "at most 1,000,000 can be returned"),
        ([{"body": "a"}], "{text}"),
    ],
    ids=["nothing", "empty", "texts", "mixed", "many", "large", "wrong column"],
)
def test_unusable_results_fail_at_once_with_a_reason(
    api: Any, run_returning: Callable[[object], Any], returned: object, words: str
) -> None:
    run = run_returning(returned)
    assert run.states == {"complete": ["failed"]}
    assert words in run.output
    assert run.output.count("Task failed with exception") == 1
    assert not api.completions


def test_decorated_tasks_are_mapped_and_chained(
    api: Any, lake: Any, run_tasks: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMLAPI_TEST_OUTPUT", lake.url("out"))
    run = run_tasks("tests", "mapped_records", DAY)
    assert run.states["mapped"] == ["success"] * 2, run.output
    assert run.xcoms["mapped", "return_value"] == [lake.url("out/north"), lake.url("out/south")]
    assert run.states["again"] == ["success"], run.output
    table = lake.table_of(f"{lake.bucket}/out/again/records-00000-00000.parquet")
    assert table["text"].to_pylist() == ["Go north on 2026-01-02."]


def test_input_path_is_the_functions_alone(airflow_database: None) -> None:
    from airflow.sdk import DAG, task

    with DAG("wrong", schedule=None):

        @task.claude_completion(input_path="/in", output_path="/out", prompt="{text}")
        def complete() -> str:
            return "/in"

        with pytest.raises(TypeError, match="takes no input_path, because the function returns it"):
            complete()
