"""An episode: the 429s of calls that were on their way when the first of them came. Pure.

What was sent in one round trip was either refused or accepted, and a round trip later it is known
which. So an episode measures what the API takes, whatever it is that it limits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt

from msgspec import Struct

SURPRISE_CALLS = 5
SURPRISE_SHARE = 0.25
"""So many calls refused, and so large a share of those on their way: far too much was sent."""
BRIEF_S = 0.04
"""In less than this, few calls are accepted at any rate: a burst that was saved up tells of none."""
LATE_SHARE = 0.7
LATE_CALLS = 10
LEVEL_SPREAD = 1.5
"""Two counts of calls that differ by so many of their roots may well be one and the same."""


class Sent(Struct, frozen=True, kw_only=True, gc=False):
    """What is remembered of an attempt.

    Attributes:
        number: of its admission, counted from 1. at_s: when that was.
        level: attempts in flight then, this one included.
        is_full: whether that was all the level allowed. is_beyond: more than its height.
    """

    number: int
    at_s: float
    level: int
    is_full: bool
    is_beyond: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is seen when a 429 comes.

    Attributes:
        now_s: of the monotonic clock.
        in_flight: attempts in flight, the refused one included.
        admitted: attempts ever sent. throttled: of these, answered 429, this one included.
        sent_per_s: attempts sent a second, lately.
    """

    now_s: float
    in_flight: int
    admitted: int
    throttled: int
    sent_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """What the first 429 saw, and those that came after it.

    Attributes:
        first: the first attempt that was refused. seen: what was seen when that came to light.
        refused: attempts that were refused.
        late: the first of them that was not sent at the very beginning, when some of a burst may
            still have been accepted. late_refused: how many since.
    """

    first: Sent
    seen: Seen
    refused: int = 1
    late: Sent | None = None
    late_refused: int = 0

    def once_more(self, sent: Sent) -> Episode:
        """Another of the attempts that were on their way was refused."""
        first = sent if sent.number < self.first.number else self.first
        late, late_refused = self.late, self.late_refused
        if sent.at_s >= self.seen.now_s - LATE_SHARE * (self.seen.now_s - self.first.at_s):
            late = sent if late is None or sent.number < late.number else late
            late_refused += 1
        return replace(
            self, first=first, refused=self.refused + 1, late=late, late_refused=late_refused
        )

    @property
    def anchor(self) -> Sent:
        """The attempt from which on is measured."""
        is_burst = self.late is not None and self.late_refused >= LATE_CALLS
        return self.late if is_burst and self.late is not None else self.first

    @property
    def span_s(self) -> float:
        """Seconds in which the calls were sent that are counted: about a round trip."""
        return max(1e-3, self.seen.now_s - self.anchor.at_s)

    @property
    def is_brief(self) -> bool:
        """Whether the round trip was so short that next to nothing can be told from it."""
        return self.seen.now_s - self.first.at_s < BRIEF_S

    @property
    def accepted(self) -> int:
        """Calls sent in that time and not refused; fewer with each 429 that comes."""
        refused = self.refused if self.anchor is self.first else self.late_refused
        return max(0, self.seen.admitted - self.anchor.number + 1 - refused)

    @property
    def completed(self) -> int:
        """Calls that ended in that time, and made room if calls in flight are what is limited."""
        return max(0, self.ended - (self.anchor.number - self.anchor.level))

    @property
    def ended(self) -> int:
        """Calls that had ever ended when it began, whatever came of them."""
        return self.seen.admitted - self.seen.in_flight

    @property
    def left(self) -> int:
        """In flight when it began, without those that were refused."""
        return max(1, self.seen.in_flight - self.refused)

    @property
    def is_surprise(self) -> bool:
        """Whether far too much was sent."""
        sent = self.seen.admitted - self.first.number + 1
        return self.refused >= max(SURPRISE_CALLS, SURPRISE_SHARE * sent)

    @property
    def is_level(self) -> bool:
        """Whether as many were accepted as made room."""
        most = max(self.accepted, self.completed)
        return abs(self.accepted - self.completed) <= LEVEL_SPREAD * (1.0 + sqrt(most))

    @property
    def accepted_before(self) -> int:
        """Calls ever accepted before the first refused one."""
        return self.first.number - self.seen.throttled
