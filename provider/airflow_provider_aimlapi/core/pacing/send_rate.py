"""Measures how many calls per second were sent lately. Pure."""

from __future__ import annotations

SPAN_S = 0.25
SPAN_CALLS = 10
"""The rate is measured over at least this time and this many calls. Over less, it varies by chance."""
SPAN_S_MIN = 0.01


class SendRate:
    """Keeps the counts at two times, and measures from the older one."""

    __slots__ = ("_marks",)

    def __init__(self, now_s: float) -> None:
        self._marks = ((now_s, 0), (now_s, 0))

    def note(self, now_s: float, sent: int) -> None:
        """Note how many calls have been sent by now."""
        at_s, before = self._marks[1]
        if now_s - at_s >= SPAN_S and sent - before >= SPAN_CALLS:
            self._marks = (self._marks[1], (now_s, sent))

    def per_s(self, now_s: float, sent: int) -> float:
        """Return the calls per second until now."""
        from_s, before = self._marks[0]
        return (sent - before) / max(SPAN_S_MIN, now_s - from_s)
