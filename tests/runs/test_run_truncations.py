"""`max_truncated_rows` over one attempt, over several, and over the shares of a run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from aimlapi_simulator import Fault
from airflow_provider_aimlapi.engine.blocking import plan_job, run_job
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import TooManyTruncations
from tests.runs.conftest import script, texts_table

if TYPE_CHECKING:
    from tests.runs.conftest import Workplace


def cut_off(place: Workplace, rows: str) -> None:
    place.sim.follow(script(faults=(Fault(kind="truncated", contains=rows),)))


def test_too_many_truncated_answers_publish_nothing(place: Workplace) -> None:
    """A second attempt counts what the first one paid for, and the argument alone publishes it."""
    cut_off(place, "7.")
    place.write(texts_table(60))
    with pytest.raises(TooManyTruncations, match="max_truncated_rows allows 3"):
        place.run(max_truncated_rows=0.05, max_concurrency=4)
    assert place.visible() == []
    with pytest.raises(TooManyTruncations, match="max_truncated_rows allows 3"):
        place.run(max_truncated_rows=3, max_concurrency=4)
    report = place.run()
    assert (report.tally.truncated, report.tally.rows) == (6, 60)
    assert len(place.sim.ledger.billed) == 60


def test_truncated_answers_are_counted_over_shares(place: Workplace) -> None:
    for number in range(4):
        place.write(texts_table(30, number * 30), f"{number}.parquet")
    cut_off(place, "printer on floor 3")
    plan_job(place.job(), Settings(), 4)
    settings = Settings(max_truncated_rows=6)
    with ThreadPoolExecutor(4) as workers:
        reports = list(workers.map(lambda one: run_job(place.job(), settings, share=one), range(4)))
    assert [report.tally.truncated for report in reports] == [4, 5, 4, 4]
    with pytest.raises(TooManyTruncations, match="17 answers were truncated"):
        place.run(max_truncated_rows=6)
    assert place.visible() == []
    assert place.run(max_truncated_rows=17).tally.truncated == 17
    assert len(place.sim.ledger.billed) == 120
