"""A kill or a freeze at each operation of a run on the store or the API, then another attempt."""

from __future__ import annotations

import re
from dataclasses import replace
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
MERGING_SHAPE = Shape(rows=(18,))
MERGING_SETTINGS = settings_for(
    MERGING_SHAPE, max_concurrency=2, unflushed_rows_max=2, request_timeout_s=5.0, lease_ttl_s=6.0
)
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


# Between the creation of a merged segment and each removal of one that it replaces.


def run_while_merging(*troubles: Trouble, twin_after_s: float | None = None) -> Verdict:
    """A part that stays open for many flushes, and what befalls the attempt at it."""
    attempt = Attempt(troubles=troubles, twin_after_s=twin_after_s)
    attempts = (attempt,) if twin_after_s is None else (attempt, Attempt())
    weather = replace(PROMPT_STORE, names_a_page=2)
    return simulate(
        Scenario(
            seed=7,
            shape=MERGING_SHAPE,
            settings=MERGING_SETTINGS,
            weather=weather,
            attempts=attempts,
        )
    )


def journal_operations() -> list[str]:
    """Those of a run that nothing befalls, in their order."""
    never = Trouble(kind="kill", at_operation=NEVER)
    lines = run_while_merging(never).history.lines()
    return [line for line in lines if "attempt 1" in line and " journal/" in line]


JOURNAL_OPERATIONS = journal_operations()
MERGING_POINTS = list(product(range(1, len(JOURNAL_OPERATIONS) + 1), (False, True)))


def test_attempt_merges_and_removes_before_its_part() -> None:
    merged = [line for line in JOURNAL_OPERATIONS if re.search(r"create .*(-\d{8}){2}:", line)]
    removed = [line for line in JOURNAL_OPERATIONS if "delete" in line]
    assert len(merged) >= 5
    assert len(removed) >= 2 * len(merged)


@pytest.mark.parametrize("first", range(0, len(MERGING_POINTS), GROUP))
def test_killed_while_it_merges_a_retry_publishes(first: int) -> None:
    broken = {}
    for number, is_landing in MERGING_POINTS[first : first + GROUP]:
        kill = Trouble(kind="kill", at_operation=number, named="/journal/", is_landing=is_landing)
        broken[number, is_landing] = run_while_merging(kill).violations
    assert {point: violations for point, violations in broken.items() if violations} == {}


@pytest.mark.parametrize("first", range(1, len(JOURNAL_OPERATIONS) + 1, GROUP))
def test_frozen_while_it_merges_it_does_no_harm(first: int) -> None:
    broken = {}
    for number in range(first, min(first + GROUP, len(JOURNAL_OPERATIONS) + 1)):
        freeze = Trouble(
            kind="freeze", at_operation=number, named="/journal/", duration_s=12.0 + number / 8
        )
        broken[number] = run_while_merging(freeze, twin_after_s=5.0).violations
    assert {point: violations for point, violations in broken.items() if violations} == {}
