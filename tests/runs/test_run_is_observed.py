"""What an observer beside a run sees of it: facts, lineage, and nothing that could harm the run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from aimlapi_simulator import Fault, Script
from airflow_provider_aimlapi.core.reporting.lineage import COLUMNS_MAX
from airflow_provider_aimlapi.engine.blocking import RunPage, plan_job, run_job
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import AccessRefused
from airflow_provider_aimlapi.operators.telemetry.observation import Observation
from airflow_provider_aimlapi.storage.runs.progress_object import ProgressObject
from tests.runs.conftest import texts_table

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.reporting.run_progress import AttemptProgress, RunProgress
    from tests.runs.conftest import Workplace

ROWS = 40


@pytest.fixture
def rows(place: Workplace) -> Workplace:
    place.write(pa.table({"body": [f"Text number {number}." for number in range(ROWS)]}))
    return place


def observe(
    place: Workplace, seen: Observation, *, share: int | None = None, **settings: int
) -> None:
    seen.report = run_job(
        place.job(),
        Settings(**settings),  # type: ignore[arg-type]  # whole numbers alone
        share=share,
        page=RunPage(open_sink=seen.observed_opener(ProgressObject)),
        emit_lineage=seen.keep_lineage,
    )


def test_published_facts_are_the_summary_and_this_trys_payments(
    rows: Workplace,
) -> None:
    seen = Observation(lambda _: None)
    assert seen.facts_of_try() == {}
    observe(rows, seen)
    assert seen.report is not None
    assert seen.facts_of_try() == {
        "state": "published",
        "model": "anthropic/claude-sonnet-4-6-20260218",
        "try_cost_usd": seen.report.as_return_value()["cost_usd"],
        **seen.report.as_return_value(),
    }


def test_each_of_two_tries_reports_its_own_payments(rows: Workplace) -> None:
    """The second takes up a shard half done: what it finds there is the first one's."""
    told: list[list[RunProgress]] = [[], []]
    rows.sim.follow(Script(faults=(Fault(kind="403", after=20),)))
    with pytest.raises(AccessRefused):
        observe(rows, Observation(told[0].append), max_concurrency=1)
    rows.sim.follow(Script())
    observe(rows, Observation(told[1].append), max_concurrency=1)

    first, second = own(told[0]), own(told[1])
    assert 0 < first.statuses["ok"] == first.rows < ROWS
    assert second.statuses["ok"] == second.rows == ROWS - first.rows
    whole = told[1][-1]
    assert first.prompt_tokens + second.prompt_tokens == whole.prompt_tokens
    assert first.completion_tokens + second.completion_tokens == whole.completion_tokens
    assert first.cost_nano_usd + second.cost_nano_usd == whole.cost_nano_usd
    assert [own(tries[:1]).rows for tries in told] == [0, 0]


def own(told: list[RunProgress]) -> AttemptProgress:
    return told[-1].attempts[-1]


def test_a_share_tells_its_number_and_its_rows_alone(place: Workplace) -> None:
    for number in range(2):
        place.write(texts_table(ROWS, number * ROWS), f"{number}.parquet")
    assert plan_job(place.job(), Settings(), 2) == 2
    seen = Observation(lambda _: None)
    observe(place, seen, share=1)
    assert seen.lineage is not None
    facts = seen.facts_of_try()
    assert (facts["state"], facts["share"]) == ("complete", 1)
    assert facts["rows"] == facts["ok"] == seen.lineage.rows == ROWS
    assert seen.lineage.files == 1


def test_failing_observer_harms_nothing_and_is_logged_once(
    rows: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: RunProgress) -> None:
        raise RuntimeError("nobody listens")

    seen = Observation(fail)
    with caplog.at_level(logging.WARNING):
        observe(rows, seen)
    assert seen.facts_of_try()["ok"] == ROWS
    assert [record for record in caplog.messages if "nobody listens" in record] == [
        "Metrics cannot be sent. The run continues without them: nobody listens"
    ]
    assert [path for path in rows.fs.find(rows.output) if path.endswith("/progress.json")]


def test_lineage_has_columns_rows_and_bytes_read(place: Workplace) -> None:
    nested = pa.array([{"at": 1, "by": "me"}] * ROWS)
    place.write(pa.table({"body": ["Text"] * ROWS, "seen": nested, "tags": [["a"]] * ROWS}))
    seen = Observation(lambda _: None)
    observe(place, seen)
    assert seen.lineage is not None
    told = [(column.name, column.type) for column in seen.lineage.columns]
    assert told == [("body", "string"), ("seen", "struct"), ("tags", "list<element: string>")]
    inner = seen.lineage.columns[1].fields
    assert [(column.name, column.type) for column in inner] == [("at", "int64"), ("by", "string")]
    assert [column.name for column in seen.lineage.answers] == ["completion", "completion_info"]
    assert seen.lineage.prompt_columns == ("body",)
    assert (seen.lineage.rows, seen.lineage.files) == (ROWS, 1)
    (size,) = [place.fs.size(path) for path in place.fs.find(place.input)]
    assert seen.lineage.size_bytes == size


def test_lineage_of_a_very_wide_input_has_an_end(place: Workplace) -> None:
    place.write(pa.table({"body": ["Text"], **{f"c{n}": [n] for n in range(COLUMNS_MAX + 9)}}))
    seen = Observation(lambda _: None)
    observe(place, seen)
    assert seen.lineage is not None
    assert len(seen.lineage.columns) == COLUMNS_MAX
