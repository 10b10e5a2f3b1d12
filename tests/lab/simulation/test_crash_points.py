"""Killed or frozen at each operation of a run, to the store or the API; then another attempt."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest

from lab.simulation.dataset_shapes import Shape
from lab.simulation.scenario import Attempt, Scenario, Trouble, settings_for
from lab.simulation.simulation import Verdict, simulate
from lab.simulation.weather import Weather

SHAPE = Shape(rows=(4, 2), nulls=frozenset({1}))
PROMPT_STORE = Weather(store_dawdling=0.0)
"""What is sent is on its way, so that "after" an operation is after its effect."""
SETTINGS = settings_for(SHAPE, max_concurrency=2, unflushed_rows_max=2, request_timeout_s=5.0)
GROUP = 20
PAIRS = 60


def run_killed_at(*points: tuple[int, bool]) -> Verdict:
    """One attempt for each point, killed there, and one more.

    Args:
        points: the number of an operation, and whether it and all that is on its way still
            arrives (killed after it) or not (killed before).
    """
    attempts = [
        Attempt(troubles=(Trouble(kind="kill", at_operation=number, is_landing=is_landing),))
        for number, is_landing in points
    ]
    return simulate(
        Scenario(
            seed=7,
            shape=SHAPE,
            settings=SETTINGS,
            weather=PROMPT_STORE,
            attempts=tuple(attempts),
        )
    )


def run_frozen_at(number: int) -> Verdict:
    """An attempt that stands still for long after an operation, while another one runs."""
    freeze = Trouble(kind="freeze", at_operation=number, duration_s=100.0)
    attempt = Attempt(troubles=(freeze,), twin_after_s=10.0)
    return simulate(Scenario(seed=7, shape=SHAPE, settings=SETTINGS, attempts=(attempt,)))


NEVER = 1_000_000
OPERATIONS = run_killed_at((NEVER, False)).operations[0]
"""Of a run that nothing befalls."""
POINTS = list(product(range(1, OPERATIONS + 1), (False, True)))


def test_a_run_has_many_operations_to_die_at() -> None:
    assert OPERATIONS > 40


@pytest.mark.parametrize("first", range(0, len(POINTS), GROUP))
def test_killed_anywhere_a_retry_publishes(first: int) -> None:
    points = POINTS[first : first + GROUP]
    verdicts = {point: run_killed_at(point) for point in points}
    broken = {point: verdict.violations for point, verdict in verdicts.items()}
    assert {point: violations for point, violations in broken.items() if violations} == {}
    assert all(verdict.misfortunes == 1 for verdict in verdicts.values())


@pytest.mark.parametrize("first", range(0, PAIRS, GROUP))
def test_killed_twice_anywhere_a_retry_publishes(first: int) -> None:
    random = Random(first)
    pairs = [(random.choice(POINTS), random.choice(POINTS)) for _ in range(GROUP)]
    broken = {pair: run_killed_at(*pair).violations for pair in pairs}
    assert {pair: violations for pair, violations in broken.items() if violations} == {}


@pytest.mark.parametrize("first", range(1, OPERATIONS + 1, GROUP))
def test_frozen_anywhere_it_does_no_harm_when_it_wakes(first: int) -> None:
    numbers = range(first, min(first + GROUP, OPERATIONS + 1))
    broken = {number: run_frozen_at(number).violations for number in numbers}
    assert {number: violations for number, violations in broken.items() if violations} == {}
