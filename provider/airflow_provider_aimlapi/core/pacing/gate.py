"""The gate: open, or closed while nothing at all is accepted, with one call at a time to look. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

PROBE_SHARE = 0.08
"""A closed gate is looked at again after this share of the time it has been closed."""
PROBE_SOON_SHARE = 0.2
PROBE_SOON_S = 12.0
"""In the first minutes after a larger one, but so soon: an allowance of a minute ends at one."""
PROBE_S_MIN = 0.25
PROBE_S_MAX = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Whether calls are admitted, or single ones to find out.

    Attributes:
        closed_s: since when it is closed; None when it is open.
        next_s: when the next call may look.
        probe_s: when the last one was sent; None when it was refused, or there was none.
        patience_s: a call that was not refused for so long was accepted.
        needs_answer: whether only an answer opens it. So it is when calls fail otherwise than by
            a 429: such failures take their time.
    """

    closed_s: float | None = None
    next_s: float = 0.0
    probe_s: float | None = None
    patience_s: float = 0.0
    needs_answer: bool = False

    @property
    def is_open(self) -> bool:
        """Whether calls are admitted without further ado."""
        return self.closed_s is None

    def closed(self, now_s: float, *, patience_s: float, needs_answer: bool = False) -> Gate:
        """Shut it."""
        return Gate(
            closed_s=now_s,
            next_s=now_s + PROBE_S_MIN,
            patience_s=max(PROBE_S_MIN, patience_s),
            needs_answer=needs_answer,
        )

    def paused(self, now_s: float, *, until_s: float) -> Gate:
        """Shut for a round trip, until it is known what became of the calls on their way."""
        return Gate(closed_s=now_s, next_s=until_s, probe_s=now_s)

    def probed(self, now_s: float) -> Gate:
        """A call was sent to look."""
        return replace(self, probe_s=now_s, next_s=now_s + self.patience_s)

    def refused(self, sent_s: float, *, now_s: float) -> Gate:
        """The call that was sent then came to nothing; those from before say nothing new."""
        if self.closed_s is None or self.probe_s is None or sent_s < self.probe_s:
            return self
        closed_s = now_s - self.closed_s
        pause_s = max(PROBE_SHARE * closed_s, min(PROBE_SOON_SHARE * closed_s, PROBE_SOON_S))
        next_s = now_s + min(PROBE_S_MAX, max(PROBE_S_MIN, pause_s))
        return replace(self, probe_s=None, next_s=next_s)

    def answered(self, sent_s: float) -> Gate:
        """A completion came for a call sent then."""
        if self.closed_s is None or (sent_s < self.closed_s and not self.needs_answer):
            return self
        return OPEN

    def at(self, now_s: float) -> Gate:
        """The gate at this instant: a probe that was not refused in time has opened it."""
        is_through = self.probe_s is not None and now_s >= self.next_s and not self.needs_answer
        return OPEN if is_through else self

    def admits(self, now_s: float) -> bool:
        """Whether a call may go now: any if it is open, else one to look."""
        if self.closed_s is None:
            return True
        return self.probe_s is None and now_s >= self.next_s


OPEN = Gate()
