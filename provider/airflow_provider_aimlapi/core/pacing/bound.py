"""What held a run's calls back, in seconds, and what the user can change. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Bound(Enum):
    """The cause that holds calls back."""

    LEVEL = "api:in-flight"
    RATE = "api:rate"
    GATE = "api:closed"
    REFUSALS = "api:refusals"
    CEILING = "max_concurrency"
    SOURCE = "source"
    STORE = "store"
    LEASE = "lease"
    BUDGET = "budget"
    ALLOWANCE = "given-rate"


@dataclass(slots=True, kw_only=True)
class BoundTimes:
    """The seconds for which each cause held calls back."""

    seconds: dict[Bound, float] = field(default_factory=dict)

    def add_time(self, bound: Bound, elapsed_s: float) -> None:
        """Add time to a cause."""
        self.seconds[bound] = self.seconds.get(bound, 0.0) + elapsed_s

    def longest_bound(self) -> Bound | None:
        """Return the cause with the longest time; None before any time has passed."""
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
    """Return one or two sentences: what bound the run, and what to change.

    Args:
        bound: the cause; None if no call was made.
        ceiling: max_concurrency.
        level: the calls in flight that the API accepted.
        per_s: the calls per second that the API accepted.
        throttled: the calls answered 429.
        refused_share: the share of calls answered 429 at any rate.
    """
    # Its own sentence, because it shows whether the API refused anything below the ceiling.
    if bound is Bound.CEILING:
        refused = (
            "no call was throttled" if not throttled else f"{throttled:,} calls were answered 429"
        )
        return f"Bound by max_concurrency={ceiling:,}: {refused}. Raise it to go faster."
    sentences = {
        Bound.REFUSALS: f"Bound by the API's refusals: it answered about {refused_share:.1%} of calls "
        "429 at any rate, so sending fewer does not help. "
        f"You may raise max_concurrency={ceiling:,}.",
        Bound.LEVEL: f"Bound by the API: about {level:,.0f} calls in flight.",
        Bound.RATE: f"Bound by the API: about {per_s:,.1f} calls per second.",
        Bound.GATE: "Bound by the API: it refused every call for most of the time. An allowance for a "
        "minute, an hour or a day may be used up.",
        Bound.SOURCE: "Bound by the input: its rows were read more slowly than they were answered, "
        "or there were too few of them.",
        Bound.STORE: "Bound by the output's store: answers were written more slowly than they came.",
        Bound.LEASE: "Bound by the output's store: it did not accept the heartbeats.",
        Bound.BUDGET: "Bound by max_cost_usd: the calls in flight had reserved the rest of it.",
        Bound.ALLOWANCE: "Bound by your requests_per_minute or tokens_per_minute.",
    }
    return sentences[bound] if bound is not None else "No call was made."
