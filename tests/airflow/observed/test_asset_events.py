"""Asset events of a run, read from Airflow's database and by a waiting task."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator.faults.script import Fault, Script

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.airflow

DAY = datetime(2026, 5, 1, tzinfo=UTC)
KEY_PART = "never-to-be-seen"


@pytest.fixture
def paths(lake: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    lake.put("in/texts.parquet", {"text": ["one", "two", None, "four"]})
    paths = {"input_path": lake.url("in/"), "output_path": lake.url("out/")}
    monkeypatch.setenv("AIMLAPI_TEST_ARGUMENTS", json.dumps(paths))
    return paths


def events_of(dag_id: str) -> dict[str, Any]:
    """By the asset's name, the last event of each."""
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        query = (
            select(AssetModel.name, AssetEvent)
            .join(AssetModel, AssetModel.id == AssetEvent.asset_id)
            .filter(AssetEvent.source_dag_id == dag_id, AssetEvent.source_task_id == "complete")
            .order_by(AssetEvent.id)
        )
        found = {row.name: row.AssetEvent for row in session.execute(query)}
        session.expunge_all()
        return found


def test_events_carry_published_rows_and_cost(
    api: Any, paths: dict[str, str], run_tasks: Callable[..., Any]
) -> None:
    run = run_tasks("tests", "told_assets", DAY)
    assert run.states == {"complete": ["success"], "read": ["success"]}, run.output
    (summary,) = run.xcoms["complete", "return_value"]
    events = events_of("told_assets")
    extra = events["answers"].extra
    assert extra == {
        **{name: summary[name] for name in ("run_key", "manifest", "output_path", "rows")},
        "ok": 3,
        "truncated": 0,
        "refused": 0,
        "invalid": 0,
        "rejected": 0,
        "skipped": 1,
        "repaired": 0,
        "reused": 0,
        "reused_answers": 0,
        "duplicates": 0,
        "saved_usd": 0.0,
        **{name: summary[name] for name in ("prompt_tokens", "completion_tokens", "cost_usd")},
        "cache_hit_rate": 0.0,
        "cache_saved_usd": 0.0,
        "model": "anthropic/claude-sonnet-4-6-20260218",
        "try_cost_usd": summary["cost_usd"],
    }
    assert extra["cost_usd"] == pytest.approx(api.simulator.ledger.total_usd)
    assert events["also"].extra == extra  # by reference
    assert run.xcoms["read", "return_value"] == [extra]
    assert KEY_PART not in repr([event.extra for event in events.values()])


def test_reused_run_reports_no_new_cost(
    api: Any, paths: dict[str, str], run_tasks: Callable[..., Any]
) -> None:
    run_tasks("tests", "told_assets", DAY)
    first = events_of("told_assets")["answers"].extra
    run_tasks("tests", "told_assets", DAY)
    again = events_of("told_assets")["answers"].extra
    assert again == {**first, "reused": 4, "try_cost_usd": 0.0}


def test_a_run_that_published_nothing_has_no_event(
    api: Any, paths: dict[str, str], run_tasks: Callable[..., Any], lake: Any
) -> None:
    before = set(events_of("told_assets"))
    api.follow(Script(faults=(Fault(kind="400"),)))
    assert run_tasks("tests", "told_assets", DAY).states["complete"] == ["failed"]
    assert set(events_of("told_assets")) == before


def test_a_partitioned_run_names_its_partition(
    api: Any, paths: dict[str, str], run_first_try: Callable[..., Any]
) -> None:
    run_first_try("partitioned", DAY, partition_key="2026-05-01")
    (event,) = events_of("partitioned").values()
    assert event.partition_key == event.extra["partition_key"] == "2026-05-01"
    assert event.extra["rows"] == 4
