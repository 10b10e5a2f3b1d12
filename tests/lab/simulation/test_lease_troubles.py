"""Failures of a lease while calls are in flight, and the answers that must not be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.errors import StoreUnavailable, StoreUnsafe
from lab.simulation.dataset_shapes import Shape
from lab.simulation.scenario import Attempt, Scenario, Trouble, settings_for
from lab.simulation.simulation import Simulation
from lab.simulation.weather import Refusal, Weather

if TYPE_CHECKING:
    from airflow_provider_aimlapi.engine.settings import Settings
    from lab.simulation.process import Process

SHAPE = Shape(rows=(100,))
SETTINGS = settings_for(SHAPE)
TIMES = SETTINGS.lease_times
HEARTBEATS = "write .*/heartbeat/"
LONG_S = 400.0
SUSPENDED_S = 2 * TIMES.silence_s


def simulation_of(seed: int, *refusals: Refusal, attempts: tuple[Attempt, ...]) -> Simulation:
    weather = Weather(store_refusals=refusals)
    return Simulation(
        Scenario(seed=seed, shape=SHAPE, settings=SETTINGS, weather=weather, attempts=attempts)
    )


@pytest.mark.parametrize("error", [StoreUnsafe, TypeError])
@pytest.mark.parametrize("operations", [HEARTBEATS, "list .*/lease/"])
@pytest.mark.parametrize("seed", range(4))
def test_a_heartbeat_that_is_refused_once_costs_nothing(
    seed: int, operations: str, error: type[Exception]
) -> None:
    once = Refusal(during=(3.0, 3.0 + TIMES.interval_s), operations=operations, error=error)
    simulation = simulation_of(seed, once, attempts=(Attempt(),))
    verdict = simulation.run()
    assert verdict.violations == ()
    assert verdict.bills_twice == 0
    assert simulation.processes[0].report is not None
    assert sum(": refused" in line for line in verdict.history.lines()) == 1


@pytest.mark.parametrize(
    ("error", "told"), [(StoreUnsafe, StoreUnsafe), (TypeError, StoreUnavailable)]
)
@pytest.mark.parametrize("seed", range(4))
def test_refused_heartbeats_end_the_run_without_losing_answers(
    seed: int, error: type[Exception], told: type[Exception]
) -> None:
    for_good = Refusal(during=(3.0, LONG_S), operations=HEARTBEATS, error=error)
    simulation = simulation_of(seed, for_good, attempts=(Attempt(),))
    verdict = simulation.run()
    assert verdict.violations == ()
    assert verdict.bills_twice == 0
    ended = simulation.processes[0]
    assert type(ended.error) is told
    lasted_s = (ended.ended_s or 0.0) - ended.started_s
    assert TIMES.ttl_s < lasted_s < 3.0 + 2 * TIMES.ttl_s + 2 * TIMES.interval_s
    calls = [call for call in simulation.api.ledger.calls if call.process is ended]
    assert all(call.end == "answered" for call in calls)
    assert max(call.sent_s for call in calls) < 3.0 + TIMES.ttl_s


def suspended(seed: int, *, twin_after_s: float | None = None) -> Attempt:
    """An attempt whose machine is suspended in the midst of its calls."""
    trouble = Trouble(kind="suspend", at_operation=20 + seed, named="call", duration_s=SUSPENDED_S)
    return Attempt(troubles=(trouble,), twin_after_s=twin_after_s)


class Suspended(Simulation):
    """One attempt, whose machine is suspended.

    Attributes:
        since_waking: the operations that it has sent off since then.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(
            Scenario(seed=seed, shape=SHAPE, settings=SETTINGS, attempts=(suspended(seed),))
        )
        self.since_waking: list[str] = []

    def _start(self, attempt: Attempt, settings: Settings) -> Process:
        process = super()._start(attempt, settings)
        befall = process.on_operation

        def note(noted: Process, operation: str) -> None:
            befall(noted, operation)
            if noted.loop.suspended_s:
                self.since_waking.append(operation)

        process.on_operation = note
        return process


@pytest.mark.parametrize("seed", range(8))
def test_suspended_machine_makes_no_call_after_its_successor(seed: int) -> None:
    simulation = simulation_of(seed, attempts=(suspended(seed, twin_after_s=30.0),))
    verdict = simulation.run()
    assert verdict.violations == ()
    woken, twin = simulation.processes[:2]
    calls = {
        process: [call.sent_s for call in simulation.api.ledger.calls if call.process is process]
        for process in (woken, twin)
    }
    assert woken.loop.suspended_s == SUSPENDED_S
    assert max(calls[woken]) + TIMES.silence_s < min(calls[twin])
    at_risk = sum(len(misfortune.at_risk) for misfortune in simulation.watcher.misfortunes)
    assert verdict.bills_twice <= at_risk


@pytest.mark.parametrize("seed", range(8))
def test_suspended_machine_reads_the_store_before_it_calls(seed: int) -> None:
    simulation = Suspended(seed)
    verdict = simulation.run()
    assert verdict.violations == ()
    first_call = simulation.since_waking.index("call")
    heard = [name for name in simulation.since_waking[:first_call] if "/lease/" in name]
    assert heard
    assert simulation.processes[0].report is not None


@pytest.mark.parametrize("seed", range(8))
def test_elder_keeps_its_turn_while_the_store_refuses_writes(
    seed: int,
) -> None:
    """The newer attempt reads well, but neither can the elder speak, nor keep what it has paid for."""
    read_only = Refusal(during=(4.0, 4.0 + 2 * TIMES.silence_s), operations="^(write|create) ")
    simulation = simulation_of(seed, read_only, attempts=(Attempt(twin_after_s=3.0), Attempt()))
    verdict = simulation.run()
    assert verdict.violations == ()
    assert verdict.bills_twice == 0


@pytest.mark.parametrize("seed", range(8))
def test_releasing_elder_is_awaited_until_its_answers_are_kept(seed: int) -> None:
    """However long it takes for them to become durable, for it says that it is still there."""
    no_journal = Refusal(during=(4.0, 4.0 + 2 * TIMES.silence_s), operations="create .*/journal/")
    simulation = simulation_of(seed, no_journal, attempts=(Attempt(twin_after_s=5.0), Attempt()))
    verdict = simulation.run()
    assert verdict.violations == ()
    assert verdict.bills_twice == 0
