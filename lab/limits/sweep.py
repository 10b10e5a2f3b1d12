"""Doubles and halves each constant of the law, and prints what becomes worse.

python -m lab.limits.sweep [--only HOLD] [--factor 2]

A panel of short trials is run for each constant. A line names the worst change of any trial: in
wall time, in the share of 429s, in fairness.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import pkgutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core import pacing
from airflow_provider_aimlapi.core.money.budget import Budget
from airflow_provider_aimlapi.core.pacing.allowance import RequestAllowance, TokenAllowance
from airflow_provider_aimlapi.engine.calls import limiter
from airflow_provider_aimlapi.engine.calls.allowances import Allowances
from airflow_provider_aimlapi.engine.runtime import timer
from lab.limits.bulk_job import Job
from lab.limits.limits import Slots
from lab.limits.scenarios import SCENARIOS
from lab.limits.sharing import share
from lab.limits.simulated_api import Answers, SimulatedApi
from lab.limits.trial import try_law
from tests.fakes.virtual_loop import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

MODULES = [
    *(
        importlib.import_module(f"{pacing.__name__}.{module.name}")
        for module in pkgutil.iter_modules(pacing.__path__)
    ),
    limiter,
    timer,
]
LIMITS = {
    "no limit, 0.2 s": 5_000,
    "32 in flight, 0.2 s": 3_000,
    "5 a second, burst 300, next door": 1_000,
    "200 a second, burst 200, next door": 2_500,
    "200 a second, burst 20, 0.2 s": 2_000,
    "600 a minute, fixed": 2_500,
    "32 in flight and 20 a second": 1_500,
    "64, 32, 64 in flight": 5_000,
    "200, 100, 200 a second": 5_000,
    "200 a second, shared off and on": 5_000,
    "32 in flight and bursts of 503": 3_000,
    "32 in flight, 429s after 2 s": 1_500,
    "3,000 an hour, from minute 58": 4_000,
}
"""The trials for the law, and their rows: enough for what they show, and no more."""
NOISE = {
    "1% refused, 0.2 s": 8_000,
    "5% refused, 0.2 s": 8_000,
    "5% refused, 32 in flight, 0.2 s": 3_000,
    "half refused for 2 s in 20, 0.2 s": 10_000,
    "5 a second, burst 300, next door": 1_000,
    "200, 100, 200 a second": 5_000,
    "200 a second, shared off and on": 5_000,
}
"""The trials for what tells noise from a limit; the last three must not be taken for noise."""
SHARED = "24 in flight, 3 workers"
ALLOWED = "600 calls and 200,000 tokens a minute, set by the user"
TRIALS_OF = {
    "allowance": {ALLOWED: 2_000},
    "noise": {**NOISE, SHARED: 0},
    "refusal_quota": {**NOISE, SHARED: 0},
    "suspicion": {**NOISE, SHARED: 0},
}
"""The trials that a module's constants may change, if not those of the law."""
WORSE_WALL, WORSE_THROTTLED, WORSE_FAIRNESS = 0.01, 0.003, 0.01
"""Less is not printed: a constant that moves no trial by more has no effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The result of one trial.

    Attributes:
        wall: over the ideal.
        throttled: 429s per call.
        fairness: of workers that share a limit; 1 for one worker.
    """

    wall: float
    throttled: float
    fairness: float = 1.0


def run_panel(trials: dict[str, int]) -> dict[str, Figures]:
    """Run the trials with the constants as they are now."""
    return {name: _tried(name, rows) for name, rows in trials.items()}


def _tried(name: str, rows: int) -> Figures:
    if name == SHARED:
        shared = share(lambda: [Slots(24)], workers=3)
        return Figures(wall=1 / shared.total, throttled=shared.throttled, fairness=shared.fairness)
    if name == ALLOWED:
        return _allowed_job()
    scenario = next(one for one in SCENARIOS if one.name == name)
    result = try_law(replace(scenario, rows=rows), "ours")
    return Figures(wall=result.wall * scenario.rows / rows, throttled=result.throttled)


def _allowed_job() -> Figures:
    """Run 2,000 rows at an API without a limit, with both limits of the user's."""

    async def main() -> float:
        random = Random(1)
        allowances = Allowances(
            requests=RequestAllowance(per_minute=600), tokens=TokenAllowance(per_minute=200_000)
        )
        law = limiter.Limiter(
            ceiling=256,
            budget=Budget(),
            clock=VirtualClock(),
            random=random,
            allowances=allowances,
        )
        api = SimulatedApi(limits=[], answers=Answers(median_s=1.0), random=random)
        job = Job(rows=2_000, limiter=law, api=api, random=random)
        await job.run(256)
        return max(job.done_at_s)

    return Figures(wall=run_virtual(main()) / 360.0, throttled=0.0)


def constants_of(module: ModuleType) -> dict[str, float]:
    """Return the numbers that a module names."""
    tree = ast.parse(Path(module.__file__ or "").read_text())
    names = [
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    values = {name: getattr(module, name) for name in names if name.isupper()}
    return {name: value for name, value in values.items() if isinstance(value, int | float)}


@contextmanager
def changed(name: str, value: float) -> Iterator[None]:
    """Give a constant another value, in each module that has it."""
    holders = [module for module in MODULES if hasattr(module, name)]
    before = getattr(holders[0], name)
    for module in holders:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module in holders:
            setattr(module, name, before)


def worst(before: dict[str, Figures], after: dict[str, Figures]) -> str:
    """Return what became worse, the worst of each kind, or a dash."""
    kinds: list[tuple[float, str, Callable[[str], float]]] = [
        (WORSE_WALL, "{:+.0%} wall", lambda one: after[one].wall / before[one].wall - 1),
        (WORSE_THROTTLED, "{:+.1%} 429s", lambda one: after[one].throttled - before[one].throttled),
        (
            WORSE_FAIRNESS,
            "{:.2f} less fair",
            lambda one: before[one].fairness - after[one].fairness,
        ),
    ]
    parts = []
    for least, form, change in kinds:
        name = max(before, key=change)
        if change(name) > least:
            parts.append(f"{form.format(change(name))} ({name})")
    return "; ".join(parts) or "–"


def main() -> None:
    """Print one line per constant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="constants whose name contains this")
    parser.add_argument("--factor", type=float, default=2.0)
    options = parser.parse_args()
    print(f"| constant | value | times {options.factor:g} |\n|---|---|---|")
    for module in MODULES:
        trials = TRIALS_OF.get(module.__name__.rpartition(".")[2], {**LIMITS, SHARED: 0})
        names = {n: value for n, value in constants_of(module).items() if options.only in n}
        before = run_panel(trials) if names else {}
        for name, value in names.items():
            cell = _changed_to(trials, before, name, _scaled(value, options.factor))
            print(f"| `{name}` | {value:g} | {cell} |", flush=True)


def _scaled(value: float, factor: float) -> float:
    return max(1, round(value * factor)) if isinstance(value, int) else value * factor


def _changed_to(trials: dict[str, int], before: dict[str, Figures], name: str, value: float) -> str:
    with changed(name, value):
        try:
            after = run_panel(trials)
        except Exception as error:  # noqa: BLE001  # a law that makes no sense may not end
            return type(error).__name__
    return worst(before, after)


if __name__ == "__main__":
    main()
