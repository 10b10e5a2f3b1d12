"""Measures how many calls were sent a second lately. Pure."""

from __future__ import annotations

SPAN_S = 0.25
SPAN_CALLS = 10
"""The rate is that of so much time and so many calls at least; of less, chance would move it."""
SPAN_S_MIN = 0.01


class SendRate:
    """The counts at two instants, of which the older one is measured from."""

    __slots__ = ("_marks",)

    def __init__(self, now_s: float) -> None:
        self._marks = ((now_s, 0), (now_s, 0))

    def note(self, now_s: float, sent: int) -> None:
        """Note how many calls were ever sent by now."""
        at_s, before = self._marks[1]
        if now_s - at_s >= SPAN_S and sent - before >= SPAN_CALLS:
            self._marks = (self._marks[1], (now_s, sent))

    def per_s(self, now_s: float, sent: int) -> float:
        """Return the calls a second until now."""
        from_s, before = self._marks[0]
        return (sent - before) / max(SPAN_S_MIN, now_s - from_s)
