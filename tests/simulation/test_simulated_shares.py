"""Shares of one run in bad weather: a short set of seeds, and the bugs that they must notice."""

from __future__ import annotations

import pytest

from tests.simulation.share_bugs import DIRECTED_SHARES, SHARE_BUGS, caught_by_shares
from tests.simulation.shares import share_scenario_of, simulate_shares

SEEDS = range(80)
GROUP = 20


@pytest.mark.parametrize("first", SEEDS[::GROUP])
def test_shares_in_bad_weather_keep_every_promise(first: int) -> None:
    """A failure names the seeds; `python -m tests.simulation SEED --shares --history` shows one."""
    verdicts = [simulate_shares(share_scenario_of(seed)) for seed in range(first, first + GROUP)]
    broken = {verdict.scenario.seed: verdict.violations for verdict in verdicts}
    assert {seed: violations for seed, violations in broken.items() if violations} == {}
    assert sum(verdict.misfortunes for verdict in verdicts) >= GROUP
    assert sum(verdict.bills_twice for verdict in verdicts) > 0, "nothing was ever at risk"


@pytest.mark.parametrize("name", SHARE_BUGS)
def test_a_seeded_bug_of_shares_is_caught(name: str) -> None:
    assert caught_by_shares(name) is not None


@pytest.mark.parametrize("name", DIRECTED_SHARES)
def test_without_its_bug_a_directed_scenario_of_shares_holds(name: str) -> None:
    for seed in range(12):
        assert simulate_shares(DIRECTED_SHARES[name](seed)).violations == ()
