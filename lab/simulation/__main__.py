"""Runs seeds: `python -m lab.simulation SEED [--shares | --typed | --duplicates | --marks] [--history]`, or many with `--seeds N [--from K]`."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from typing import TYPE_CHECKING

from lab.simulation.bugs import BUGS
from lab.simulation.companion_bugs import COMPANION_BUGS, caught_beside_calls
from lab.simulation.duplicates import (
    DUPLICATE_BUGS,
    caught_with_duplicates,
    simulate_duplicates,
)
from lab.simulation.hunt import caught
from lab.simulation.mark_bugs import MARK_BUGS, caught_with_marks
from lab.simulation.marks import simulate_marks
from lab.simulation.repair_bugs import REPAIR_BUGS, caught_with_repairs
from lab.simulation.rivals import Rivals
from lab.simulation.scenario import scenario_of
from lab.simulation.share_bugs import SHARE_BUGS, caught_by_shares
from lab.simulation.shares import share_scenario_of, simulate_shares
from lab.simulation.simulation import simulate
from lab.simulation.typed_answers import simulate_typed

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.simulation.simulation import Verdict

SEEDS_TO_A_SHARE = 2
SEEDS_TO_A_RIVALRY = 10
"""One seed of rivals is run for this number of other seeds, because less can happen in one."""


def main() -> int:
    """Run what the command line selects; return 1 if a promise was broken."""
    arguments = _arguments()
    logging.disable(logging.CRITICAL)
    kind = arguments.kind
    if arguments.seed is not None:
        verdict = KINDS[kind](arguments.seed)
        if arguments.history:
            print(*verdict.history.lines(), sep="\n")
        return _tell(verdict, kind)
    failed = _run_many(arguments.first, arguments.seeds)
    fewer = max(1, arguments.seeds // SEEDS_TO_A_SHARE)
    shares = _run_many(arguments.first, fewer, "shares")
    typed = _run_many(arguments.first, fewer, "typed")
    repeated = _run_many(arguments.first, fewer, "duplicates")
    marked = _run_many(arguments.first, fewer, "marks")
    rivals = _run_rivals(arguments.first, max(1, arguments.seeds // SEEDS_TO_A_RIVALRY))
    return max(failed, shares, typed, repeated, marked, rivals, _hunt())


KINDS: dict[str, Callable[[int], Verdict]] = {
    "": lambda seed: simulate(scenario_of(seed)),
    "shares": lambda seed: simulate_shares(share_scenario_of(seed)),
    "typed": simulate_typed,
    "duplicates": simulate_duplicates,
    "marks": simulate_marks,
}
"""A run by one worker, by several, one whose answers must follow a schema, one of equal rows, and one with
cache marks."""


def _hunt() -> int:
    """Print how many seeded bugs the simulation finds; return 1 if it misses any."""
    found = {name: caught(name) for name in BUGS}
    found |= {name: caught_by_shares(name) for name in SHARE_BUGS}
    found |= {name: caught_beside_calls(name) for name in COMPANION_BUGS}
    found |= {name: caught_with_repairs(name) for name in REPAIR_BUGS}
    found |= {name: caught_with_duplicates(name) for name in DUPLICATE_BUGS}
    found |= {name: caught_with_marks(name) for name in MARK_BUGS}
    for name, where in found.items():
        if where is None:
            print(f"not caught: {name}")
    count = sum(where is not None for where in found.values())
    print(f"{count} of {len(found)} seeded bugs caught")
    return int(count < len(found))


def _run_many(first: int, count: int, kind: str = "") -> int:
    started_s = time.perf_counter()
    failed = rows = twice = misfortunes = 0
    for seed in range(first, first + count):
        verdict = KINDS[kind](seed)
        failed += _tell(verdict, kind) if verdict.violations else 0
        rows += verdict.rows
        twice += verdict.bills_twice
        misfortunes += verdict.misfortunes
    elapsed_s = time.perf_counter() - started_s
    print(
        f"{count:,} seeds {f'of {kind} runs ' if kind else ''}from {first}, {rows:,} rows, {misfortunes:,} kills, freezes and "
        f"give-ups, {twice:,} rows paid twice as allowed, {failed} seeds with violations; "
        f"{elapsed_s:.0f} s"
    )
    return min(failed, 1)


def _run_rivals(first: int, count: int) -> int:
    """Simulate runs that show themselves at the same output path."""
    failed = misfortunes = 0
    for seed in range(first, first + count):
        world = Rivals(seed)
        for violation in world.run():
            print(f"rivals, seed {seed}: {violation}")
        failed += bool(world.violations)
        misfortunes += world.misfortunes
    print(
        f"{count:,} seeds of rivals from {first}, {misfortunes:,} kills, freezes and cuts, "
        f"{failed} seeds with violations"
    )
    return min(failed, 1)


def _tell(verdict: Verdict, kind: str) -> int:
    seed = verdict.scenario.seed
    for violation in verdict.violations:
        print(f"seed {seed}: {violation}")
    if verdict.violations:
        option = f" --{kind}" if kind else ""
        print(f"  see it: python -m lab.simulation {seed}{option} --history")
    return int(bool(verdict.violations))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.simulation", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", help="run this seed alone")
    kinds = parser.add_mutually_exclusive_group()
    for kind, text in (
        ("shares", "on several workers"),
        ("typed", "with a schema and repairs"),
        ("duplicates", "with rows that repeat each other"),
        ("marks", "with cache marks"),
    ):
        kinds.add_argument(f"--{kind}", action="store_const", const=kind, dest="kind", help=text)
    parser.set_defaults(kind="")
    parser.add_argument("--history", action="store_true", help="print what happened")
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first of them")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
