"""The examples of several tasks, and of several days, as they are committed, end to end."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.airflow

DAY = datetime(2026, 1, 2, tzinfo=UTC)
DAYS = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]


@pytest.fixture(autouse=True)
def lake_of_the_examples(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_EXAMPLE_LAKE", lake.url("lake"))


class TestEnrichTickets:
    @pytest.fixture
    def warehouse(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
        """Five tickets, four of the day, and their customers."""
        path = str(tmp_path / "warehouse.duckdb")
        monkeypatch.setenv("AIMLAPI_EXAMPLE_WAREHOUSE", path)
        with duckdb.connect(path) as made:
            made.execute(
                """
                CREATE TABLE customers (customer_id INT, region TEXT);
                INSERT INTO customers VALUES (1, 'north'), (2, 'south');
                CREATE TABLE tickets (id INT, customer_id INT, opened_on DATE, body TEXT);
                INSERT INTO tickets VALUES
                    (10, 1, '2026-01-01', 'Yesterday.'),
                    (11, 1, '2026-01-02', 'Where is my parcel?'),
                    (12, 2, '2026-01-02', 'You billed me twice.'),
                    (13, 2, '2026-01-02', NULL),
                    (14, 1, '2026-01-02', 'It broke: {body} {{ ds }}');
                CREATE TABLE ticket_topics
                    (id INT, opened_on DATE, region TEXT, topic TEXT, cost_usd DOUBLE);
                INSERT INTO ticket_topics VALUES (10, '2026-01-01', 'north', 'kept', 0);
                """
            )
        return path

    def loaded(self, warehouse: str) -> list[tuple[Any, ...]]:
        query = "SELECT id, region, topic, cost_usd FROM ticket_topics ORDER BY id"
        with duckdb.connect(warehouse, read_only=True) as opened:
            return opened.execute(query).fetchall()

    def test_tickets_are_extracted_completed_joined_and_loaded(
        self, api: Any, warehouse: str, run_tasks: Callable[..., Any]
    ) -> None:
        run = run_tasks("examples", "enrich_tickets", DAY)
        assert run.states == {
            "extract": ["success"],
            "complete": ["success"],
            "load": ["success"],
        }, run.output
        rows = self.loaded(warehouse)
        assert [row[:2] for row in rows] == [
            (10, "north"),
            (11, "north"),
            (12, "south"),
            (14, "north"),
        ]
        assert all(row[2] for row in rows)
        assert sum(row[3] for row in rows) == pytest.approx(api.simulator.ledger.total_usd)
        assert api.paid_calls == 3

        run_tasks("examples", "enrich_tickets", DAY)
        assert self.loaded(warehouse) == rows
        assert api.paid_calls == 3

        with duckdb.connect(warehouse) as opened:
            opened.execute("UPDATE tickets SET body = 'It works again.' WHERE id = 14")
        run_tasks("examples", "enrich_tickets", DAY)
        assert len(self.loaded(warehouse)) == 4
        assert api.paid_calls == 4


def test_second_backfill_pays_only_for_changed_days(
    api: Any, lake: Any, run_dag: Callable[..., Any]
) -> None:
    """Day by day what a backfill has a scheduler do; `make backfill` has one do it."""
    for day in (1, 2, 3):
        lake.put(
            f"lake/documents/ds=2026-01-0{day}/a.parquet", {"text": [f"{day}{n}" for n in "abc"]}
        )

    def backfill() -> list[dict[str, Any]]:
        runs = [run_dag("examples", "backfill_documents", day) for day in DAYS]
        assert [run.state for run in runs] == ["success"] * 3
        return [run.summary for run in runs]

    first = backfill()
    assert api.paid_calls == 9
    lake.put("lake/documents/ds=2026-01-02/a.parquet", {"text": ["new", "and", "more", "of it"]})
    second = backfill()

    assert api.paid_calls == 9 + 4
    assert [run["requests"] for run in second] == [0, 4, 0]
    same_runs = [a["run_key"] == b["run_key"] for a, b in zip(first, second, strict=True)]
    assert same_runs == [True, False, True]
    published = lake.table_of(f"{lake.bucket}/lake/document_topics/ds=2026-01-02/a-00000.parquet")
    assert published["text"].to_pylist() == ["new", "and", "more", "of it"]


def test_feedback_records_become_a_path(api: Any, lake: Any, run_tasks: Callable[..., Any]) -> None:
    feedback = [{"id": "a", "text": "It burns!"}, {"id": "b", "text": "Nice."}]
    with lake.fs.open_output_stream(f"{lake.bucket}/lake/feedback/2026-01-02.jsonl") as file:
        file.write("\n".join(map(json.dumps, feedback)).encode())
    run = run_tasks("examples", "triage_feedback", DAY)
    assert run.states == {"triage": ["success"], "urgent": ["success"]}, run.output
    assert run.xcoms["triage", "return_value"] == [lake.url("lake/feedback_triage/ds=2026-01-02/")]
    assert run.xcoms["triage", "summary"][0]["ok"] == api.paid_calls == 2
    assert set(run.xcoms["urgent", "return_value"][0]) <= {"a", "b"}


def test_hook_makes_one_call_in_a_task(api: Any, run_tasks: Callable[..., Any]) -> None:
    run = run_tasks("examples", "write_headline", DAY)
    assert run.states == {"headline": ["success"]}, run.output
    assert run.xcoms["headline", "return_value"] != [""]
    (call,) = api.completions
    prompt = "Write a headline of ten words for the market report of 2026-01-02."
    assert call.prompt_sha256 == sha256(prompt.encode()).hexdigest()
