"""The limits that the law is judged by, as data."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.limits.limits import Bucket, FixedWindow, Slots
from lab.limits.refusals import Refusals
from lab.limits.simulated_api import Answers

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from random import Random

    from lab.limits.limits import Limit

ROWS = 5_000
CEILING = 256
QUICK = Answers(median_s=0.2, sigma=0.3)
USUAL = Answers(median_s=1.0)
BRISK = Answers(median_s=0.5)
LONG = Answers(median_s=6.0)
SLOW = Answers(median_s=60.0)
STEADY = Answers(median_s=1.0, sigma=0.3)
NEXT_DOOR = Answers(median_s=0.2, sigma=0.0, way_s=0.001)
"""As the simulator on the same machine: a 429 is back at once, and all answers take as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A limit, and what is expected of a law that does not know it.

    Attributes:
        limits: made anew for each run.
        story: what happens to them while the run goes on.
        upstreams: limits of each of several, of which a call meets one at random.
        refusals: calls that are refused whatever is sent.
        changes_s: when; the law has found the limit again so long after each.
        wall: over the ideal's, at most. throttled: 429s a request, at most.
        found_s: seconds from the start, and from each change, to 90% of the limit; None where a
            limit is no level to be at, or the time is not given by the law.
    """

    name: str
    limits: Callable[[], list[Limit]]
    answers: Answers = USUAL
    story: Callable[[list[Limit], Random], Coroutine[None, None, None]] | None = None
    changes_s: tuple[float, ...] = ()
    upstreams: Callable[[], list[list[Limit]]] | None = None
    refusals: tuple[Refusals, ...] = ()
    troubles: tuple[tuple[float, float, float], ...] = ()
    rows: int = ROWS
    ceiling: int = CEILING
    rows_per_s: float | None = None
    wall: float = 1.05
    throttled: float | None = 0.01
    found_s: float | None = 10.0


async def _halve_and_come_back(limits: list[Limit], _random: Random) -> None:
    slots = limits[0]
    assert isinstance(slots, Slots)
    await asyncio.sleep(40)
    slots.size //= 2
    await asyncio.sleep(40)
    slots.size *= 2


async def _halve_the_rate_and_come_back(limits: list[Limit], _random: Random) -> None:
    bucket = limits[0]
    assert isinstance(bucket, Bucket)
    rate, now_s = bucket.per_s, asyncio.get_running_loop().time
    await asyncio.sleep(8)
    bucket.set_rate(rate / 2, now_s())
    await asyncio.sleep(15)
    bucket.set_rate(rate, now_s())


async def _company_in_slots(limits: list[Limit], random: Random) -> None:
    """Another client that keeps 24 calls of about 2 s in flight, a minute on and a minute off."""
    slots = limits[0]
    assert isinstance(slots, Slots)
    now_s = asyncio.get_running_loop().time

    async def one() -> None:
        while True:
            if now_s() % 120 >= 60 and slots.take(now_s()):
                await asyncio.sleep(2.0 * random.lognormvariate(0, 0.5))
                slots.leave(now_s())
            await asyncio.sleep(random.uniform(0.05, 0.3))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(24):
            tasks.create_task(one())


async def _company_at_the_bucket(limits: list[Limit], random: Random) -> None:
    """Another client that takes 80 a second when it can, 10 s on and 10 s off."""
    bucket = limits[0]
    assert isinstance(bucket, Bucket)
    now_s = asyncio.get_running_loop().time
    while True:
        if now_s() % 20 >= 10:
            bucket.take(now_s())
        await asyncio.sleep(random.expovariate(80))


SCENARIOS = [
    Scenario(name="no limit, 0.2 s", limits=list, answers=QUICK, wall=1.06),
    Scenario(name="no limit, 6 s", limits=list, answers=LONG),
    Scenario(name="4 in flight", limits=lambda: [Slots(4)]),
    Scenario(name="4 in flight, 0.2 s", limits=lambda: [Slots(4)], answers=QUICK),
    Scenario(name="32 in flight, 0.2 s", limits=lambda: [Slots(32)], answers=QUICK),
    Scenario(name="32 in flight", limits=lambda: [Slots(32)]),
    Scenario(name="32 in flight, 6 s", limits=lambda: [Slots(32)], answers=LONG),
    Scenario(name="400 in flight", limits=lambda: [Slots(400)]),
    Scenario(name="400 in flight, ceiling 1,000", limits=lambda: [Slots(400)], ceiling=1000),
    Scenario(name="400 in flight, 60 s", limits=lambda: [Slots(400)], answers=SLOW),
    Scenario(
        name="400 in flight, 60 s, ceiling 1,000",
        limits=lambda: [Slots(400)],
        answers=SLOW,
        ceiling=1000,
    ),
    Scenario(name="5 a second, burst 5", limits=lambda: [Bucket(5, 5)]),
    Scenario(name="5 a second, burst 300", limits=lambda: [Bucket(5, 300)]),
    Scenario(name="5 a second, burst 5, 6 s", limits=lambda: [Bucket(5, 5)], answers=LONG),
    Scenario(name="200 a second, burst 20, 0.2 s", limits=lambda: [Bucket(200, 20)], answers=QUICK),
    Scenario(
        name="200 a second, burst 200, 0.2 s", limits=lambda: [Bucket(200, 200)], answers=QUICK
    ),
    Scenario(name="200 a second, burst 20", limits=lambda: [Bucket(200, 20)], answers=BRISK),
    Scenario(name="200 a second, burst 200", limits=lambda: [Bucket(200, 200)], answers=BRISK),
    Scenario(name="200 a second, burst 2,000", limits=lambda: [Bucket(200, 2000)], answers=BRISK),
    Scenario(name="2,000 a second, burst 200", limits=lambda: [Bucket(2000, 200)], answers=QUICK),
    Scenario(
        name="2,000 a second, ceiling 2,000, 50,000 rows",
        limits=lambda: [Bucket(2000, 2000)],
        answers=QUICK,
        ceiling=2000,
        rows=50_000,
    ),
    Scenario(name="32 in flight, next door", limits=lambda: [Slots(32)], answers=NEXT_DOOR),
    Scenario(
        name="5 a second, burst 300, next door",
        limits=lambda: [Bucket(5, 300)],
        answers=NEXT_DOOR,
    ),
    Scenario(
        name="200 a second, burst 20, next door",
        limits=lambda: [Bucket(200, 20)],
        answers=NEXT_DOOR,
    ),
    Scenario(
        name="200 a second, burst 200, next door",
        limits=lambda: [Bucket(200, 200)],
        answers=NEXT_DOOR,
    ),
    Scenario(
        name="600 a minute, fixed",
        limits=lambda: [FixedWindow(600)],
        wall=1.10,
        throttled=0.02,
        found_s=None,
    ),
    Scenario(
        name="600 a minute, fixed, from second 40",
        limits=lambda: [FixedWindow(600, offset_s=40.0)],
        wall=1.10,
        throttled=0.02,
        found_s=None,
    ),
    Scenario(
        name="300,000 tokens a minute",
        limits=lambda: [FixedWindow(300_000, counts_tokens=True)],
        wall=1.10,
        throttled=0.02,
        found_s=None,
    ),
    Scenario(
        name="32 in flight and 20 a second",
        limits=lambda: [Slots(32), Bucket(20, 20)],
        wall=1.05,
    ),
    Scenario(
        name="32 in flight and 20 a second, 6 s",
        limits=lambda: [Slots(32), Bucket(20, 20)],
        answers=LONG,
        wall=1.05,
    ),
    Scenario(
        name="64, 32, 64 in flight",
        limits=lambda: [Slots(64)],
        story=_halve_and_come_back,
        changes_s=(40, 80),
        wall=1.10,
    ),
    Scenario(
        name="200, 100, 200 a second",
        answers=BRISK,
        limits=lambda: [Bucket(200, 200)],
        story=_halve_the_rate_and_come_back,
        changes_s=(8, 23),
        wall=1.10,
        throttled=0.03,
    ),
    Scenario(
        name="64 in flight, shared off and on",
        limits=lambda: [Slots(64)],
        story=_company_in_slots,
        wall=1.10,
        throttled=None,
        found_s=None,
    ),
    Scenario(
        name="200 a second, shared off and on",
        answers=BRISK,
        limits=lambda: [Bucket(200, 200)],
        story=_company_at_the_bucket,
        wall=1.10,
        throttled=None,
        found_s=None,
    ),
    Scenario(
        name="32 in flight and bursts of 503",
        limits=lambda: [Slots(32)],
        troubles=((20, 24, 1.0), (60, 75, 0.3), (100, 120, 0.1)),
        found_s=None,
    ),
    Scenario(
        name="3,000 an hour, from minute 58",
        limits=lambda: [FixedWindow(3_000, period_s=3600, offset_s=3480)],
        wall=1.10,
        throttled=0.05,
        found_s=None,
    ),
    Scenario(
        name="32 in flight, 429s after 2 s",
        limits=lambda: [Slots(32)],
        answers=Answers(median_s=1.0, refusal_s=2.0),
        throttled=0.06,
        found_s=None,
    ),
    Scenario(
        name="32 in flight, source 15 a second",
        limits=lambda: [Slots(32)],
        rows_per_s=15.0,
        found_s=None,
    ),
]


def _refused(share: float, most: float) -> list[Scenario]:
    """Calls refused whatever is sent: alone, and in front of a limit."""
    refusals = (Refusals(share=share),)

    def one(name: str, rows: int, answers: Answers, wall: float, *limits: Limit) -> Scenario:
        return Scenario(
            name=f"{share:.0%} refused, {name}",
            limits=lambda: [deepcopy(limit) for limit in limits],
            refusals=refusals,
            answers=answers,
            rows=rows,
            wall=wall,
            throttled=None,
            found_s=None,
        )

    return [
        one("0.2 s", 30_000, QUICK, most),
        one("1 s", 30_000, STEADY, most),
        one("32 in flight, 0.2 s", 10_000, QUICK, 1.20, Slots(32)),
        one("32 in flight, 1 s", ROWS, STEADY, 1.20, Slots(32)),
        one("200 a second, 0.2 s", 10_000, QUICK, 1.20, Bucket(200, 200)),
    ]


def _spread(name: str, answers: Answers, count: int, limit: Limit) -> Scenario:
    return Scenario(
        name=f"{count} upstreams, {name}",
        limits=list,
        upstreams=lambda: [[deepcopy(limit)] for _ in range(count)],
        answers=answers,
        rows=10_000,
        wall=1 / 0.95,
        throttled=None,
        found_s=None,
    )


def _at_times(name: str, refusals: Refusals, answers: Answers, rows: int) -> Scenario:
    return Scenario(
        name=name,
        limits=list,
        refusals=(refusals,),
        answers=answers,
        rows=rows,
        wall=1.10,
        throttled=None,
        found_s=None,
    )


SCENARIOS += [
    *_refused(0.01, 1.10),
    *_refused(0.05, 1.10),
    *_refused(0.20, 1.25),
    _at_times(
        "half refused for 2 s in 20, 0.2 s", Refusals(share=0.5, every_s=20, for_s=2), QUICK, 60_000
    ),
    _at_times(
        "half refused for 2 s in 20, 1 s", Refusals(share=0.5, every_s=20, for_s=2), STEADY, 20_000
    ),
    _at_times(
        "1 of 3 upstreams out for a minute, 1 s",
        Refusals(share=1 / 3, from_s=20, until_s=80),
        STEADY,
        25_000,
    ),
    _at_times(
        "1 of 10 upstreams out for a minute, 1 s",
        Refusals(share=0.1, from_s=20, until_s=80),
        STEADY,
        25_000,
    ),
    _at_times("long prompts refused, 1 s", Refusals(share=0.5, are_long=True), STEADY, 20_000),
    _spread("32 in flight each, 0.2 s", QUICK, 3, Slots(32)),
    _spread("10 in flight each, 0.2 s", QUICK, 10, Slots(10)),
    _spread("70 a second each, 0.2 s", QUICK, 3, Bucket(70, 20)),
    _spread("20 a second each, 0.2 s", QUICK, 10, Bucket(20, 10)),
]
