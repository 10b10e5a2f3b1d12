"""Searches for a seeded bug: first with random seeds, then with the scenario made for it."""

from __future__ import annotations

from lab.simulation.bugs import BUGS
from lab.simulation.directed import DIRECTED, directed
from lab.simulation.scenario import scenario_of
from lab.simulation.simulation import simulate

SEEDS_MAX = 40


def caught(name: str) -> str | None:
    """Return the violation that shows a bug, with its seed; None if there is none."""
    with BUGS[name]():
        if name in DIRECTED:
            violations = directed(name)
            return f"directed: {violations[0]}" if violations else None
        for seed in range(SEEDS_MAX):
            violations = simulate(scenario_of(seed)).violations
            if violations:
                return f"seed {seed}: {violations[0]}"
    return None
