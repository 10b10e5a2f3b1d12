"""Runs with cache marks keep every promise in bad weather, and seeded bugs are caught."""

from __future__ import annotations

import pytest

from lab.simulation.mark_bugs import MARK_BUGS, caught_with_marks
from lab.simulation.marks import MODES, mode_of, simulate_marks

SEEDS = range(15)


def test_marked_runs_keep_every_promise() -> None:
    verdicts = [simulate_marks(seed) for seed in SEEDS]
    broken = {verdict.scenario.seed: verdict.violations for verdict in verdicts}
    assert {seed: violations for seed, violations in broken.items() if violations} == {}
    assert {mode_of(seed) for seed in SEEDS} == set(MODES)


@pytest.mark.parametrize("name", MARK_BUGS)
def test_a_seeded_bug_of_marks_is_caught(name: str) -> None:
    assert caught_with_marks(name) is not None
