"""A run of rows that repeat each other: a short set of seeds, and the bugs that they must find."""

from __future__ import annotations

import pytest

from lab.simulation.duplicates import (
    DUPLICATE_BUGS,
    caught_with_duplicates,
    simulate_duplicates,
)

SEEDS = range(60)
GROUP = 20


@pytest.mark.parametrize("first", SEEDS[::GROUP])
def test_each_request_is_paid_once_in_bad_weather(first: int) -> None:
    verdicts = [simulate_duplicates(seed) for seed in range(first, first + GROUP)]
    broken = {verdict.scenario.seed: verdict.violations for verdict in verdicts}
    assert {seed: violations for seed, violations in broken.items() if violations} == {}
    assert sum(verdict.misfortunes for verdict in verdicts) >= GROUP // 2
    bills = sum(verdict.bills - verdict.bills_twice for verdict in verdicts)
    assert 2 * bills < sum(verdict.rows for verdict in verdicts)


@pytest.mark.parametrize("name", DUPLICATE_BUGS)
def test_a_seeded_bug_of_duplicates_is_caught(name: str) -> None:
    assert caught_with_duplicates(name) is not None
