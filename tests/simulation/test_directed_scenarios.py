"""Instants that chance seldom meets, each aimed at."""

from __future__ import annotations

from tests.simulation.dataset_shapes import Shape
from tests.simulation.scenario import Attempt, Scenario, Trouble, settings_for
from tests.simulation.simulation import simulate

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


def test_a_kill_while_the_journal_is_given_up_leaves_none() -> None:
    for number in (2, 3):  # the first such operation is the probe's
        verdict = simulate(scenario(killed_at("delete _aimlapi", number)))
        assert verdict.violations == ()
