"""Limits that an API may have, in virtual time. Nothing here knows the provider's law.

Each limit is asked in the order in which calls arrive; what one refuses uses up nothing of any.
`room_at_s` is for whoever may look into the API's books: the ideal that laws are measured against.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

NEVER_S = float("inf")
ROUNDING = 1e-9


class Limit(Protocol):
    """One limit."""

    def room_at_s(self, now_s: float) -> float:
        """When a call would be accepted, from now on; NEVER_S: only when another one ends."""
        ...

    def enter(self, now_s: float, tokens: int) -> None:
        """A call is accepted."""
        ...

    def leave(self, now_s: float) -> None:
        """A call has ended."""
        ...

    def share_used(self, now_s: float) -> float:
        """How much of the limit is used, lately; may be above 1 while a burst is spent."""
        ...


@dataclass(slots=True)
class Slots:
    """So many calls in flight. `size` may be changed while calls are in flight.

    Attributes:
        is_left: another client's calls go before ours, even beyond the size.
    """

    size: int
    in_flight: int = 0
    is_left: bool = False

    def room_at_s(self, now_s: float) -> float:
        return now_s if self.in_flight < self.size else NEVER_S

    def enter(self, now_s: float, tokens: int) -> None:
        self.in_flight += 1

    def leave(self, now_s: float) -> None:
        self.in_flight -= 1

    def take(self, now_s: float) -> bool:
        """Another client's call."""
        is_there = self.is_left or self.room_at_s(now_s) <= now_s
        self.in_flight += is_there
        return is_there

    def share_used(self, now_s: float) -> float:
        return self.in_flight / self.size


@dataclass(slots=True)
class Bucket:
    """So many calls a second, and a burst that an idle bucket has saved up.

    Attributes:
        is_left: another client's calls go before ours, even into debt.
    """

    per_s: float
    burst: float
    level: float = -1.0
    at_s: float = 0.0
    recent: list[float] = field(default_factory=list)
    is_left: bool = False

    def room_at_s(self, now_s: float) -> float:
        self._fill(now_s)
        if self.level >= 1 - ROUNDING:
            return now_s
        return now_s + (1 - self.level) / self.per_s

    def enter(self, now_s: float, tokens: int) -> None:
        self._fill(now_s)
        self.level -= 1
        self.recent.append(now_s)

    def leave(self, now_s: float) -> None:
        """Calls in flight do not count."""

    def share_used(self, now_s: float) -> float:
        span_s = max(1.0, 20 / self.per_s)
        while self.recent and self.recent[0] < now_s - span_s:
            self.recent.pop(0)
        return len(self.recent) / span_s / self.per_s

    def set_rate(self, per_s: float, now_s: float) -> None:
        """Another rate from now on; the burst is as many seconds' worth as before."""
        self._fill(now_s)
        self.burst *= per_s / self.per_s
        self.per_s = per_s
        self.level = min(self.level, self.burst)

    def take(self, now_s: float) -> bool:
        """Another client's call."""
        is_there = self.room_at_s(now_s) <= now_s or self.is_left
        self.level -= is_there
        return is_there

    def _fill(self, now_s: float) -> None:
        if self.level < 0 and not self.recent:
            self.level = self.burst
        self.level = min(self.burst, self.level + (now_s - self.at_s) * self.per_s)
        self.at_s = now_s


@dataclass(slots=True)
class FixedWindow:
    """So many calls, or tokens, in each period that begins at a full multiple of itself."""

    allowance: int
    period_s: float = 60.0
    counts_tokens: bool = False
    offset_s: float = 0.0
    period: int = -1
    used: int = 0

    def room_at_s(self, now_s: float) -> float:
        self._turn(now_s)
        if self.used < self.allowance:
            return now_s
        return (self.period + 1) * self.period_s - self.offset_s

    def enter(self, now_s: float, tokens: int) -> None:
        self._turn(now_s)
        self.used += tokens if self.counts_tokens else 1

    def leave(self, now_s: float) -> None:
        """Calls in flight do not count."""

    def share_used(self, now_s: float) -> float:
        self._turn(now_s)
        return self.used / self.allowance

    def _turn(self, now_s: float) -> None:
        period = int((now_s + self.offset_s + ROUNDING) // self.period_s)
        if period != self.period:
            self.period, self.used = period, 0
