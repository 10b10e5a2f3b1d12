"""One run on several workers, in a real Airflow: the example, and each operator's own words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.airflow

DAY = datetime(2026, 1, 2, tzinfo=UTC)
TASKS = ("plan", "complete", "publish")
PUBLISHED = {
    "summarise.plan": ["success"],
    "summarise.complete": ["success"] * 4,
    "summarise.publish": ["success"],
}


def listed_usd(reader: Any) -> float:
    """Return what the page that lists runs shows as the cost of this DAG."""
    costs = reader.get("/aimlapi/list", params={"text": "summarise_on_workers"}).json()
    return float(costs["paid_nano_usd"]) / 1e9


@pytest.fixture
def texts(lake: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Four files of the day."""
    monkeypatch.setenv("AIMLAPI_EXAMPLE_LAKE", lake.url("lake"))
    texts = [f"Text {number}: it is one." for number in range(20)]
    for number in range(4):
        columns = {"text": texts[5 * number : 5 * number + 5]}
        lake.put(f"lake/documents/ds=2026-01-02/{number}.parquet", columns)
    return texts


ARGUMENTS: dict[str, Any] = {
    "input_path": "s3://lake/in/",
    "output_path": "s3://lake/out/",
    "prompt": "{text}",
    "retries": 5,
}


def test_group_shares_arguments_and_gives_one_task_outlets(
    airflow_database: None,
) -> None:
    from airflow.sdk import DAG, Asset

    from airflow_provider_aimlapi.operators.workers import claude_completion_group

    asset = Asset("s3://lake/out/")
    with DAG("grouped", schedule=None) as dag:
        claude_completion_group(group_id="ask", workers=3, outlets=[asset], **ARGUMENTS)
    tasks: list[Any] = [dag.task_dict[f"ask.{one}"] for one in TASKS]
    plan, complete, publish = tasks
    assert {plan.retries, complete.retries, publish.retries} == {5}
    assert plan.workers == 3
    assert publish.share is None
    assert publish.trigger_rule == "all_done"  # it asks for what a share has left
    assert complete.partial_kwargs.get("trigger_rule", "all_success") == "all_success"
    assert (plan.outlets, complete.partial_kwargs["outlets"], publish.outlets) == ([], [], [asset])
    assert [task.downstream_task_ids for task in tasks] == [
        {"ask.complete"},
        {"ask.publish"},
        set(),
    ]


def test_the_task_that_plans_takes_no_share(airflow_database: None) -> None:
    from airflow_provider_aimlapi.operators.plan import ClaudeCompletionPlanOperator

    with pytest.raises(TypeError, match="returns the shares"):
        ClaudeCompletionPlanOperator(task_id="plan", workers=2, share=0, **ARGUMENTS)


def test_unplanned_share_fails_with_the_fix(
    api: Any, lake: Any, run_task: Callable[..., Any]
) -> None:
    lake.put("in/a.parquet", {"text": ["One.", "Two."]})
    paths = {"input_path": lake.url("in/"), "output_path": lake.url("out/")}
    run = run_task(**paths, prompt="{text}", share="0")
    assert (run.state, run.tries) == ("failed", 1)
    assert "Run a ClaudeCompletionPlanOperator with the same arguments" in run.output
    assert api.completions == []


def test_four_workers_do_what_one_task_would(
    texts: list[str], api: Any, lake: Any, run_tasks: Callable[..., Any], reader: Any
) -> None:
    run = run_tasks("examples", "summarise_on_workers", DAY)
    assert run.states == PUBLISHED, run.output
    assert listed_usd(reader) == pytest.approx(api.simulator.ledger.total_usd)
    shares = run.xcoms["summarise.complete", "return_value"]
    (whole,) = run.xcoms["summarise.publish", "return_value"]
    assert [(one["share"], one["rows"], one["ok"]) for one in shares] == [
        (share, 5, 5) for share in range(4)
    ]
    assert (whole["rows"], whole["ok"], whole["reused"], whole["requests"]) == (20, 20, 20, 0)
    assert whole["cost_usd"] == pytest.approx(sum(one["cost_usd"] for one in shares))
    assert whole["cost_usd"] == pytest.approx(api.simulator.ledger.total_usd)
    assert api.paid_calls == 20

    names = lake.names("lake/document_gists/ds=2026-01-02")
    assert sum(name.endswith("/manifest.json") for name in names) == 1
    visible = [name for name in names if name.endswith(".parquet") and "/_aimlapi/" not in name]
    table = [row for name in visible for row in lake.table_of(name).to_pylist()]
    assert [row["text"] for row in table] == texts
    assert all(row["completion_info"]["status"] == "ok" for row in table)

    again = run_tasks("examples", "summarise_on_workers", DAY)
    assert again.states == {**PUBLISHED, "summarise.complete": ["success"]}, again.output
    assert api.paid_calls == 20
    # The second test run has replaced the DAG run that paid, and this one paid for nothing.
    assert listed_usd(reader) == 0
