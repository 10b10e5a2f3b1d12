"""Bugs beside the calls, and few descriptors: the simulation finds unguarded code."""

from __future__ import annotations

import pytest

from lab.simulation.companion_bugs import (
    COMPANION_BUGS,
    DIRECTED_COMPANIONS,
    SEEDS_MAX,
    caught_beside_calls,
)
from lab.simulation.simulation import simulate


@pytest.mark.parametrize("name", COMPANION_BUGS)
def test_seeded_bug_beside_the_calls_is_caught(name: str) -> None:
    assert caught_beside_calls(name) is not None


@pytest.mark.parametrize("name", DIRECTED_COMPANIONS)
def test_without_the_bug_nothing_is_lost(name: str) -> None:
    for seed in range(SEEDS_MAX):
        assert simulate(DIRECTED_COMPANIONS[name](seed)).violations == ()
