"""How long calls have failed while none was answered, and what an outage may explain. Pure.

A failed call counts against its row only if the API was up at that time: calls of other rows were
answered shortly before and after it. While nothing is answered, nothing counts. Then the row may be to blame
or the API, and only time can tell: an outage passes.
"""

from __future__ import annotations

from dataclasses import dataclass

OUTAGE_S = 1500.0
"""An outage of 20 minutes rejects no row, and neither do failures in the five minutes before it. With
half of it, an outage at the end of a run would cost the last rows."""
GAP_S = 900.0
"""Failures in a time without any answer count if it was shorter. An outage of 20 minutes is longer, even
if answers to earlier calls come in for five more. With a tenth of it, few failures would count in a run
whose answers take minutes."""
SEPARATE_S = 3600.0
"""With so long between two failures, of whatever rows, they are two troubles: together they prove nothing."""
EARLIER_S_MIN = 300.0
"""Failures of an earlier attempt count only if they lasted this long. A single one that passed, and an
outage some minutes later, would look like a long outage."""
STALL_CALLS = 4
"""A stall is at least this many failed calls one after another, but no longer than `OUTAGE_S`. With two, a
few rows that are slower than the time-out would end a run with few calls in flight."""
SILENCE_CALLS = 2
SILENCE_S = 30.0
"""A single call that fails sooner is no silence, or each bad row would change the order in which rows are
sent. A slow one is, because four of them in a row end a try."""
PAUSE_S = 60.0
"""The longest back-off. A longer pause between two calls is not the API's."""


@dataclass(slots=True)
class Silence:
    """Time in which calls fail and none is answered.

    It begins with a failure, not with the last answer: a slow answer is no silence. A pause counts
    only as far as a row waits after a failure, because in a longer one no call was allowed.

    Attributes:
        since_s: the first failure since the last answer; None when there was none.
        length_s: what of the time since then counts.
        slowest_s: the longest of these calls.
        calls: how many calls failed.
    """

    since_s: float | None = None
    length_s: float = 0.0
    slowest_s: float = 0.0
    calls: int = 0
    # When the last call failed, and the longest pause of a row since the last answer.
    _failed_s: float = 0.0
    _pause_s: float = PAUSE_S

    def note_failure(self, *, sent_s: float, now_s: float) -> None:
        """Count a failed call."""
        if self.since_s is None:
            self.since_s = now_s
        else:
            # The time since the last failure counts as far as calls could fail in it: this call's
            # own time, and the longest pause before it. The rest was a pause of ours, such as a
            # frozen process.
            allowed_s = now_s - sent_s + self._pause_s
            self.length_s += min(now_s - self._failed_s, allowed_s)
        self._failed_s = now_s
        self.slowest_s = max(self.slowest_s, now_s - sent_s)
        self.calls += 1

    @property
    def is_noticed(self) -> bool:
        """Return whether more than a single call failed, or a slow one."""
        return self.calls >= SILENCE_CALLS or self.slowest_s >= SILENCE_S

    def is_stall(self, stall_timeout_s: float) -> bool:
        """Return whether it has lasted so long, and several calls."""
        return self.length_s >= max(stall_timeout_s, min(STALL_CALLS * self.slowest_s, OUTAGE_S))

    def note_wait(self, delay_s: float) -> None:
        """Note how long a row waits after a failure."""
        self._pause_s = max(self._pause_s, delay_s)

    def note_rest(self, now_s: float) -> None:
        """Count time in which no call was in flight, because rows must wait to be bought again."""
        self.since_s = now_s if self.since_s is None else self.since_s
        self.length_s = max(self.length_s, now_s - self.since_s)

    def end_silence(self) -> None:
        """End the silence."""
        self.since_s, self.length_s, self.slowest_s, self._pause_s = None, 0.0, 0.0, PAUSE_S
        self.calls = 0


def failing_since_us(since_us: int, failed_us: int, now_us: int, *, trouble_us: int) -> int:
    """Return since when a row has been failing in one go, if it fails now.

    Args:
        since_us: the same after the failure before; 0 when there was none. failed_us: that failure.
        trouble_us: since when no row was answered.
    """
    # The first condition fails if the machine's clock was set back. Such a time proves nothing.
    is_one_trouble = since_us <= failed_us <= now_us and trouble_us < failed_us
    return since_us if since_us and is_one_trouble else now_us


def earlier_since_us(since_us: int, failed_us: int) -> int:
    """Return since when a row failed in an earlier attempt; 0 if that was too short to count."""
    return since_us if failed_us - since_us >= EARLIER_S_MIN * 1e6 else 0


def outlasts_outage(since_us: int, sent_us: float) -> bool:
    """Return whether a call that was sent then is too late for an outage that began before."""
    return sent_us >= since_us + OUTAGE_S * 1e6
