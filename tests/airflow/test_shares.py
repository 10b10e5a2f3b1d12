"""One run on several workers, in a real Airflow: the example, and each operator's own words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.airflow

DAY = datetime(2026, 1, 2, tzinfo=UTC)
PUBLISHED = {
    "summarise.plan": ["success"],
    "summarise.complete": ["success"] * 4,
    "summarise.publish": ["success"],
}


@pytest.fixture
def texts(lake: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Four files of the day."""
    monkeypatch.setenv("AIMLAPI_EXAMPLE_LAKE", lake.url("lake"))
    texts = [f"Text {number}: it is one." for number in range(20)]
    for number in range(4):
        columns = {"text": texts[5 * number : 5 * number + 5]}
        lake.put(f"lake/documents/ds=2026-01-02/{number}.parquet", columns)
    return texts


def test_four_workers_do_what_one_task_would(
    texts: list[str], api: Any, lake: Any, run_tasks: Callable[..., Any]
) -> None:
    run = run_tasks("examples", "summarise_on_workers", DAY)
    assert run.states == PUBLISHED, run.output
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
