"""The committed examples run as they are, in a real Airflow, against S3 and the simulator."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.airflow

DAY = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def documents(lake: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """Store two files of the day and one of another day, and point the example at them."""
    monkeypatch.setenv("AIMLAPI_EXAMPLE_INPUT", lake.url("documents"))
    monkeypatch.setenv("AIMLAPI_EXAMPLE_OUTPUT", lake.url("summaries"))
    columns: dict[str, list[Any]] = {
        "president": ["Lincoln", "Lincoln", None, "Grant", "Grant"],
        "year": [1861, 1862, 1863, 1869, 1870],
        "text": ["Fellow citizens.", "{{ 7*7 }} {year}", "Nobody.", "שלום", "Of the Senate."],
    }
    lake.put("documents/ds=2026-01-01/a.parquet", {name: ["1"] for name in columns})
    lake.put("documents/ds=2026-01-02/a.parquet", {n: column[:3] for n, column in columns.items()})
    lake.put("documents/ds=2026-01-02/b.parquet", {n: column[3:] for n, column in columns.items()})
    return columns


def frame(lake: Any, folder: str) -> pd.DataFrame:
    return pd.concat(
        pd.DataFrame(lake.table_of(name).to_pydict())
        for name in lake.names(folder)
        if name.endswith(".parquet") and "/_aimlapi/" not in name
    )


def test_a_days_documents_are_summarised_row_by_row(
    documents: dict[str, list[Any]], api: Any, lake: Any, run_dag: Callable[..., Any]
) -> None:
    run = run_dag("examples", "summarise_documents", DAY)

    assert run.state == "success"
    summaries = frame(lake, "summaries/ds=2026-01-02")
    assert list(summaries["text"]) == documents["text"]
    assert list(summaries["year"]) == documents["year"]
    statuses = [info["status"] for info in summaries["completion_info"]]
    assert statuses == ["ok", "ok", "skipped", "ok", "ok"]
    assert summaries["completion"].isna().tolist() == [False, False, True, False, False]
    assert api.paid_calls == 4
    assert run.summary["rows"] == 5
    assert run.summary["ok"] == 4
    assert run.summary["skipped"] == 1
    assert run.summary["cost_usd"] == pytest.approx(api.simulator.ledger.total_usd)
    assert run.summary["output_path"] == lake.url("summaries/ds=2026-01-02")
    assert lake.read(run.summary["manifest"].removeprefix("s3://"))


def test_the_same_day_again_pays_nothing(
    documents: dict[str, list[Any]], api: Any, lake: Any, run_dag: Callable[..., Any]
) -> None:
    first = run_dag("examples", "summarise_documents", DAY)
    paid = api.paid_calls
    before = {name: lake.read(name) for name in lake.names("summaries")}

    again = run_dag("examples", "summarise_documents", DAY)

    assert again.state == "success"
    assert api.paid_calls == paid
    assert again.summary["run_key"] == first.summary["run_key"]
    assert again.summary["requests"] == 0
    assert {name: lake.read(name) for name in lake.names("summaries")} == before


def test_waiting_dag_reads_the_summaries_cost(
    documents: dict[str, list[Any]],
    api: Any,
    run_dag: Callable[..., Any],
    run_tasks: Callable[..., Any],
) -> None:
    summary = run_dag("examples", "summarise_documents", DAY).summary
    report = run_tasks("examples", "report_cost", DAY)
    assert report.xcoms["report", "return_value"] == [
        f"4 of 5 rows, {summary['cost_usd']:.4f} USD, {summary['output_path']}"
    ]
