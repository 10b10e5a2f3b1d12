"""One run on several workers: a real simulator, real files, shares asked for at the same time."""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator import Fault
from airflow_provider_aimlapi.engine.blocking import plan_job, run_job
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import AccessRefused, InvalidSpec, TooManyRejections
from tests.runs.conftest import expected, script, texts_table

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary
    from tests.runs.conftest import Workplace

FILES = 4
ROWS_A_FILE = 30


def files(place: Workplace) -> None:
    """Four files, so that there are parts for four shares."""
    for number in range(FILES):
        place.write(texts_table(ROWS_A_FILE, number * ROWS_A_FILE), f"{number}.parquet")


def plan(place: Workplace, workers: int) -> int:
    return plan_job(place.job(), Settings(), workers)


def run_share(place: Workplace, share: int, **settings: Any) -> RunSummary:
    return run_job(place.job(), Settings(**settings), share=share)


def run_shares(place: Workplace, shares: int, **settings: Any) -> list[RunSummary]:
    """All of them at once, as workers would."""
    with ThreadPoolExecutor(shares) as workers:
        return list(workers.map(lambda one: run_share(place, one, **settings), range(shares)))


def stored(place: Workplace, ending: str) -> list[str]:
    return [name for name in place.fs.find(place.output) if name.endswith(ending)]


def test_shares_ask_and_the_run_publishes_without_a_call(place: Workplace) -> None:
    files(place)
    assert plan(place, workers=4) == 4
    reports = run_shares(place, 4)
    assert [report.tally.ok for report in reports] == [ROWS_A_FILE] * 4
    assert place.visible() == []
    assert stored(place, "manifest.json") == []
    calls = place.sim.ledger.billed_calls
    assert calls == FILES * ROWS_A_FILE

    report = place.run()
    assert place.sim.ledger.billed_calls == calls
    assert (report.requests, report.reused, report.tally.ok) == (0, 120, 120)
    assert report.tally.cost_nano_usd == sum(one.tally.cost_nano_usd for one in reports)
    table = place.result()
    assert table["id"].to_pylist() == list(range(120))
    assert table["completion"].to_pylist() == [expected(body) for body in table["body"].to_pylist()]
    assert len(stored(place, "manifest.json")) == 1

    again = run_share(place, 2)
    assert (again.requests, again.tally) == (0, reports[2].tally)
    assert plan(place, workers=4) == 1
    assert place.sim.ledger.billed_calls == calls


def test_who_plans_first_decides_how_many_shares_there_are(place: Workplace) -> None:
    files(place)
    assert plan(place, workers=2) == 2
    assert plan(place, workers=4) == 2
    with pytest.raises(InvalidSpec, match="2 share"):
        run_share(place, 2)
    with pytest.raises(InvalidSpec, match="numbered from 0"):
        run_share(place, -1)
    assert place.sim.ledger.requests == []


def test_a_run_that_began_as_one_stays_one(place: Workplace) -> None:
    files(place)
    place.sim.follow(script(faults=(Fault(kind="403", after=10),)))
    with pytest.raises(AccessRefused):
        place.run(max_concurrency=4)
    place.sim.follow(script())
    assert plan(place, workers=4) == 1
    report = run_share(place, 0)
    assert report.tally.ok == 120
    assert place.visible() == []
    assert place.run().requests == 0


def test_unplanned_share_is_refused(place: Workplace) -> None:
    files(place)
    with pytest.raises(InvalidSpec, match="ClaudeCompletionPlanOperator"):
        run_share(place, 0)
    assert place.sim.ledger.requests == []


def test_few_rows_are_not_worth_dividing(place: Workplace) -> None:
    place.write(texts_table(50))
    assert plan(place, workers=4) == 1


def test_one_large_file_is_divided_evenly(place: Workplace) -> None:
    place.write(texts_table(8000))
    assert plan(place, workers=4) == 4
    (name,) = stored(place, "plan.json")
    with place.fs.open(name) as file:
        stored_plan = json.load(file)
    firsts = [*stored_plan["shares"], len(stored_plan["shards"])]
    rows = [shard[3] for shard in stored_plan["shards"]]
    assert [sum(rows[a:b]) for a, b in itertools.pairwise(firsts)] == [2000] * 4


def test_the_whole_run_asks_for_what_a_share_left(place: Workplace) -> None:
    files(place)
    plan(place, workers=4)
    run_share(place, 1)
    calls = place.sim.ledger.billed_calls
    report = place.run()
    assert (report.reused, report.requests) == (ROWS_A_FILE, 90)
    assert place.sim.ledger.billed_calls - calls == 90
    assert len(set(place.paid_prompts())) == len(place.paid_prompts()) == 120


def test_rejections_are_counted_over_the_shares_together(place: Workplace) -> None:
    files(place)
    place.sim.follow(script(faults=(Fault(kind="400", contains="printer on floor 3"),)))
    plan(place, workers=4)
    reports = run_shares(place, 4, max_rejected_rows=6)
    rejected = [report.tally.rejected for report in reports]
    assert rejected == [4, 5, 4, 4], "no share has too many by itself"
    with pytest.raises(TooManyRejections, match="17 rows were rejected"):
        place.run(max_rejected_rows=6)
    assert place.visible() == []
    assert place.run(max_rejected_rows=17).tally.rejected == 17
