"""Lineage where several tasks make one run, and of tasks that publish nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.airflow

DAY = datetime(2026, 1, 3, tzinfo=UTC)
FILES, ROWS_A_FILE = 4, 5


@pytest.fixture
def told(
    events: Callable[[], list[dict[str, Any]]],
    api: Any,
    lake: Any,
    run_tasks: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, list[dict[str, Any]]]:
    """Return the last event of each task of a divided run, by task."""
    monkeypatch.setenv("AIMLAPI_EXAMPLE_LAKE", lake.url("lake"))
    for number in range(FILES):
        texts = [f"Review {number}.{row}: it works." for row in range(ROWS_A_FILE)]
        lake.put(f"lake/documents/ds=2026-01-03/{number}.parquet", {"text": texts})
    run_tasks("examples", "summarise_on_workers", DAY)
    by_task: dict[str, list[dict[str, Any]]] = {}
    for event in events():
        if event["eventType"] == "COMPLETE":
            by_task.setdefault(event["job"]["name"].rpartition(".")[2], []).append(event)
    return by_task


def test_shares_read_rows_and_last_task_publishes_all(
    told: dict[str, list[dict[str, Any]]],
) -> None:
    shares = told["complete"]
    reads = [event["inputs"][0]["inputFacets"]["inputStatistics"] for event in shares]
    assert [(one["rowCount"], one["fileCount"]) for one in reads] == [(ROWS_A_FILE, 1)] * FILES
    assert [event["outputs"][0].get("outputFacets", {}) for event in shares] == [{}] * FILES
    (publish,) = told["publish"]
    statistics = publish["outputs"][0]["outputFacets"]["outputStatistics"]
    assert (statistics["rowCount"], statistics["fileCount"]) == (FILES * ROWS_A_FILE, FILES)
    (plan,) = told["plan"]
    assert [source["name"] for source in plan["inputs"]] == ["lake/documents/ds=2026-01-03"]
    assert plan["outputs"] == []
    assert "aimlapi_run" not in plan["run"]["facets"]


def test_shares_have_numbers_and_what_all_paid_adds_up(
    told: dict[str, list[dict[str, Any]]], api: Any
) -> None:
    shares = [event["run"]["facets"]["aimlapi_run"] for event in told["complete"]]
    told_of = sorted((facet["share"], facet["state"]) for facet in shares)
    assert told_of == [(number, "complete") for number in range(FILES)]
    whole = told["publish"][0]["run"]["facets"]["aimlapi_run"]
    assert (whole["state"], whole["rows"], "share" in whole) == ("published", 20, False)
    paid = sum(facet["try_cost_usd"] for facet in [*shares, whole])
    assert paid == pytest.approx(whole["cost_usd"])
    assert paid == pytest.approx(api.simulator.ledger.total_usd)
