"""An API with limits, answers of random length and troubles, on a loop whose time is virtual."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.errors import ApiUnavailable, Throttled

if TYPE_CHECKING:
    from random import Random

    from lab.limits.limits import Limit
    from lab.limits.refusals import Refusals

TROUBLE_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """How long answers take: lognormal about a median. And how far away the API is.

    Attributes:
        way_s: from us to the API, and back, each; with a jitter of as much as half of it.
        refusal_s: what a 429 takes besides; for gateways that think before they refuse.
    """

    median_s: float
    sigma: float = 0.6
    way_s: float = 0.025
    refusal_s: float = 0.0

    def mean_s(self) -> float:
        """On average, ways included."""
        return self.median_s * math.exp(self.sigma**2 / 2) + 2.5 * self.way_s


@dataclass(slots=True, kw_only=True)
class SimulatedApi:
    """Where calls arrive.

    Attributes:
        limits: of all calls.
        upstreams: limits of each of several upstreams, of which a call meets one at random.
        refusals: calls that are answered 429 before any limit counts them.
        troubles: (from, until, share): then, so much of the calls is answered 503.
        refused: the calls answered 429.
        refused_beyond: those of them that a limit refused.
    """

    limits: list[Limit]
    answers: Answers
    random: Random
    upstreams: list[list[Limit]] = field(default_factory=list)
    refusals: tuple[Refusals, ...] = ()
    troubles: tuple[tuple[float, float, float], ...] = ()
    in_flight: int = 0
    arrived: int = 0
    refused: int = 0
    refused_beyond: int = 0
    freed: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, *, row: int = 0, tokens: int = 1, is_expected: bool = False) -> None:
        """One exchange.

        Args:
            row: which row is asked; some refusals depend on it.
            is_expected: whether the caller has asked for room in this very instant, and the call
                arrives without delay.

        Raises:
            Throttled, ApiUnavailable: as the provider's client does.
        """
        random, answers = self.random, self.answers
        latency_s = answers.median_s * random.lognormvariate(0.0, answers.sigma)
        there_s = answers.way_s * random.uniform(1.0, 1.5)
        back_s = answers.way_s * random.uniform(1.0, 1.5)
        if is_expected:
            there_s, latency_s = 0.0, latency_s + there_s
        else:
            await asyncio.sleep(there_s)
        now_s = asyncio.get_running_loop().time()
        self.arrived += 1
        limits = self._limits_met()
        if self._is_refused(limits, row, now_s):
            self.refused += 1
            await asyncio.sleep(back_s + answers.refusal_s)
            raise Throttled("too many", status=429)
        for limit in limits:
            limit.enter(now_s, tokens)
        try:
            if self._is_in_trouble(now_s):
                latency_s = TROUBLE_S
                await asyncio.sleep(latency_s)
                raise ApiUnavailable("trouble", status=503)
            await asyncio.sleep(latency_s)
        finally:
            for limit in limits:
                limit.leave(now_s)
            self.freed.set()
        await asyncio.sleep(back_s)

    def _limits_met(self) -> list[Limit]:
        """The limits of this call: those of all, and those of the upstream that it comes to."""
        if not self.upstreams:
            return self.limits
        return [*self.limits, *self.random.choice(self.upstreams)]

    def _is_refused(self, limits: list[Limit], row: int, now_s: float) -> bool:
        if any(one.refuses(row, now_s, self.random) for one in self.refusals):
            return True
        is_beyond = any(limit.room_at_s(now_s) > now_s for limit in limits)
        self.refused_beyond += is_beyond
        return is_beyond

    def room_at_s(self, now_s: float) -> float:
        """When all limits would accept a call."""
        return max((limit.room_at_s(now_s) for limit in self.limits), default=now_s)

    def share_used(self, now_s: float) -> float:
        """How much of the tightest limit is used."""
        return max((limit.share_used(now_s) for limit in self.limits), default=0.0)

    def _is_in_trouble(self, now_s: float) -> bool:
        return any(
            since <= now_s < until and self.random.random() < share
            for since, until, share in self.troubles
        )
