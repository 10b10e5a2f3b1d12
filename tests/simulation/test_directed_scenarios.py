"""Instants that chance seldom meets, each aimed at."""

from __future__ import annotations

from airflow_provider_aimlapi.errors import TooManyRejections
from tests.simulation.dataset_shapes import Shape
from tests.simulation.scenario import CALM, Attempt, Scenario, Trouble, settings_for
from tests.simulation.simulation import Simulation, simulate
from tests.simulation.weather import Weather

SMALL = Shape(rows=(7, 5))


def scenario(*attempts: Attempt, seed: int = 1, weather: Weather = CALM) -> Scenario:
    """A small run, in good weather if nothing else is said."""
    return Scenario(
        seed=seed, shape=SMALL, settings=settings_for(SMALL), attempts=attempts, weather=weather
    )


def killed_at(operation: str, number: int = 1, *, is_landing: bool = True) -> Attempt:
    """An attempt that dies when it sends the n-th operation of this name."""
    return Attempt(
        troubles=(
            Trouble(kind="kill", at_operation=number, named=operation, is_landing=is_landing),
        )
    )


def test_a_kill_while_the_journal_is_given_up_leaves_none() -> None:
    for number in (2, 3):  # the first such operation is the probe's
        verdict = simulate(scenario(killed_at("delete _aimlapi", number)))
        assert verdict.violations == ()


def test_no_heartbeat_comes_after_the_release() -> None:
    """The last heartbeat may be on its way, slowly, when the attempt has no more to do."""
    slow = Weather(store_slow=0.5, store_timeout_s=10.0, api_latency_s=1.0)
    for seed in range(20):
        stopped = Attempt(troubles=(Trouble(kind="stop", after_s=30.0 + seed / 4),))
        assert simulate(scenario(stopped, seed=seed, weather=slow)).violations == ()


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


def test_remains_that_are_tidied_away_while_they_are_read_cost_nothing() -> None:
    """An older attempt wakes and publishes between two listings of a newer one, which is frozen."""
    shape = Shape(rows=(12,))
    writing_its_part = Trouble(kind="freeze", at_operation=2, named="/parts/", duration_s=60.0)
    listing = Trouble(kind="freeze", at_operation=1, named="/parts/", duration_s=60.0)
    attempts = (
        Attempt(troubles=(writing_its_part,), twin_after_s=10.0),
        Attempt(troubles=(listing,)),
    )
    settings = settings_for(shape)
    for seed in range(20):
        verdict = simulate(Scenario(seed=seed, shape=shape, settings=settings, attempts=attempts))
        assert verdict.violations == ()
