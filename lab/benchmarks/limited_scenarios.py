"""Limits of the simulated API that the engine meets for real, as data, and how long rows take at least."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

LONG_EVERY = 20
LONG_CHARACTERS = 3_000
"""A usual row has 2,000 characters, a long one 4,000."""
STORY_S = 200
"""Longer than any run with spells of refusals."""
Amendment = dict[str, Any]
"""A change of the simulator's script, as `POST /_simulator/script` takes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """A limit, and the result of a client that knows it.

    Attributes:
        limits: of the simulator at the start.
        latency_s, sigma: of its answers.
        story: what changes, and after how many seconds.
        refused: the share of calls that is answered 429 at any rate.
        rows_per_s: until when it takes how many; the last one holds for good. Empty where the
            simulator's minutes say it, or nothing.
        burst: rows that it takes at once.
        beside: other runs at the same limit: after how many seconds each begins, and its rows.
        are_some_long: one row in LONG_EVERY has a prompt of twice the length.
    """

    title: str
    rows: int
    limits: dict[str, float] = field(default_factory=dict)
    latency_s: float = 0.2
    sigma: float = 0.0
    story: tuple[tuple[float, Amendment], ...] = ()
    refused: float = 0.0
    rows_per_s: tuple[tuple[float, float], ...] = ()
    burst: float = 0.0
    max_concurrency: int = 256
    beside: tuple[tuple[float, int], ...] = ()
    are_some_long: bool = False

    @property
    def rows_of_all(self) -> int:
        """Rows of this run and of those beside it."""
        return self.rows + sum(rows for _, rows in self.beside)

    def script(self) -> Amendment:
        """Return the simulator's script at the start."""
        latency = {"median_s": self.latency_s, "sigma": self.sigma}
        at_start = self._refusals(self.refused) if self.refused else {}
        return {"limits": self.limits, "latency": latency, **at_start}

    def _refusals(self, share: float) -> Amendment:
        if not self.are_some_long:
            return faults("429", share=share)
        fault = {"kind": "429", "share": LONG_EVERY * share, "longer_than": LONG_CHARACTERS}
        return {"faults": [fault]}

    def ideal_s(self, *, tokens: int, minute_left_s: float) -> float:
        """Compute the seconds that all rows take for a client that knows the limit.

        Args:
            tokens: of all rows. minute_left_s: of the simulator's minute, at the start.
        """
        rows = self.rows_of_all
        windows = max(
            rows / self.limits.get("per_minute", math.inf),
            tokens / self.limits.get("tokens_per_minute", math.inf),
        )
        if windows:
            full = math.ceil(windows) - 1
            return (full - 1) * 60.0 + minute_left_s + self.latency_s if full else self.latency_s
        by_waves_s = rows / self.max_concurrency * self.latency_s / (1.0 - self.refused)
        return max(by_waves_s, self._by_rate_s(rows - self.burst))

    def _by_rate_s(self, left: float) -> float:
        at_s = 0.0
        for until_s, per_s in self.rows_per_s:
            if left <= (until_s - at_s) * per_s:
                return at_s + left / per_s
            left -= (until_s - at_s) * per_s
            at_s = until_s
        return 0.0


def slots(count: float, latency_s: float, until_s: float = math.inf) -> tuple[float, float]:
    """Return the rate of this number of calls in flight."""
    return (until_s, count / latency_s)


def limits(**changed: float) -> Amendment:
    """Return a change of the limits."""
    return {"limits": changed}


def faults(*kinds: str, share: float = 1.0) -> Amendment:
    """Return a change that replaces the faults."""
    return {"faults": [{"kind": kind, "share": share} for kind in kinds]}


def refused_in_spells(
    share: float, every_s: int, for_s: int
) -> tuple[tuple[float, Amendment], ...]:
    """Return a story: in the last `for_s` of each `every_s`, this share is refused."""
    ends_s = range(every_s, STORY_S, every_s)
    return tuple(
        change
        for end_s in ends_s
        for change in ((end_s - for_s, faults("429", share=share)), (end_s, faults()))
    )


def spread(title: str, count: int, per_s: float, **limits: float) -> Limited:
    """Return a limit of each of several upstreams, and the rate of the best constant.

    The rate is that of the best constant level or pace with at most 5% of 429s in `lab.limits`.
    """
    return Limited(
        title=f"{count} upstreams, {title}",
        rows=10_000,
        sigma=0.3,
        limits={"upstreams": count, **limits},
        rows_per_s=((math.inf, per_s),),
    )


