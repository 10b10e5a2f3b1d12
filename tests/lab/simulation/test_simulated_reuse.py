"""A run that reuses answers in bad weather: a short set of seeds, and the bugs that they must find."""

from __future__ import annotations

import pytest

from lab.simulation.reuse import REUSE_BUGS, caught_by_reuse, reuse_scenario_of, simulate_reuse

SEEDS = range(60)
GROUP = 20


@pytest.mark.parametrize("first", SEEDS[::GROUP])
def test_reuse_in_bad_weather_keeps_every_promise(first: int) -> None:
    verdicts = [simulate_reuse(reuse_scenario_of(seed)) for seed in range(first, first + GROUP)]
    broken = {verdict.scenario.seed: verdict.violations for verdict in verdicts}
    assert {seed: violations for seed, violations in broken.items() if violations} == {}
    assert sum(verdict.misfortunes for verdict in verdicts) >= GROUP // 2
    assert sum(verdict.bills for verdict in verdicts) < sum(verdict.rows for verdict in verdicts)


@pytest.mark.parametrize("name", REUSE_BUGS)
def test_a_seeded_bug_of_reuse_is_caught(name: str) -> None:
    assert caught_by_reuse(name) is not None
