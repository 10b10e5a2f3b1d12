"""What a run was bound by: the API's limit, the source, our ceiling, the store. Pure counting."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Bound(Enum):
    """What holds calls back."""

    LEVEL = "api:in-flight"
    RATE = "api:rate"
    GATE = "api:closed"
    CEILING = "ceiling"
    SOURCE = "source"
    STORE = "store"
    LEASE = "lease"
    BUDGET = "budget"


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