def refused_beside(share: float) -> tuple[Limited, ...]:
    """Return a limit of slots and one of a rate, each with refusals of a share of calls."""
    return (
        Limited(
            title=f"32 in flight, {share:.0%} refused",
            rows=6_000,
            limits={"max_concurrent": 32},
            refused=share,
            rows_per_s=(slots(32, 0.2),),
        ),
        Limited(
            title=f"200 a second, {share:.0%} refused",
            rows=6_000,
            limits={"rps": 200, "burst": 200},
            burst=200,
            refused=share,
            rows_per_s=((math.inf, 200),),
        ),
    )


def eight(
    title: str, limits: dict[str, float], per_s: float, *, burst: float = 0.0, refused: float = 0.0
) -> Limited:
    """Return eight runs that begin together at one limit."""
    return Limited(
        title=f"{title}, eight runs",
        rows=1_500,
        limits=limits,
        beside=((0.0, 1_500),) * 7,
        rows_per_s=((math.inf, per_s),),
        burst=burst,
        refused=refused,
    )


LIMITS = (
    Limited(title="none", rows=3_000),
    Limited(title="none, 1% refused", rows=30_000, refused=0.01),
    Limited(title="none, 5% refused", rows=30_000, refused=0.05),
    Limited(title="none, 20% refused", rows=30_000, refused=0.20),
    *refused_beside(0.01),
    *refused_beside(0.05),
    *refused_beside(0.20),
    Limited(
        title="none, half refused for 2 s in 20, 1 s",
        rows=15_000,
        latency_s=1.0,
        story=refused_in_spells(0.5, 20, 2),
        rows_per_s=tuple(
            segment
            for end_s in range(20, STORY_S, 20)
            for segment in ((end_s - 2.0, 256.0), (float(end_s), 128.0))
        ),
    ),
    Limited(
        title="none, 1 of 10 upstreams out for a minute, 1 s",
        rows=22_000,
        latency_s=1.0,
        story=((20, faults("429", share=0.1)), (80, faults())),
        rows_per_s=((20, 256), (80, 256 * 0.9), (math.inf, 256)),
    ),
    Limited(
        title="none, half of the long prompts refused, 1 s",
        rows=15_000,
        latency_s=1.0,
        refused=0.5 / LONG_EVERY,
        are_some_long=True,
    ),
    spread("32 in flight each", 3, 371.4, max_concurrent=32),
    spread("10 in flight each", 10, 277.7, max_concurrent=10),
    spread("70 a second each, burst 20", 3, 204.9, rps=70, burst=20),
    spread("20 a second each, burst 10", 10, 188.7, rps=20, burst=10),
    Limited(
        title="4 in flight, 0.05 s",
        rows=2_000,
        limits={"max_concurrent": 4},
        latency_s=0.05,
        rows_per_s=(slots(4, 0.05),),
    ),
    Limited(
        title="32 in flight",
        rows=3_000,
        limits={"max_concurrent": 32},
        rows_per_s=(slots(32, 0.2),),
    ),
    Limited(
        title="32 in flight, about 1 s, lognormal",
        rows=1_000,
        limits={"max_concurrent": 32},
        latency_s=1.0,
        sigma=0.5,
        rows_per_s=(slots(32, math.exp(0.5**2 / 2)),),
    ),
    Limited(
        title="400 in flight, 1 s, ceiling 1,000",
        rows=5_000,
        limits={"max_concurrent": 400},
        latency_s=1.0,
        max_concurrency=1_000,
        rows_per_s=(slots(400, 1.0),),
    ),
    Limited(title="none, 60 s", rows=256, latency_s=60.0),
    Limited(
        title="5 a second, burst 5",
        rows=200,
        limits={"rps": 5, "burst": 5},
        burst=5,
        rows_per_s=((math.inf, 5),),
    ),
    Limited(
        title="5 a second, burst 300",
        rows=500,
        limits={"rps": 5, "burst": 300},
        burst=300,
        rows_per_s=((math.inf, 5),),
    ),
    Limited(
        title="200 a second, burst 20",
        rows=3_000,
        limits={"rps": 200, "burst": 20},
        burst=20,
        rows_per_s=((math.inf, 200),),
    ),
    Limited(
        title="200 a second, burst 200",
        rows=3_000,
        limits={"rps": 200, "burst": 200},
        burst=200,
        rows_per_s=((math.inf, 200),),
    ),
    Limited(
        title="1,000 a second, ceiling 1,000",
        rows=5_000,
        limits={"rps": 1_000, "burst": 200},
        burst=200,
        max_concurrency=1_000,
        rows_per_s=((math.inf, 1_000),),
    ),
    Limited(
        title="2,000 a second, burst 200, ceiling 1,000",
        rows=20_000,
        limits={"rps": 2_000, "burst": 200},
        burst=200,
        max_concurrency=1_000,
        rows_per_s=((math.inf, 2_000),),
    ),
    Limited(
        title="2,000 a second, burst 4,000, ceiling 1,000",
        rows=20_000,
        limits={"rps": 2_000, "burst": 4_000},
        burst=4_000,
        max_concurrency=1_000,
        rows_per_s=((math.inf, 2_000),),
    ),
    Limited(title="600 a minute", rows=1_000, limits={"per_minute": 600}),
    Limited(title="500,000 tokens a minute", rows=1_000, limits={"tokens_per_minute": 500_000}),
    Limited(
        title="32 in flight and 200 a second, 0.1 s",
        rows=3_000,
        limits={"max_concurrent": 32, "rps": 200},
        latency_s=0.1,
        burst=200,
        rows_per_s=((math.inf, 200),),
    ),
    Limited(
        title="64, 32, 64 in flight",
        rows=6_000,
        limits={"max_concurrent": 64},
        story=((10, limits(max_concurrent=32)), (20, limits(max_concurrent=64))),
        rows_per_s=(slots(64, 0.2, 10), slots(32, 0.2, 20), slots(64, 0.2)),
    ),
    Limited(
        title="200, 100, 200 a second",
        rows=4_000,
        limits={"rps": 200, "burst": 200},
        story=((8, limits(rps=100)), (18, limits(rps=200))),
        burst=200,
        rows_per_s=((8, 200), (18, 100), (math.inf, 200)),
    ),
    Limited(
        title="64 in flight, two runs",
        rows=2_500,
        limits={"max_concurrent": 64},
        beside=((0.0, 2_500),),
        rows_per_s=(slots(64, 0.2),),
    ),
    eight("64 in flight", {"max_concurrent": 64}, 64 / 0.2),
    eight("64 in flight, 5% refused", {"max_concurrent": 64}, 64 / 0.2, refused=0.05),
    eight("200 a second", {"rps": 200, "burst": 200}, 200, burst=200),
    eight("200 a second, 5% refused", {"rps": 200, "burst": 200}, 200, burst=200, refused=0.05),
    Limited(
        title="64 in flight, another joins",
        rows=4_000,
        limits={"max_concurrent": 64},
        beside=((4.0, 3_000),),
        rows_per_s=(slots(64, 0.2),),
    ),
    Limited(
        title="200 a second, another joins",
        rows=4_000,
        limits={"rps": 200, "burst": 200},
        beside=((4.0, 3_000),),
        burst=200,
        rows_per_s=((math.inf, 200),),
    ),
    Limited(
        title="64 in flight, another comes and goes",
        rows=6_000,
        limits={"max_concurrent": 64},
        beside=((4.0, 600), (14.0, 600)),
        rows_per_s=(slots(64, 0.2),),
    ),
    Limited(
        title="200 a second, another comes and goes",
        rows=4_000,
        limits={"rps": 200, "burst": 200},
        beside=((4.0, 400), (14.0, 400)),
        burst=200,
        rows_per_s=((math.inf, 200),),
    ),
    Limited(
        title="32 in flight, bursts of 503",
        rows=3_000,
        limits={"max_concurrent": 32},
        story=((4, faults("503")), (6, faults()), (10, faults("503", share=0.3)), (13, faults())),
        rows_per_s=(
            slots(32, 0.2, 4),
            (6, 0),
            slots(32, 0.2, 10),
            slots(32 * 0.7, 0.2, 13),
            slots(32, 0.2),
        ),
    ),
    Limited(
        title="32 in flight, nothing for 15 s",
        rows=3_000,
        limits={"max_concurrent": 32},
        story=((6, faults("429-free-tier")), (21, faults())),
        rows_per_s=(slots(32, 0.2, 6), (21, 0), slots(32, 0.2)),
    ),
)
