"""Figures of an attempt's calls, as the run page shows them: durations, curves, errors. Values only."""

from __future__ import annotations

from typing import Annotated

import msgspec

from airflow_provider_aimlapi.core.durable.bounds import Count, NanoUsd

Amount = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
"""Seconds, or rows per second. JSON has neither infinity nor NaN."""


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """The durations of this attempt's answered calls, in milliseconds.

    Attributes:
        bins: the upper edge and the calls of each bin of a histogram, the shortest first.
    """

    calls: Count = 0
    p50_ms: Amount = 0.0
    p90_ms: Amount = 0.0
    p99_ms: Amount = 0.0
    max_ms: Amount = 0.0
    bins: tuple[tuple[Amount, Count], ...] = ()


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """This attempt over time, column by column.

    Attributes:
        at_s: seconds since the attempt began.
        rows: rows that it had decided.
        throttled: 429s so far.
        cost_nano_usd: what it had paid.
        in_flight: calls in flight.
        window: calls that were allowed in flight.
    """

    at_s: tuple[Amount, ...] = ()
    rows: tuple[Count, ...] = ()
    in_flight: tuple[Count, ...] = ()
    window: tuple[Count, ...] = ()
    throttled: tuple[Count, ...] = ()
    cost_nano_usd: tuple[NanoUsd, ...] = ()


class ErrorKind(msgspec.Struct, frozen=True, kw_only=True):
    """Failed calls of one kind.

    Attributes:
        kind: the name of a class in `errors`.
        status: HTTP's status; None if there was no answer.
        samples: a few of their texts.
    """

    kind: str
    status: Count | None
    count: Count
    samples: tuple[str, ...] = ()
