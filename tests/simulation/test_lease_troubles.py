"""What goes wrong with a lease while calls are in flight, and what must not be lost by it."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.errors import StoreUnavailable, StoreUnsafe
from tests.simulation.dataset_shapes import Shape
from tests.simulation.scenario import Attempt, Scenario, settings_for
from tests.simulation.simulation import Simulation
from tests.simulation.weather import Refusal, Weather

SHAPE = Shape(rows=(100,))
SETTINGS = settings_for(SHAPE)
TIMES = SETTINGS.lease_times
HEARTBEATS = "write .*/heartbeat/"
LONG_S = 400.0


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
def test_heartbeats_that_are_refused_for_good_end_the_run_and_lose_no_answer(
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
