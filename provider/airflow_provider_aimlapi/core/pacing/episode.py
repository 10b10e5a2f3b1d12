"""An episode: the first 429, and those of calls that were in flight when it came. Pure.

Each call sent within one round trip is either refused or accepted, and one round trip later we know
which. So an episode measures what the API accepts, whichever quantity it limits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt

from msgspec import Struct

SURPRISE_CALLS = 5
SURPRISE_SHARE = 0.25
"""If at least this many calls, and this share of those sent, are refused, far too much was sent."""
BRIEF_S = 0.04
"""In a shorter round trip few calls are accepted at any rate, so what a saved-up burst accepts shows no
rate."""
LATE_SHARE = 0.7
LATE_CALLS = 10
"""An episode is measured from its later part once this many of its calls were refused there, because a
burst may have let the first ones through."""
LEVEL_SPREAD = 1.5
"""Two counts of calls count as equal if they differ by at most this many of their square roots."""


class Sent(Struct, frozen=True, kw_only=True, gc=False):
    """The state of the window when a call was sent.

    Attributes:
        number: the call's number, from 1.
        at_s: the time of sending.
        level: calls in flight then, this one included.
        is_full: whether the level allowed no more.
        is_beyond: whether that was more than the level's height.
    """

    number: int
    at_s: float
    level: int
    is_full: bool
    is_beyond: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The counts at the time of a 429.

    Attributes:
        now_s: the time by the monotonic clock.
        in_flight: calls in flight, the refused one included.
        admitted: calls sent so far.
        throttled: calls answered 429 so far, this one included.
        sent_per_s: calls sent per second in the last half second or so.
    """

    now_s: float
    in_flight: int
    admitted: int
    throttled: int
    sent_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """The counts at the first 429, and the 429s that followed it.

    Attributes:
        first: the first call that was refused.
        seen: the counts when its 429 came.
        refused: the number of refused calls.
        late: the first refused call that was not sent at the very beginning, when the rest of a burst
            may still have been accepted.
        late_refused: the number of calls refused since then.
    """

    first: Sent
    seen: Seen
    refused: int = 1
    late: Sent | None = None
    late_refused: int = 0

    def once_more(self, sent: Sent) -> Episode:
        """Return the episode after another call that was in flight is refused."""
        first = sent if sent.number < self.first.number else self.first
        late, late_refused = self.late, self.late_refused
        # Sent in the later part of the round trip, when a bucket's saved calls are used up.
        if sent.at_s >= self.seen.now_s - LATE_SHARE * (self.seen.now_s - self.first.at_s):
            late = sent if late is None or sent.number < late.number else late
            late_refused += 1
        return replace(
            self, first=first, refused=self.refused + 1, late=late, late_refused=late_refused
        )

    @property
    def anchor_call(self) -> Sent:
        """Return the call from which the episode is measured."""
        # With enough refused calls in the later part, that part alone is measured. Otherwise it
        # has too few to show a rate.
        is_burst = self.late is not None and self.late_refused >= LATE_CALLS
        return self.late if is_burst and self.late is not None else self.first

    @property
    def span_s(self) -> float:
        """Return the seconds in which the counted calls were sent: about one round trip."""
        return max(1e-3, self.seen.now_s - self.anchor_call.at_s)

    @property
    def is_brief(self) -> bool:
        """Return whether the round trip was too short to measure anything."""
        return self.seen.now_s - self.first.at_s < BRIEF_S

    @property
    def accepted_calls(self) -> int:
        """Return the calls sent in that time and not refused so far."""
        refused = self.refused if self.anchor_call is self.first else self.late_refused
        return max(0, self.seen.admitted - self.anchor_call.number + 1 - refused)

    @property
    def completed_calls(self) -> int:
        """Return the calls that ended in that time. They make room if calls in flight are limited."""
        # Calls before the anchor, less those in flight with it, had ended when it was sent. Calls
        # that ended since then made room for the accepted ones.
        return max(0, self.ended_calls - (self.anchor_call.number - self.anchor_call.level))

    @property
    def ended_calls(self) -> int:
        """Return the calls that had ended before the first 429, with any result."""
        return self.seen.admitted - self.seen.in_flight

    @property
    def calls_left(self) -> int:
        """Return the calls in flight at the first 429, without the refused ones."""
        return max(1, self.seen.in_flight - self.refused)

    @property
    def is_surprise(self) -> bool:
        """Return whether far too much was sent."""
        sent = self.seen.admitted - self.first.number + 1
        return self.refused >= max(SURPRISE_CALLS, SURPRISE_SHARE * sent)

    @property
    def is_level(self) -> bool:
        """Return whether as many calls were accepted as had ended."""
        most = max(self.accepted_calls, self.completed_calls)
        # Slots accept a call for each that ends. A rate accepts what it accepts, whatever ends.
        return abs(self.accepted_calls - self.completed_calls) <= LEVEL_SPREAD * (1.0 + sqrt(most))

    @property
    def accepted_before(self) -> int:
        """Return the calls accepted before the first refused one."""
        return self.first.number - self.seen.throttled
