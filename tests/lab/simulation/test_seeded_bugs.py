"""The simulation finds every bug that is put into the real code."""

from __future__ import annotations

import pytest

from lab.simulation.bugs import BUGS
from lab.simulation.directed import DIRECTED, directed
from lab.simulation.hunt import caught


@pytest.mark.parametrize("name", BUGS)
def test_a_seeded_bug_is_caught(name: str) -> None:
    assert caught(name) is not None


@pytest.mark.parametrize("name", DIRECTED)
def test_without_its_bug_a_directed_scenario_holds(name: str) -> None:
    assert directed(name) == ()


def test_every_directed_scenario_is_for_a_bug() -> None:
    assert set(DIRECTED) <= set(BUGS)
    assert len(BUGS) >= 12
