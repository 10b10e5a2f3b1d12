"""What a run was bound by, counted in seconds, and what a person can do about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Bound(Enum):
    """What holds calls back."""

    LEVEL = "api:in-flight"
    RATE = "api:rate"
    GATE = "api:closed"
    REFUSALS = "api:refusals"
    CEILING = "max_concurrency"
    SOURCE = "source"
    STORE = "store"
    LEASE = "lease"
    BUDGET = "budget"
    GIVEN = "given-rate"


@dataclass(slots=True, kw_only=True)
class BoundTimes:
    """Seconds for which each thing held calls back."""

    seconds: dict[Bound, float] = field(default_factory=dict)

    def add(self, bound: Bound, elapsed_s: float) -> None:
        """Count time."""
        self.seconds[bound] = self.seconds.get(bound, 0.0) + elapsed_s

    def longest(self) -> Bound | None:
        """What held calls back for the longest time; None before any time has passed."""
        return max(self.seconds, key=self.seconds.__getitem__) if self.seconds else None


def bound_sentence(
    bound: Bound | None,
    *,
    ceiling: int,
    level: float,
    per_s: float,
    throttled: int,
    refused_share: float = 0.0,
) -> str:
    """What bound a run, and what to change, in one sentence.

    Args:
        ceiling: max_concurrency. level: calls in flight that the API took.
        per_s: calls a second that it took. throttled: 429s met.
        refused_share: of calls that were answered 429 at any rate.
    """
    if bound is Bound.CEILING:
        met = "no throttling was met" if not throttled else f"{throttled:,} 429s were met"
        return f"Bound by max_concurrency={ceiling:,}: {met}; raise it to go faster."
    sentences = {
        Bound.REFUSALS: f"Bound by the API's refusals: it answered about {refused_share:.1%} of calls "
        "429, whatever their rate, so that sending fewer would not help. "
        f"max_concurrency={ceiling:,} may be raised.",
        Bound.LEVEL: f"Bound by the API: about {level:,.0f} calls in flight.",
        Bound.RATE: f"Bound by the API: about {per_s:,.1f} calls a second.",
        Bound.GATE: "Bound by the API: it refused every call for most of the time, as when the "
        "allowance of a minute, an hour or a day is used up.",
        Bound.SOURCE: "Bound by the source: rows were read more slowly than they were answered, "
        "or there were too few of them.",
        Bound.STORE: "Bound by the store: answers were written more slowly than they came.",
        Bound.LEASE: "Bound by the store: heartbeats did not get through.",
        Bound.BUDGET: "Bound by max_cost_usd: calls in flight had reserved what is left of it.",
        Bound.GIVEN: "Bound by the limit that was given: requests_per_minute or tokens_per_minute.",
    }
    return sentences[bound] if bound is not None else "Bound by nothing: no call was made."
