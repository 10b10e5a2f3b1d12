"""An attempt ends in time, and keeps what it paid for, whatever blocks or fails."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.engine.durable.visible_run import SHOWN_MAX
from airflow_provider_aimlapi.engine.reporting.reporter import FINAL_S_MAX, SINK_S_MAX
from airflow_provider_aimlapi.errors import RunInterrupted, StorageError, StoreUnsafe
from airflow_provider_aimlapi.storage.runs.journal_store import DELETED_AT_ONCE
from lab.simulation.dataset_shapes import Shape
from lab.simulation.scenario import Attempt, Scenario, SinkHabit, Trouble, settings_for
from lab.simulation.shares import Lane, ShareScenario, ShareSimulation
from lab.simulation.simulation import Simulation
from lab.simulation.weather import Refusal, Weather
from tests.fakes.memory_store import MemoryStore

if TYPE_CHECKING:
    from airflow_provider_aimlapi.engine.settings import Settings
    from lab.simulation.process import Process

SHAPE = Shape(rows=(24,))
PARTS = 20
WIDE = Shape(rows=(2,) * PARTS)
KILLED_AT = 34
"""The call of the first attempt at which it is killed."""
LAST_OPERATION = 200
"""More than the second attempt has."""
CALLS_S = 3.0
"""The longest that a call takes in good weather."""


def lasted_s(sink: SinkHabit) -> float:
    scenario = Scenario(
        seed=1, shape=SHAPE, settings=settings_for(SHAPE), sink=sink, attempts=(Attempt(),)
    )
    simulation = Simulation(scenario)
    assert simulation.run().violations == ()
    first = simulation.processes[0]
    assert first.report is not None
    assert first.ended_s is not None
    return first.ended_s - first.started_s


@pytest.mark.parametrize("sink", ["blocks", "fails"])
def test_sink_that_does_not_work_holds_up_no_publication(sink: SinkHabit) -> None:
    assert lasted_s(sink) <= lasted_s("works") + SINK_S_MAX + FINAL_S_MAX


class Stopped(Simulation):
    """The second attempt is asked to stop at one of its operations.

    Attributes:
        sent: what it has sent since, except for its lease.
    """

    def __init__(self, scenario: Scenario, at_operation: int) -> None:
        super().__init__(scenario)
        self.at_operation = at_operation
        self.sent: list[str] = []
        self.stopped_at_s: float | None = None

    def _start(self, attempt: Attempt, settings: Settings) -> Process:
        process = super()._start(attempt, settings)
        if process.number == 2:
            process.on_operation = self._count
        return process

    def _count(self, process: Process, operation: str) -> None:
        now_s = self.scheduler.now_s
        if process.operations == self.at_operation:
            self.stopped_at_s = now_s
            process.terminate()
        elif self.stopped_at_s is not None and now_s > self.stopped_at_s:
            self.sent.append(operation)


def stopped(at_operation: int, *, killed_at: int) -> Stopped:
    """A first attempt is killed; the second one finds what it left, and is stopped."""
    killed = Attempt(
        troubles=(Trouble(kind="kill", at_operation=killed_at, named="call", is_landing=True),)
    )
    scenario = Scenario(
        seed=3,
        shape=WIDE,
        settings=settings_for(WIDE),
        weather=Weather(store_dawdling=0.0),
        attempts=(killed, Attempt(), Attempt()),
    )
    return Stopped(scenario, at_operation)


def is_scan(operation: str) -> bool:
    """Whether it reads or copies something that is not its own lease, or removes a file."""
    is_spared = any(part in operation for part in ("/lease/", "/heartbeat/", "/journal/0"))
    return not is_spared and operation.startswith(("read ", "copy ", "delete ", "list "))


def check_stop(at_operation: int) -> None:
    simulation = stopped(at_operation, killed_at=KILLED_AT)
    assert simulation.run().violations == ()
    process = simulation.processes[1]
    if process.report is not None:  # it had nothing left to do
        assert not simulation.sent
        return
    assert isinstance(process.error, RunInterrupted)
    assert simulation.stopped_at_s is not None
    assert process.ended_s is not None
    assert process.ended_s - simulation.stopped_at_s < CALLS_S + 2.0
    assert len([name for name in simulation.sent if is_scan(name)]) <= 3  # a probe tidies up
    removed = [name for name in simulation.sent if name.startswith("delete ")]
    assert len(removed) <= DELETED_AT_ONCE  # which is one request where a store has one for many


class StoppedShare(ShareSimulation):
    """A share is asked to stop when it looks what all shares have spent.

    Attributes:
        sent: what it has sent since.
    """

    sent: list[str] | None = None

    def _start(self, attempt: Attempt, settings: Settings) -> Process:
        process = super()._start(attempt, settings)
        if process.number == 2:
            process.on_operation = self._count
        return process

    def _count(self, process: Process, operation: str) -> None:
        if self.sent is not None:
            self.sent.append(operation)
        elif operation.startswith("list ") and operation.endswith("/journal/"):
            self.sent = []
            process.terminate()


def test_stop_ends_the_read_of_what_shares_spent() -> None:
    killed = Attempt(troubles=(Trouble(kind="kill", at_operation=KILLED_AT, named="call"),))
    simulation = StoppedShare(
        ShareScenario(
            common=Scenario(
                seed=3, shape=WIDE, settings=settings_for(WIDE, max_cost_usd=1.0), attempts=()
            ),
            workers=2,
            lanes=(
                Lane(share=None, starts_s=0.0, attempts=(killed,)),
                Lane(share=1, starts_s=100.0, attempts=(Attempt(),)),
            ),
        )
    )
    assert simulation.run().violations == ()
    assert isinstance(simulation.processes[1].error, RunInterrupted)
    assert simulation.sent is not None
    assert [name for name in simulation.sent if is_scan(name)] == []


@pytest.mark.parametrize("at_operation", range(5, LAST_OPERATION, 16))
def test_a_stop_at_some_operation_ends_the_attempt_soon(at_operation: int) -> None:
    """While it prepares, waits, resumes, asks or publishes: no scan goes on."""
    check_stop(at_operation)


@pytest.mark.attack
@pytest.mark.parametrize("at_operation", range(1, LAST_OPERATION))
def test_a_stop_at_any_operation_ends_the_attempt_soon(at_operation: int) -> None:
    check_stop(at_operation)


def test_stops_fall_into_each_phase_of_an_attempt() -> None:
    """So that the test above covers what it says: this one is stopped nowhere."""
    simulation = stopped(10**6, killed_at=KILLED_AT)
    names: list[str] = []

    def note(process: Process, operation: str) -> None:
        names.append(operation)

    simulation._count = note  # type: ignore[method-assign]
    assert simulation.run().violations == ()
    assert 0.8 * LAST_OPERATION < len(names) < LAST_OPERATION
    assert sum("read _aimlapi" in name and "/parts/" in name for name in names) > PARTS / 2
    assert sum(name.startswith("copy ") for name in names) == PARTS


def test_stop_ends_wait_for_a_store_that_is_away() -> None:
    stop = Attempt(troubles=(Trouble(kind="stop", after_s=5.0),))
    scenario = Scenario(
        seed=1,
        shape=SHAPE,
        settings=settings_for(SHAPE),
        weather=Weather(outages=((0.0, 60.0),), store_timeout_s=2.0),
        attempts=(stop,),
    )
    simulation = Simulation(scenario)
    assert simulation.run().violations == ()
    first = simulation.processes[0]
    assert isinstance(first.error, RunInterrupted)
    assert first.ended_s is not None
    assert first.ended_s < 5.0 + 2.0


class Hiding(MemoryStore):
    """Whose listings lack one file that plain readers should see."""

    def list(self, prefix: str) -> list[str]:
        names = super().list(prefix)
        hidden = next((name for name in names if name.endswith(".parquet") and "_" not in name), "")
        return [name for name in names if name != hidden]


def test_a_listing_that_hides_a_file_ends_the_publication() -> None:
    scenario = Scenario(
        seed=1, shape=SHAPE, settings=settings_for(SHAPE), attempts=(Attempt(), Attempt())
    )
    simulation = Simulation(scenario)
    simulation.objects = Hiding()
    simulation.run()
    first = simulation.processes[0]
    assert isinstance(first.error, StoreUnsafe)
    assert "listing" in str(first.error)
    assert first.ended_s is not None
    assert first.ended_s - first.started_s < 60.0
    shown = [line for line in simulation.history.lines() if "copy " in line]
    assert len([line for line in shown if first.name in line]) == SHOWN_MAX
    assert len(simulation.api.ledger.billed()) == sum(SHAPE.rows)


@pytest.mark.parametrize("error", [StoreUnsafe, TypeError])
def test_a_journal_that_is_refused_is_no_busy_loop(
    error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    shape = Shape(rows=(100,))
    refused = Refusal(during=(3.0, 15.0), operations="create .*/journal/", error=error)
    scenario = Scenario(
        seed=1,
        shape=shape,
        settings=settings_for(shape),
        weather=Weather(store_refusals=(refused,), api_latency_s=20.0),
        attempts=(Attempt(),),
    )
    simulation = Simulation(scenario)
    with caplog.at_level(logging.ERROR):
        assert simulation.run().violations == ()
    first = simulation.processes[0]
    assert isinstance(first.error, StorageError)
    refusals = [line for line in simulation.history.lines() if ": refused" in line]
    assert 2 <= len(refusals) <= 12
    tracebacks = [record for record in caplog.records if record.exc_info]
    assert len(tracebacks) == (0 if error is StoreUnsafe else 1)


@pytest.mark.parametrize("latency_s", [0.1, 1.3])
@pytest.mark.parametrize("seed", range(4))
def test_killed_run_on_a_slow_store_is_published_later(seed: int, latency_s: float) -> None:
    killed = Attempt(troubles=(Trouble(kind="kill", at_operation=12 + seed, named="call"),))
    scenario = Scenario(
        seed=seed,
        shape=SHAPE,
        settings=settings_for(SHAPE),
        weather=Weather(store_latency_s=latency_s),
        attempts=(killed, Attempt()),
    )
    simulation = Simulation(scenario)
    assert simulation.run().violations == ()
    second = simulation.processes[1]
    assert second.report is not None
    first_call_s = min(
        call.sent_s for call in simulation.api.ledger.calls if call.process is second
    )
    times = scenario.settings.lease_times
    assert first_call_s - second.started_s < times.silence_s + 60 * latency_s
