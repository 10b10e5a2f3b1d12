"""Scenarios for moments that random seeds rarely reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.errors import (
    BudgetExhausted,
    StorageError,
    StoreUnavailable,
    TooManyRejections,
)
from lab.simulation.dataset_shapes import Shape
from lab.simulation.scenario import Attempt, Scenario, Trouble, settings_for
from lab.simulation.simulated_api import cost_nano_usd
from lab.simulation.simulation import Simulation, simulate
from lab.simulation.weather import Weather

if TYPE_CHECKING:
    from airflow_provider_aimlapi.engine.settings import Settings
    from lab.simulation.process import Process

SMALL = Shape(rows=(7, 5))


def scenario(*attempts: Attempt, seed: int = 1) -> Scenario:
    """A small run in good weather."""
    return Scenario(seed=seed, shape=SMALL, settings=settings_for(SMALL), attempts=attempts)


def killed_at(operation: str, number: int = 1, *, is_landing: bool = True) -> Attempt:
    """An attempt that dies when it sends the n-th operation of this name."""
    return Attempt(
        troubles=(
            Trouble(kind="kill", at_operation=number, named=operation, is_landing=is_landing),
        )
    )


def test_kill_while_the_journal_is_given_up_leaves_none() -> None:
    for number in (2, 3):  # the first such operation is the probe's
        verdict = simulate(scenario(killed_at("delete _aimlapi", number)))
        assert verdict.violations == ()


def test_rejections_count_over_all_attempts() -> None:
    """Two in each part and three allowed: an attempt that has one part from before still fails."""
    shape = Shape(rows=(4, 4), poison=frozenset({0, 1, 4, 5}))
    simulation = Simulation(
        Scenario(
            seed=1,
            shape=shape,
            settings=settings_for(shape, max_rejected_rows=3, max_concurrency=1),
            attempts=(killed_at("create _aimlapi", 12),),
        )
    )
    simulation.run()
    assert any("/parts/" in name for name in simulation.objects.objects)
    assert isinstance(simulation.processes[1].error, TooManyRejections)
    assert simulation.watcher.manifest is None


def first_call_s(simulation: Simulation, number: int) -> float:
    """Seconds from an attempt's start to its first call."""
    process = simulation.processes[number - 1]
    calls = [call for call in simulation.api.ledger.calls if call.process is process]
    return calls[0].sent_s - process.started_s


@pytest.mark.parametrize("seed", range(10))
def test_after_clean_stop_the_next_attempt_does_not_wait(seed: int) -> None:
    stopped = Attempt(troubles=(Trouble(kind="stop", after_s=1.0 + seed / 10),))
    simulation = Simulation(scenario(stopped, seed=seed))
    assert simulation.run().violations == ()
    assert first_call_s(simulation, 2) < 2.0


@pytest.mark.parametrize("seed", range(10))
def test_healthy_twins_hand_over_at_once_without_double_payment(seed: int) -> None:
    """As soon as the older one's next heartbeat is due, and its calls have come back."""
    shape = Shape(rows=(40,))
    settings = settings_for(shape)
    twins = (Attempt(twin_after_s=2.0 + seed / 4),)
    simulation = Simulation(Scenario(seed=seed, shape=shape, settings=settings, attempts=twins))
    verdict = simulation.run()
    assert verdict.violations == ()
    assert verdict.bills_twice == 0
    times = settings.lease_times
    longest_s = times.interval_s * 2 + simulation.scenario.weather.api_latency_s + 2.0
    assert first_call_s(simulation, 2) < longest_s < times.silence_s
    assert [process.report is not None for process in simulation.processes] == [True] * 3


@pytest.mark.parametrize("seed", range(10))
def test_attempt_names_the_unavailable_store_as_its_end(seed: int) -> None:
    """Whatever it was doing then, and not a group of what its tasks met."""
    shape = Shape(rows=(24, 6))
    simulation = Simulation(
        Scenario(
            seed=seed,
            shape=shape,
            settings=settings_for(shape),
            weather=Weather(outages=((1.0 + seed / 4, 400.0),), store_timeout_s=2.0),
            attempts=(Attempt(), Attempt()),
        )
    )
    assert simulation.run().violations == ()
    assert isinstance(simulation.processes[0].error, StoreUnavailable)


class Stumbling(Simulation):
    """Once, in the first attempt, the store's library fails as no store does: by a bug."""

    has_stumbled = False

    def _start(self, attempt: Attempt, settings: Settings) -> Process:
        process = super()._start(attempt, settings)
        if process.number == 1:
            process.on_operation = self._stumble
        return process

    def _stumble(self, _process: Process, operation: str) -> None:
        if operation.startswith("create") and "/journal/" in operation and not self.has_stumbled:
            self.has_stumbled = True
            raise TypeError("a bug of the library")


@pytest.mark.parametrize("seed", range(10))
def test_store_library_bug_loses_no_paid_answer(seed: int) -> None:
    """The run ends, its calls in flight are kept, and the batch is written a second time."""
    simulation = Stumbling(scenario(Attempt(), Attempt(), seed=seed))
    assert simulation.run().violations == ()
    assert simulation.has_stumbled
    assert isinstance(simulation.processes[0].error, StorageError)
    assert len(simulation.api.ledger.billed()) == sum(SMALL.rows)


class Cornered(Simulation):
    """Each attempt with a budget is killed soon after calls for nine tenths of it were made.

    Attributes:
        kills: so far.
    """

    kills = 0

    def _start(self, attempt: Attempt, settings: Settings) -> Process:
        process = super()._start(attempt, settings)
        if settings.budget_nano_usd is not None and attempt is not LAST:
            process.on_operation = self._look
        return process

    def _look(self, process: Process, operation: str) -> None:
        budget = self.scenario.settings.budget_nano_usd
        assert budget is not None
        asked_for = sum(cost_nano_usd(call.prompt) for call in self.api.ledger.calls)
        if operation == "call" and asked_for >= budget * 9 // 10:
            process.on_operation = lambda *_: None
            self.kills += 1
            delay_s = self._random.uniform(0.0, 4.0)
            self.scheduler.after(delay_s, lambda: self._befall(process, Trouble(kind="kill")))


LAST = Attempt()


@pytest.mark.parametrize("seed", range(12))
def test_budget_holds_over_repeated_kills_at_nine_tenths(seed: int) -> None:
    """Beyond it may go what was in flight or not yet durable at a kill, and nothing else."""
    shape = Shape(rows=(80,))
    settings = settings_for(shape, max_cost_usd=0.15)
    attempts = (*[Attempt(retry_after_s=5.0) for _ in range(5)], LAST)
    simulation = Cornered(Scenario(seed=seed, shape=shape, settings=settings, attempts=attempts))
    assert simulation.run().violations == ()
    assert simulation.kills >= 1
    at_risk = [prompt for m in simulation.watcher.misfortunes for prompt in m.at_risk]
    limited = [
        call for call in simulation.api.ledger.billed() if call.process.number <= len(attempts)
    ]
    paid = sum(cost_nano_usd(call.prompt) for call in limited)
    assert paid <= 150_000_000 + sum(map(cost_nano_usd, at_risk))
    assert isinstance(simulation.processes[len(attempts) - 1].error, BudgetExhausted)
