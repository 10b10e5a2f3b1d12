"""Several workers, each with its own law, at one limit, without talking to each other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from lab.limits.bulk_job import Job
from lab.limits.laws import LAWS, Ideal
from lab.limits.simulated_api import Answers, SimulatedApi
from tests.fakes.virtual_loop import run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.limits.limits import Limit
    from lab.limits.refusals import Refusals

FROM_S, UNTIL_S = 60.0, 300.0
ENOUGH_ROWS = 10**9
CEILING = 256
JOINS_S = 10.0
JOIN_ROWS = (6_000, 3_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What came of it.

    Attributes:
        fairness: Jain's index of rows done from FROM_S to UNTIL_S: 1 for equal parts.
        total: rows of all in that time, over those of one ideal client.
        throttled: 429s a request.
    """

    fairness: float
    total: float
    throttled: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What came of a run and one that joined it.

    Attributes:
        wall: until both had ended, over one ideal client that has the rows of both.
        second: seconds that the second run took.
        throttled: 429s a request.
    """

    wall: float
    second: float
    throttled: float


def share(
    limits: Callable[[], list[Limit]],
    *,
    workers: int,
    law: str = "ours",
    seed: int = 1,
    refusals: tuple[Refusals, ...] = (),
) -> Shared:
    """Let them work; each begins a second after the one before."""
    jobs = run_virtual(_play(limits, workers, law, seed, refusals))
    best = run_virtual(_play(limits, 1, "ideal", seed))
    done = [sum(FROM_S <= at_s < UNTIL_S for at_s in job.done_at_s) for job in jobs]
    best_done = sum(FROM_S <= at_s < UNTIL_S for at_s in best[0].done_at_s)
    return Shared(
        fairness=sum(done) ** 2 / (len(done) * sum(one**2 for one in done)),
        total=sum(done) / best_done,
        throttled=sum(job.limiter.throttled for job in jobs)
        / sum(job.limiter.requests for job in jobs),
    )


def join(
    limits: Callable[[], list[Limit]],
    *,
    answers: Answers,
    law: str = "ours",
    seed: int = 1,
) -> Joined:
    """Let a second run begin at JOINS_S, when the first one uses all of the limit."""
    jobs = run_virtual(_play_joining(limits, answers, law, seed))
    best = run_virtual(_play_alone(limits, answers, seed))
    return Joined(
        wall=max(max(job.done_at_s) for job in jobs) / max(best.done_at_s),
        second=max(jobs[1].done_at_s) - JOINS_S,
        throttled=sum(job.limiter.throttled for job in jobs)
        / sum(job.limiter.requests for job in jobs),
    )


async def _play_joining(
    limits: Callable[[], list[Limit]], answers: Answers, law: str, seed: int
) -> list[Job]:
    api = SimulatedApi(limits=limits(), answers=answers, random=Random(seed))
    jobs = [_job(api, rows, law, Random(seed + number)) for number, rows in enumerate(JOIN_ROWS)]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(jobs[0].run(CEILING))
        await asyncio.sleep(JOINS_S)
        tasks.create_task(jobs[1].run(CEILING))
    return jobs


async def _play_alone(limits: Callable[[], list[Limit]], answers: Answers, seed: int) -> Job:
    api = SimulatedApi(limits=limits(), answers=answers, random=Random(seed))
    job = _job(api, sum(JOIN_ROWS), "ideal", Random(seed))
    await job.run(CEILING)
    return job


def _job(api: SimulatedApi, rows: int, law: str, random: Random) -> Job:
    is_ideal = law == "ideal"
    limiter = (
        Ideal(api, ceiling=CEILING, random=random)
        if is_ideal
        else LAWS[law](ceiling=CEILING, random=random)
    )
    return Job(rows=rows, limiter=limiter, api=api, random=random, is_ideal=is_ideal)


async def _play(
    limits: Callable[[], list[Limit]],
    workers: int,
    law: str,
    seed: int,
    refusals: tuple[Refusals, ...] = (),
) -> list[Job]:
    api = SimulatedApi(
        limits=limits(), refusals=refusals, answers=Answers(median_s=1.0), random=Random(seed)
    )
    jobs = []
    async with asyncio.TaskGroup() as tasks:
        running = []
        for number in range(workers):
            job = _job(api, ENOUGH_ROWS, law, Random(seed + number))
            jobs.append(job)
            running.append(tasks.create_task(job.run(CEILING)))
            await asyncio.sleep(1)
        await asyncio.sleep(UNTIL_S - workers)
        for task in running:
            task.cancel()
    return jobs
