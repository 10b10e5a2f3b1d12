"""One law in one scenario: figures to compare, against an ideal that knows the limit."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.engine.calls.limiter import Limiter
from lab.limits.bulk_job import Job, Trace
from lab.limits.laws import LAWS, Constant, Ideal
from lab.limits.limits import Bucket, Slots
from lab.limits.scenarios import SCENARIOS
from lab.limits.simulated_api import SimulatedApi
from tests.fakes.virtual_loop import run_virtual

if TYPE_CHECKING:
    from lab.limits.bulk_job import AnyLimiter
    from lab.limits.scenarios import Scenario

NEAR = 0.9
TOLERATED = 0.05
CONSTANT_FROM, CONSTANT_STEP, CONSTANTS = 8.0, 1.06, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of it.

    Attributes:
        lost: rows. wall, ideal_s: the ratio, and the seconds it is of.
        throttled: 429s per request.
        beyond: 429s of a limit per request.
        tail: round trips from the first 99% of rows to the last row.
        found_s: the longest time to 90% of the limit, from the start or a change; infinite where it
            was not reached.
        bound_by: what bound the run; empty for rivals.
    """

    name: str
    law: str
    lost: int
    wall: float
    ideal_s: float
    throttled: float
    beyond: float
    tail: float
    found_s: float
    bound_by: str
    trace: Trace

    def line(self) -> str:
        """A line of the table."""
        return (
            f"{self.name:44}{self.law:>10}{self.lost:>6}{self.wall:>8.3f}{self.ideal_s:>9.1f} s"
            f"{self.throttled:>8.2%}{self.beyond:>8.2%}{self.found_s:>8.1f} s{self.tail:>7.1f}"
        )


@cache
def ideal_s(name: str, seed: int, *, leaves: bool = False) -> float:
    """How long the job takes with the limit known, or at the best constant level or pace."""
    scenario = next(one for one in SCENARIOS if one.name == name)
    if scenario.upstreams is not None:
        return best_constant_s(scenario, seed)
    if scenario.refusals and not scenario.limits():
        return _without_refused_s(scenario)
    job, _ = run_virtual(_play(replace(scenario, refusals=()), "ideal", seed, leaves=leaves))
    return max(job.done_at_s)


def best_constant_s(scenario: Scenario, seed: int) -> float:
    """The shortest time of any constant level, or pace, that at most 5% of 429s come of."""
    best_s = float("inf")
    for kind in ("level", "pace"):
        for number in range(CONSTANTS):
            size = CONSTANT_FROM * CONSTANT_STEP**number
            constant = Constant(kind, size, ceiling=scenario.ceiling, random=Random(seed))
            job, _ = run_virtual(_play(scenario, constant, seed))
            if job.limiter.throttled > 2 * TOLERATED * job.limiter.requests:
                break  # larger ones meet more still
            if job.limiter.throttled <= TOLERATED * job.limiter.requests:
                best_s = min(best_s, max(job.done_at_s))
    return best_s


def _without_refused_s(scenario: Scenario) -> float:
    """Rows over the ceiling's rate, of which a share is refused."""
    per_s, step_s = scenario.ceiling / scenario.answers.mean_s(), 0.01
    rows, steps = 0.0, 0
    while rows < scenario.rows:
        share = sum(one.mean_share_at(steps * step_s) for one in scenario.refusals)
        rows += per_s * (1 - share) * step_s
        steps += 1
    return steps * step_s


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
        beyond=job.api.refused_beyond / job.limiter.requests,
        tail=_tail_s(job) / scenario.answers.mean_s(),
        found_s=_found_s(scenario, trace),
        bound_by=job.limiter.bound_by if isinstance(job.limiter, Limiter) else "",
        trace=trace,
    )


def _tail_s(job: Job) -> float:
    done_at_s = sorted(job.done_at_s)
    return done_at_s[-1] - done_at_s[int(0.99 * len(done_at_s)) - 1]


async def _play(
    scenario: Scenario, law: str | Constant, seed: int, *, leaves: bool = False
) -> tuple[Job, Trace]:
    limits = scenario.limits()
    for limit in limits:
        if isinstance(limit, Slots | Bucket):
            limit.is_left = leaves
    api = SimulatedApi(
        limits=limits,
        answers=scenario.answers,
        random=Random(seed),
        upstreams=scenario.upstreams() if scenario.upstreams is not None else [],
        refusals=scenario.refusals,
        troubles=scenario.troubles,
    )
    limiter: AnyLimiter
    if isinstance(law, Constant):
        limiter = law
    elif law == "ideal":
        limiter = Ideal(api, ceiling=scenario.ceiling, random=Random(seed))
    else:
        limiter = LAWS[law](ceiling=scenario.ceiling, random=Random(seed))
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
        return limiter.window.permitted_calls, pace.allowed_now if pace else 0.0
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
