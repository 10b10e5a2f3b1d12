"""Rows that were rejected are asked again when told to, and only those: nothing is bought twice."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator import Fault, Latency
from airflow_provider_aimlapi.engine.blocking import plan_job, run_job
from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import RunInterrupted, TooManyRejections
from tests.runs.conftest import Workplace, expected, script, texts_table

if TYPE_CHECKING:
    from aimlapi_simulator import Script


def refusing(kind: str, contains: str, **changes: Any) -> Script:
    return script(faults=(Fault(kind=kind, contains=contains),), **changes)


def slow_but_for_a_few() -> Script:
    """Most of the rows that were rejected are answered only after their time is over."""
    slow = Fault(kind="slow", contains="7.", after=3, delay_s=30.0)
    return script(faults=(slow,), latency=Latency(median_s=0.01))


def fail_with_durable_parts(place: Workplace, kind: str = "400") -> None:
    """Two parts: the first whole with some rejected rows, the second cut short by them."""
    place.write(texts_table(60), "a.parquet")
    place.write(texts_table(60, 60), "b.parquet")
    place.sim.follow(refusing(kind, "7.", latency=Latency(median_s=0.01)))
    with pytest.raises(TooManyRejections, match="retry_rejected"):
        place.run(max_rejected_rows=8, max_concurrency=4, max_attempts=1)
    assert place.fs.glob(f"{place.output}/_aimlapi/*/parts/*") != []


@pytest.mark.parametrize("kind", ["400", "no-choices", "brotli-unasked"])
def test_retry_sends_rejected_rows_of_durable_parts_again(place: Workplace, kind: str) -> None:
    fail_with_durable_parts(place, kind)
    before = len(place.sim.ledger.billed)
    place.sim.follow(script())
    report = place.run(retry_rejected=True)
    assert (report.tally.ok, report.tally.rejected) == (120, 0)
    result = place.result()
    assert result["completion"].to_pylist() == [expected(b) for b in result["body"].to_pylist()]
    assert len(place.sim.ledger.billed) - before == report.requests == 120 - report.reused
    assert report.as_return_value()["cost_usd"] == place.sim.ledger.total_usd


def test_retry_without_the_option_leaves_rows_rejected(place: Workplace) -> None:
    fail_with_durable_parts(place)
    place.sim.follow(script())
    report = place.run(max_rejected_rows=0.5)
    assert report.tally.rejected == 9
    assert len(place.sim.ledger.billed) == 111


def test_answers_of_a_stopped_retry_are_used_later(
    place: Workplace,
) -> None:
    """The later attempt does not retry rejected rows."""
    fail_with_durable_parts(place)
    before = len(place.sim.ledger.billed)
    place.sim.follow(slow_but_for_a_few())
    stop = StopSignal()

    def stop_soon() -> None:
        pause = threading.Event()
        while len(place.sim.ledger.billed) < before + 3:
            pause.wait(0.005)
        stop.request_stop()

    watcher = threading.Thread(target=stop_soon)
    watcher.start()
    with pytest.raises(RunInterrupted):
        place.run(retry_rejected=True, stop=stop, max_concurrency=4, request_timeout_s=1.0)
    watcher.join()
    place.sim.follow(script())
    report = place.run(max_rejected_rows=0.5)
    assert 1 <= report.tally.rejected < 9
    prompts = place.paid_prompts()
    assert len(prompts) == len(set(prompts)) == 120 - report.tally.rejected


def test_rejected_rows_of_a_durable_part_are_sent_again(place: Workplace) -> None:
    place.write(texts_table(5))
    place.sim.follow(refusing("400", "Ticket"))
    with pytest.raises(TooManyRejections):
        place.run(max_rejected_rows=4)
    place.sim.follow(script())
    assert place.run().tally.ok == 5


def test_the_budget_counts_what_reopened_parts_cost(place: Workplace) -> None:
    fail_with_durable_parts(place, "no-choices")
    spent = place.sim.ledger.total_usd
    place.sim.follow(script())
    report = place.run(retry_rejected=True, max_cost_usd=spent * 3)
    assert report.as_return_value()["cost_usd"] == place.sim.ledger.total_usd


def known_cost(place: Workplace) -> float:
    """What the API said it charged, in all."""
    billed = place.sim.ledger.billed
    return sum(record.usd for record in billed if record.fault != "cost-nowhere")


def test_costs_of_row_rejected_twice_stay_in_the_sum(place: Workplace) -> None:
    """Each of its answers was paid for, and none of them could be read."""
    fail_with_durable_parts(place, "no-choices")
    before = len(place.sim.ledger.billed)
    report = place.run(retry_rejected=True, max_rejected_rows=0.5)
    assert report.tally.rejected > 0
    assert len(place.sim.ledger.billed) > before
    assert report.as_return_value()["cost_usd"] == pytest.approx(known_cost(place))


@pytest.mark.parametrize("bills", [1, 2, 4])
def test_cost_of_a_stopped_retry_stays_in_the_sum(place: Workplace, bills: int) -> None:
    """It paid for answers that could not be read; the next run leaves their rows rejected."""
    fail_with_durable_parts(place, "no-choices")
    before = len(place.sim.ledger.billed)
    place.sim.follow(
        script(
            faults=(Fault(kind="no-choices", contains="7.", delay_s=0.05),),
            latency=Latency(median_s=0.01),
        )
    )
    place.run_until_billed(before + bills, retry_rejected=True, max_concurrency=1, max_attempts=8)
    assert len(place.sim.ledger.billed) > before
    place.sim.follow(script())
    report = place.run(max_rejected_rows=0.5)
    assert report.tally.rejected > 0
    assert report.as_return_value()["cost_usd"] == pytest.approx(known_cost(place))


def test_later_edition_keeps_what_is_known_of_unknown_costs(place: Workplace) -> None:
    """A row's unreadable answers told their costs; the one that could be read did not."""
    place.write(texts_table(10), "a.parquet")
    place.write(texts_table(60, 10), "b.parquet")
    assert plan_job(place.job(), Settings(), 2) == 2
    faults = (
        Fault(kind="no-choices", contains="Ticket 3.", times=2),
        Fault(kind="cost-nowhere", contains="Ticket 3."),
        Fault(kind="400", contains="7."),
    )
    place.sim.follow(script(faults=faults, latency=Latency(median_s=0.01)))
    run_job(place.job(), Settings(max_rejected_rows=1), share=0)
    place.sim.follow(script())
    report = place.run(retry_rejected=True)
    assert (report.tally.ok, report.tally.rejected) == (70, 0)
    assert report.tally.rows_without_cost == 1
    assert report.as_return_value()["cost_usd"] == pytest.approx(known_cost(place))
