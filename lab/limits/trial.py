"""One law in one scenario: figures to compare, against an ideal that knows the limit."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.engine.calls.limiter import Limiter
from lab.limits.bulk_job import Job, Trace
from lab.limits.laws import LAWS, Ideal
from lab.limits.limits import Bucket, Slots
from lab.limits.scenarios import SCENARIOS
from lab.limits.simulated_api import SimulatedApi
from tests.fakes.virtual_loop import run_virtual

if TYPE_CHECKING:
    from lab.limits.bulk_job import AnyLimiter
    from lab.limits.scenarios import Scenario

NEAR = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of it.

    Attributes:
        lost: rows. wall, ideal_s: the ratio, and the seconds it is of.
        throttled: 429s a request. found_s: the longest time to 90% of the limit, from the start or
            a change; infinite where it was not reached.
    """

    name: str
    law: str
    lost: int
    wall: float
    ideal_s: float
    throttled: float
    found_s: float
    trace: Trace

    def line(self) -> str:
        """A line of the table."""
        return (
            f"{self.name:44}{self.law:>10}{self.lost:>6}{self.wall:>8.3f}{self.ideal_s:>9.1f} s"
            f"{self.throttled:>8.2%}{self.found_s:>8.1f} s"
        )


@cache
def ideal_s(name: str, seed: int, *, leaves: bool = False) -> float:
    """How long the job takes for whoever knows the limit."""
    scenario = next(one for one in SCENARIOS if one.name == name)
    job, _ = run_virtual(_play(scenario, "ideal", seed, leaves=leaves))
    return job.done_at_s[-1]


def try_law(scenario: Scenario, law: str, seed: int = 1, *, leaves: bool = False) -> Result:
    """Run it.

    Args:
        leaves: the ideal leaves another client what it asks for, and does not snatch all of it.
    """
    best_s = ideal_s(scenario.name, seed, leaves=leaves)
    job, trace = run_virtual(_play(scenario, law, seed))
    return Result(
        name=scenario.name,
        law=law,
        lost=job.lost,
        wall=max(job.done_at_s) / best_s,
        ideal_s=best_s,
        throttled=job.limiter.throttled / job.limiter.requests,
        found_s=_found_s(scenario, trace),
        trace=trace,
    )


async def _play(
    scenario: Scenario, law: str, seed: int, *, leaves: bool = False
) -> tuple[Job, Trace]:
    limits = scenario.limits()
    for limit in limits:
        if isinstance(limit, Slots | Bucket):
            limit.is_left = leaves
    api = SimulatedApi(
        limits=limits,
        answers=scenario.answers,
        random=Random(seed),
        troubles=scenario.troubles,
    )
    limiter: AnyLimiter = (
        Ideal(api, ceiling=scenario.ceiling, random=Random(seed))
        if law == "ideal"
        else LAWS[law](ceiling=scenario.ceiling, random=Random(seed))
    )
    job = Job(
        rows=scenario.rows,
        limiter=limiter,
        api=api,
        random=Random(seed + 1),
        rows_per_s=scenario.rows_per_s,
        is_ideal=law == "ideal",
    )
    trace = Trace()
    async with asyncio.TaskGroup() as tasks:
        beside = [tasks.create_task(trace.watch(job, lambda: _allowed(limiter)))]
        if scenario.story is not None:
            beside.append(tasks.create_task(scenario.story(api.limits, Random(seed + 2))))
        await job.run(scenario.ceiling)
        for task in beside:
            task.cancel()
    return job, trace


def _allowed(limiter: object) -> tuple[int, float]:
    if isinstance(limiter, Limiter):
        pace = limiter.window.pace
        return limiter.window.permits, pace.allowed if pace else 0.0
    return int(getattr(limiter, "permits", 0)), float(getattr(limiter, "rate", 0.0) or 0.0)


def _found_s(scenario: Scenario, trace: Trace) -> float:
    """The longest wait for 90% of the limit, or of the ceiling where no limit is met."""
    longest_s = 0.0
    starts = (0.0, *scenario.changes_s)
    for start_s, end_s in zip(starts, (*starts[1:], float("inf")), strict=True):
        longest_s = max(longest_s, _reached_s(scenario, trace, start_s, end_s) - start_s)
    return longest_s


def _reached_s(scenario: Scenario, trace: Trace, start_s: float, end_s: float) -> float:
    for at_s, share, permits, _ in trace.samples:
        is_at_ceiling = permits >= 0.95 * scenario.ceiling
        if start_s + 0.5 <= at_s < end_s and (NEAR <= share <= 1.1 or is_at_ceiling):
            return at_s
    return float("inf")
