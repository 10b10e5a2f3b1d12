"""Runs with repairs and raised calls keep every promise in bad weather, and seeded bugs are caught."""

from __future__ import annotations

import pytest

from lab.simulation.repair_bugs import REPAIR_BUGS, caught_with_repairs
from lab.simulation.typed_answers import PLANS, simulate_typed, steps_of

SEEDS = range(12)


def test_runs_with_repairs_keep_every_promise() -> None:
    verdicts = [simulate_typed(seed) for seed in SEEDS]
    broken = {verdict.scenario.seed: verdict.violations for verdict in verdicts}
    assert {seed: violations for seed, violations in broken.items() if violations} == {}
    assert sum(verdict.misfortunes for verdict in verdicts) >= len(SEEDS) / 2
    assert sum(verdict.bills for verdict in verdicts) > sum(verdict.rows for verdict in verdicts)


@pytest.mark.parametrize("name", REPAIR_BUGS)
def test_a_seeded_bug_of_repairs_is_caught(name: str) -> None:
    assert caught_with_repairs(name) is not None


def test_rows_get_every_plan() -> None:
    plans = {tuple(step.kind for step in steps_of(f"Q: row {row}")) for row in range(24)}
    assert plans == set(PLANS)
