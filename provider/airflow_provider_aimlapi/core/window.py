"""The window's law: how many attempts may be in flight. (window, observation, now) -> window.

Growth and cut follow TCP's slow start and additive increase, multiplicative decrease, in rounds:

- A round is as many accepted answers as the window is wide, of attempts admitted since the last
  change and while at least 80% of the window was in use. A clean round doubles the window until
  the first 429, and adds a step after it.
- A 429 cuts by 15% and pauses admission for a moment. The 429s of attempts that were admitted
  before that cut belong to the same episode and say nothing new.
- 5xx and time-outs are not throttling; they change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

START_SIZE = 16
CUT_FACTOR = 0.85
USED_SHARE_MIN = 0.8
STEP_SHARE = 0.02
PAUSE_S_MIN = 0.2
PAUSE_S_MAX = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The law's state.

    Attributes:
        size: attempts allowed in flight, before rounding down; at least 1.
        ceiling: never above this.
        is_slow_start: whether no 429 was met yet.
        epoch: counts changes; an attempt carries the epoch of its admission.
        cut_epoch: the epoch that the last cut began.
        round_accepted: clean answers in this round.
        paused_until_s: no admission before this instant of the monotonic clock.
    """

    ceiling: int
    size: float
    is_slow_start: bool = True
    epoch: int = 0
    cut_epoch: int = 0
    round_accepted: int = 0
    paused_until_s: float = 0.0

    @property
    def permits(self) -> int:
        """Attempts allowed in flight now."""
        return int(self.size)


def open_window(ceiling: int) -> Window:
    """The window a run starts with."""
    return Window(ceiling=ceiling, size=float(min(START_SIZE, ceiling)))


def after_accepted(window: Window, *, epoch: int, in_flight: int) -> Window:
    """An answer came.

    Args:
        epoch: the window's epoch when that attempt was admitted.
        in_flight: attempts in flight when the answer came, this one included.
    """
    if epoch < window.epoch or in_flight < window.permits * USED_SHARE_MIN:
        return window
    accepted = window.round_accepted + 1
    if accepted < window.permits:
        return replace(window, round_accepted=accepted)
    step = window.size if window.is_slow_start else max(1.0, window.size * STEP_SHARE)
    size = min(window.size + step, float(window.ceiling))
    return replace(window, size=size, epoch=window.epoch + 1, round_accepted=0)


def after_throttled(window: Window, *, epoch: int, now_s: float, jitter: float) -> Window:
    """A 429 came.

    Args:
        epoch: the window's epoch when that attempt was admitted.
        jitter: from 0 to 1, chosen by the caller.
    """
    if epoch < window.cut_epoch:
        return window
    cut_epoch = window.epoch + 1
    return replace(
        window,
        size=max(1.0, window.size * CUT_FACTOR),
        is_slow_start=False,
        epoch=cut_epoch,
        cut_epoch=cut_epoch,
        round_accepted=0,
        paused_until_s=now_s + PAUSE_S_MIN + (PAUSE_S_MAX - PAUSE_S_MIN) * jitter,
    )
