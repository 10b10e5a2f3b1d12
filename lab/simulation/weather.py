"""How badly the store and the API behave, and when. Values, and dice that a seed throws."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.errors import StoreUnavailable

if TYPE_CHECKING:
    from random import Random

Span = tuple[float, float]
"""From, until: in the world's seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Operations of one sort fail for a while, without an effect; all others work.

    Attributes:
        operations: a pattern of them, such as "write .*/heartbeat/". error: what is raised.
    """

    during: Span
    operations: str
    error: type[Exception] = StoreUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Faults as shares of all operations, and spans in which nothing works.

    Attributes:
        store_refused: answered 503 (or 409 to a conditional create) without an effect.
        store_unclear: done, and then answered 503 or not at all.
        store_slow: take seconds instead of milliseconds.
        store_dawdling: do not leave their process at once, so that a freeze may hold them back.
        store_timeout_s: after which an operation without an answer fails.
        store_latency_s: that each operation takes; None for a few milliseconds.
        names_a_page: of a listing of a journal: each page is of another moment; None for one page.
        outages: spans in which the store does nothing; some operations fail fast, some slowly.
        store_refusals: spans in which it does only some things.
        api_throttled, api_failed: answered 429 and 500; not billed.
        api_lost: billed, and then the connection breaks.
        api_slow: take up to the request's time-out and a little longer; billed all the same.
        api_latency_s: the longest that a usual answer takes.
        refusals: spans in which the API answers 403.
    """

    store_refused: float = 0.0
    store_unclear: float = 0.0
    store_slow: float = 0.0
    store_dawdling: float = 0.3
    store_timeout_s: float = 20.0
    store_latency_s: float | None = None
    names_a_page: int | None = None
    outages: tuple[Span, ...] = ()
    store_refusals: tuple[Refusal, ...] = ()
    api_throttled: float = 0.0
    api_failed: float = 0.0
    api_lost: float = 0.0
    api_slow: float = 0.0
    api_latency_s: float = 3.0
    refusals: tuple[Span, ...] = ()


@dataclass(slots=True)
class Sky:
    """The weather of the moment, for all processes."""

    weather: Weather


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFate:
    """What becomes of one operation of the store.

    Attributes:
        is_done: whether it has its effect. error: told in the place of its result.
        there_s, back_s: until the effect, and from there to the answer.
    """

    is_done: bool = True
    error: str | None = None
    there_s: float
    back_s: float


def store_fate(
    weather: Weather, now_s: float, random: Random, *, is_create: bool, is_cut_off: bool = False
) -> StoreFate:
    """Throw the dice for an operation that leaves its process now."""
    there_s, back_s = random.uniform(0.002, 0.03), random.uniform(0.002, 0.03)
    if weather.store_latency_s is not None:
        there_s = back_s = weather.store_latency_s / 2
    if is_cut_off or is_within(now_s, weather.outages):
        slow = random.random() < 0.5
        there_s = min(there_s, 0.01)
        return StoreFate(
            is_done=False,
            error="no answer" if slow else "503 Service Unavailable",
            there_s=there_s,
            back_s=weather.store_timeout_s * random.random() if slow else back_s,
        )
    dice = random.random()
    if dice < weather.store_refused:
        error = "409 Conflict" if is_create and random.random() < 0.5 else "503 Slow Down"
        return StoreFate(is_done=False, error=error, there_s=there_s, back_s=back_s)
    dice -= weather.store_refused
    if dice < weather.store_unclear:
        if random.random() < 0.5:
            return StoreFate(error="500 after the effect", there_s=there_s, back_s=back_s)
        return StoreFate(error="no answer", there_s=there_s, back_s=weather.store_timeout_s)
    dice -= weather.store_unclear
    if dice < weather.store_slow:
        there_s = min(there_s * random.uniform(1, 300), weather.store_timeout_s * 0.45)
        back_s = min(back_s * random.uniform(1, 300), weather.store_timeout_s * 0.45)
    return StoreFate(there_s=there_s, back_s=back_s)


def store_refusal(weather: Weather, now_s: float, operation: str) -> Refusal | None:
    """Return the error for an operation that leaves its process now, if there is one."""
    for refusal in weather.store_refusals:
        if is_within(now_s, (refusal.during,)) and re.search(refusal.operations, operation):
            return refusal
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFate:
    """What becomes of one call.

    Attributes:
        status: the answer's; 200 is billed. is_lost: whether the connection breaks instead.
        latency_s: from the request's arrival to the answer's departure.
        billed_at: the share of that time at which it is billed.
    """

    status: int = 200
    is_lost: bool = False
    latency_s: float
    billed_at: float = 1.0


def api_fate(weather: Weather, now_s: float, timeout_s: float, random: Random) -> ApiFate:
    """Throw the dice for a call that arrives now."""
    latency_s = random.uniform(0.2, weather.api_latency_s)
    billed_at = random.choice((0.0, random.random(), 1.0))
    if is_within(now_s, weather.refusals):
        return ApiFate(status=403, latency_s=0.1)
    dice = random.random()
    for share, status in ((weather.api_throttled, 429), (weather.api_failed, 500)):
        if dice < share:
            return ApiFate(status=status, latency_s=min(latency_s, 0.5))
        dice -= share
    if dice < weather.api_lost:
        return ApiFate(is_lost=True, latency_s=latency_s, billed_at=billed_at)
    dice -= weather.api_lost
    if dice < weather.api_slow:
        latency_s = random.uniform(0.5, 1.05) * timeout_s
    return ApiFate(latency_s=latency_s, billed_at=billed_at)


def is_within(now_s: float, spans: tuple[Span, ...]) -> bool:
    """Return whether an instant lies in one of the periods."""
    return any(start_s <= now_s < end_s for start_s, end_s in spans)
