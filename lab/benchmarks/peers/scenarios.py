"""What the peers are measured on: latency, calls in flight, the API's limit, and the best possible."""

from __future__ import annotations

from dataclasses import dataclass, field

LATENCY_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One setting of the simulated API and of the peers.

    Attributes:
        limits: for the simulator; empty for none. A call beyond them is answered 429, without
            Retry-After, as the real API does.
        in_flight: calls that each peer may have open.
    """

    key: str
    title: str
    in_flight: int
    limits: dict[str, float] = field(default_factory=dict)

    @property
    def is_limited(self) -> bool:
        """Whether the API refuses what comes too fast."""
        return bool(self.limits)

    def ideal_s(self, rows: int) -> float:
        """Compute the seconds of a client that costs nothing and knows the limit."""
        slots = min(self.in_flight, self.limits.get("max_concurrent", self.in_flight))
        by_slots_s = -(-rows // int(slots)) * LATENCY_S
        rate = self.limits.get("rps")
        # The bucket holds a second's worth when it is full, and it begins full.
        by_rate_s = (rows - rate) / rate + LATENCY_S if rate else 0.0
        return max(by_slots_s, by_rate_s)


SCENARIOS = (
    Scenario(key="free-256", title="No limit, 256 in flight", in_flight=256),
    Scenario(key="free-1000", title="No limit, 1,000 in flight", in_flight=1_000),
    Scenario(
        key="slots-32",
        title="32 calls at a time, 256 requested",
        in_flight=256,
        limits={"max_concurrent": 32},
    ),
    Scenario(
        key="rate-200",
        title="200 calls a second, 256 requested",
        in_flight=256,
        limits={"rps": 200},
    ),
)
