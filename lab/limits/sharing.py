"""Several workers, each with its own law, at one limit, without talking to each other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from lab.limits.bulk_job import Job
from lab.limits.laws import LAWS
from lab.limits.simulated_api import Answers, SimulatedApi
from tests.fakes.virtual_loop import run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.limits.limits import Limit
    from lab.limits.refusals import Refusals

FROM_S, UNTIL_S = 60.0, 300.0
ENOUGH_ROWS = 10**9


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


async def _play(
    limits: Callable[[], list[Limit]],
    workers: int,
    law: str,
    seed: int,
    refusals: tuple[Refusals, ...] = (),
) -> list[Job]:
    from lab.limits.laws import Ideal

    api = SimulatedApi(
        limits=limits(), refusals=refusals, answers=Answers(median_s=1.0), random=Random(seed)
    )
    jobs = []
    async with asyncio.TaskGroup() as tasks:
        running = []
        for number in range(workers):
            random = Random(seed + number)
            limiter = (
                Ideal(api, ceiling=256, random=random)
                if law == "ideal"
                else LAWS[law](ceiling=256, random=random)
            )
            job = Job(
                rows=ENOUGH_ROWS,
                limiter=limiter,
                api=api,
                random=random,
                is_ideal=law == "ideal",
            )
            jobs.append(job)
            running.append(tasks.create_task(job.run(256)))
            await asyncio.sleep(1)
        await asyncio.sleep(UNTIL_S - workers)
        for task in running:
            task.cancel()
    return jobs
