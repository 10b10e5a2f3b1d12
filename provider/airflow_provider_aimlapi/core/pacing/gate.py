"""The gate closes while no call is accepted, and then lets single calls through as probes. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

PROBE_SHARE = 0.08
"""The next probe is sent after this share of the time for which the gate has been closed."""
PROBE_SOON_SHARE = 0.2
PROBE_SOON_S = 12.0
"""In the first minutes the share is larger, up to this pause. An allowance per minute is full again after
a minute, so a probe must come soon after it."""
PROBE_S_MIN = 0.25
PROBE_S_MAX = 30.0
"""Bounds of the pause between two probes: few 429s, and at most half a minute lost when calls are accepted
again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Whether calls are admitted, or only single ones as probes.

    Attributes:
        closed_s: when it was closed; None if it is open.
        next_s: when the next probe may be sent.
        probe_s: when the last probe was sent; None if it was refused, or there was none.
        patience_s: a probe that is not refused for this long counts as accepted.
        needs_answer: whether only an answer opens the gate. It is set if calls fail in other ways
            than by a 429, because such failures come late.
    """

    closed_s: float | None = None
    next_s: float = 0.0
    probe_s: float | None = None
    patience_s: float = 0.0
    needs_answer: bool = False

    @property
    def is_open(self) -> bool:
        """Return whether all calls are admitted."""
        return self.closed_s is None

    def closed_at(self, now_s: float, *, patience_s: float, needs_answer: bool = False) -> Gate:
        """Return the closed gate."""
        return Gate(
            closed_s=now_s,
            next_s=now_s + PROBE_S_MIN,
            patience_s=max(PROBE_S_MIN, patience_s),
            needs_answer=needs_answer,
        )

    def paused_until(self, now_s: float, *, until_s: float) -> Gate:
        """Return the gate closed for a round trip, until the calls in flight are refused or accepted."""
        return Gate(closed_s=now_s, next_s=until_s, probe_s=now_s)

    def after_probe(self, now_s: float) -> Gate:
        """Return the gate after a probe was sent."""
        return replace(self, probe_s=now_s, next_s=now_s + self.patience_s)

    def after_refusal(self, sent_s: float, *, now_s: float) -> Gate:
        """Return the gate after a call failed. Calls sent before the probe do not count."""
        # 1. The gate is open: the law handles the 429. 2. No probe is on its way. 3. The call was
        #    sent before the probe, so it shows nothing about now.
        if self.closed_s is None or self.probe_s is None or sent_s < self.probe_s:
            return self
        closed_s = now_s - self.closed_s
        pause_s = max(PROBE_SHARE * closed_s, min(PROBE_SOON_SHARE * closed_s, PROBE_SOON_S))
        next_s = now_s + min(PROBE_S_MAX, max(PROBE_S_MIN, pause_s))
        return replace(self, probe_s=None, next_s=next_s)

    def after_answer(self, sent_s: float) -> Gate:
        """Return the gate after a call that was sent at this time was answered."""
        # A call from before the closing may have been accepted long ago. After failures of another
        # kind, each answer shows that the API is back.
        if self.closed_s is None or (sent_s < self.closed_s and not self.needs_answer):
            return self
        return OPEN

    def at_time(self, now_s: float) -> Gate:
        """Return the gate at this time. A probe that was not refused in time has opened it."""
        is_through = self.probe_s is not None and now_s >= self.next_s and not self.needs_answer
        return OPEN if is_through else self

    def admits_call(self, now_s: float) -> bool:
        """Return whether a call may go now: any call if the gate is open, otherwise a probe."""
        if self.closed_s is None:
            return True
        # One probe at a time: a second one would be refused with the first.
        return self.probe_s is None and now_s >= self.next_s


OPEN = Gate()
