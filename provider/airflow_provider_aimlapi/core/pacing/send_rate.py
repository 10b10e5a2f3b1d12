"""Measures how many calls per second were sent lately, and spaces calls by a pace. Pure."""

from __future__ import annotations

SPAN_S = 0.25
SPAN_CALLS = 10
"""The rate is measured over at least this time and this many calls. Over less, it varies by chance."""
SPAN_S_MIN = 0.01
"""Only keeps the first calls of a run from dividing by zero."""
PACE_SLACK_S = 0.02
"""The time by which a late event loop may catch up with the pace."""


class SendRate:
    """Keeps the counts at two times, and measures from the older one."""

    __slots__ = ("_marks",)

    def __init__(self, now_s: float) -> None:
        # Two marks of (time, calls sent). The rate is measured from the older one, so that it always
        # covers a full span; the newer one replaces it after another span.
        self._marks = ((now_s, 0), (now_s, 0))

    def note_sent(self, now_s: float, sent: int) -> None:
        """Note how many calls have been sent by now."""
        at_s, before = self._marks[1]
        if now_s - at_s >= SPAN_S and sent - before >= SPAN_CALLS:
            self._marks = (self._marks[1], (now_s, sent))

    def per_s(self, now_s: float, sent: int) -> float:
        """Return the calls per second until now."""
        from_s, before = self._marks[0]
        return (sent - before) / max(SPAN_S_MIN, now_s - from_s)


class Spacing:
    """Spaces calls by the pace: each call takes an interval, after which the next one may go.

    Attributes:
        interval_s: between two calls; 0 while there is no pace.
        next_s: when the next call may go.
    """

    __slots__ = ("interval_s", "next_s")

    def __init__(self, now_s: float) -> None:
        self.interval_s = 0.0
        self.next_s = now_s

    def is_early(self, now_s: float) -> bool:
        """Return whether the next call must wait."""
        return self.interval_s > 0 and now_s < self.next_s

    def calls_due(self, now_s: float) -> int:
        """Return how many calls the pace lets go now or almost now. There must be a pace."""
        return int((now_s - self.next_s) / self.interval_s) + 1

    def note_sent(self, now_s: float) -> None:
        """Count a call that is sent now. An event loop that is late may catch up a little."""
        if self.interval_s:
            self.next_s = max(self.next_s, now_s - PACE_SLACK_S) + self.interval_s

    def follow_interval(self, interval_s: float, now_s: float) -> None:
        """Change the interval. A call that waits for the old one waits for the new one at most."""
        if interval_s and self.interval_s:
            # A pace that has just grown from one call in 20 s must not wait for the rest of the
            # old interval.
            self.next_s = now_s + min(self.next_s - now_s, interval_s)
        self.interval_s = interval_s
