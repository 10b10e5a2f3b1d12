"""The window's law: how many calls may be in flight, and how many a second. No I/O, no clock.

Nobody publishes the limit; a 429 is all that is ever said of it. Two quantities are kept to, each
by a `Reach`: the **level** (calls in flight) and the **pace** (calls a second). The pace stays
unset until a 429 shows that there is a rate. What the law knows about 429s, and uses:

- A refusal comes at once, a completion after seconds. So an attempt that is still in flight after
  a refusal would have come was accepted, and the window may grow without waiting for its answer.
- When a call beyond all that fitted before is refused while the window was full, what is left in
  flight is what the API holds: the level is cut to exactly that, not by a guess.
- When a call is refused although as many were in flight a moment ago, the number in flight is not
  what is limited. At a 429 a rate's bucket is empty; so what was accepted between two 429s,
  divided by the time between them, is its rate.
- When a known height is refused, the limit has moved or somebody shares it: both are cut by a
  tenth or more, so that those who share come to equal parts.
- When call after call is refused, nothing is accepted at any pace: the gate closes, and one call
  at a time looks whether it is open again. See `core.gate`.
- The 429s of attempts sent before a cut belong to the same episode.
- 5xx and time-outs are not throttling; they change neither level nor pace.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from math import sqrt

from msgspec import Struct

from airflow_provider_aimlapi.core.gate import OPEN, Gate
from airflow_provider_aimlapi.core.reach import SAME_SHARE, Reach

START_LEVEL = 16
RAMP_DOUBLING_S = 0.1
"""From the start to the first 429. Growing faster than 429s come back costs only 429s."""
DOUBLING_S_MIN = 0.25
HOLD_S_MIN = 0.5
HOLD_S_MAX = 8.0
HOLD_CALLS = 350
"""A known limit is touched once in so many calls, or in HOLD_S_MAX: a 429 among as many."""
DOUBLING_CALLS = 5
FULL_SHARE = 0.75
LEVEL_STEP_SHARE = 0.01
PACE_STEP_ROOT = 0.15
"""The pace's first step is this times its root: a small share grows faster than a large one."""
PACE_MARGIN = 0.98
MOVED_FACTOR = 0.85
MEASURED_CALLS_MIN = 5
ANCHOR_CALLS_MIN = 20
AGREEING_SHARE = 0.8
CLOSING_RUN = 5
"""So many calls in a row refused, each sent after the one before was: the gate closes."""
PACE_MIN = 0.05
REFUTING_SHARE = 1.1
DOUBT_S = 4.0
DOUBT_CALLS = 10
DENSE_EPISODES = 3
STEADY_CALLS = 50
ANCHOR_S_MIN = 0.5


class Held(Enum):
    """What holds calls back at the moment; also what a decision was about."""

    LEVEL = "level"
    PACE = "pace"
    GATE = "gate"
    NOTHING = "nothing"


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
class Mark:
    """The counts at one instant, to measure from.

    Attributes:
        at_s: of the monotonic clock. accepted: attempts sent and not refused until then.
    """

    at_s: float
    accepted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The law's state.

    Attributes:
        ceiling: the level is never above this.
        level, pace: how far each goes. The pace is None as long as no rate was met.
        gate: whether anything is accepted at all.
        cut_s: when the last episode of 429s began; attempts sent before belong to it.
        is_level_cut: whether that episode cut the level.
        doubts: how often, without a longer pause, as many were refused as had been accepted.
        doubted_s: the last time.
        mark: what is measured from: the beginning of an earlier episode.
        fresh: episodes since then.
        run: new episodes since a call was accepted. run_number, run_throttled: of the last one's
            attempt, and 429s until then.
        refusal_s: how long a 429 takes to come back.
        decision: the last one's name.
    """

    ceiling: int
    level: Reach
    pace: Reach | None = None
    gate: Gate = OPEN
    cut_s: float = 0.0
    is_level_cut: bool = False
    doubts: int = 0
    doubted_s: float = 0.0
    mark: Mark
    fresh: int = 0
    run: int = 0
    run_number: int = 0
    run_throttled: int = 0
    refusal_s: float = 0.1
    decision: str = "grow:start"

    @property
    def permits(self) -> int:
        """Attempts allowed in flight now."""
        return max(1, min(self.ceiling, int(self.level.allowed)))

    @property
    def interval_s(self) -> float:
        """Seconds between two attempts; 0 while there is no pace."""
        return 0.0 if self.pace is None else 1.0 / max(PACE_MIN, self.pace.allowed)


def open_window(ceiling: int, *, now_s: float = 0.0) -> Window:
    """The window a run starts with."""
    ramp = Reach(
        height=0.0, step=float(min(START_LEVEL, ceiling)), hold_s=0.0, doubling_s=RAMP_DOUBLING_S
    )
    return Window(ceiling=ceiling, level=ramp, mark=Mark(at_s=now_s, accepted=0))


def after_time(window: Window, *, elapsed_s: float, held: Held) -> Window:
    """Time has passed in which calls were held back by this; only that grows."""
    if held is Held.LEVEL:
        if window.permits >= window.ceiling:
            return window
        level = window.level.aged(elapsed_s)
        return replace(window, level=level, decision=_growth(level, "in-flight"))
    if held is Held.PACE and window.pace is not None:
        pace = window.pace.aged(elapsed_s)
        return replace(window, pace=pace, decision=_growth(pace, "rate"))
    return window


def _growth(reach: Reach, what: str) -> str:
    return f"{'grow' if reach.is_climbing else 'hold'}:{what}"


def after_throttled(window: Window, sent: Sent, seen: Seen, *, jitter: float) -> Window:
    """A 429 came.

    Args:
        jitter: from 0 to 1, chosen by the caller, so that workers who share do not march in step.
    """
    if not window.gate.is_open:
        return replace(window, gate=window.gate.refused(sent.at_s, now_s=seen.now_s))
    if sent.at_s < window.cut_s:
        return _same_episode(window, seen)
    refusal_s = max(0.8 * window.refusal_s, seen.now_s - sent.at_s)
    window = _counted(replace(window, refusal_s=refusal_s), sent, seen)
    if window.run >= CLOSING_RUN:
        gate = window.gate.closed(seen.now_s, patience_s=2.0 * refusal_s)
        return replace(window, gate=gate, run=0, decision="close:refused")
    return _cut(window, sent, seen, jitter)


def _same_episode(window: Window, seen: Seen) -> Window:
    """One more of the same burst: fewer are left in flight than the cut had thought."""
    left = float(max(1, seen.in_flight - 1))
    if not window.is_level_cut or left >= window.level.height:
        return window
    if left < FULL_SHARE * window.level.height:  # the burst is over: these were answered
        return window
    return replace(window, level=replace(window.level, height=left))


def _counted(window: Window, sent: Sent, seen: Seen) -> Window:
    """Whether every call between the last episode's and this one was refused, too."""
    refused = seen.throttled - window.run_throttled
    is_run = refused >= sent.number - window.run_number
    return replace(
        window,
        run=window.run + 1 if is_run else 1,
        run_number=sent.number,
        run_throttled=seen.throttled,
    )


def _cut(window: Window, sent: Sent, seen: Seen, jitter: float) -> Window:
    """A new episode: find out what is limited, and cut it to what was accepted."""
    if not sent.is_full:
        cut, name = _cut_not_full(window, sent, seen, jitter)
    elif sent.is_beyond:
        cut, name = _cut_beyond(window, sent, seen, jitter)
    else:
        cut, name = _cut_known(window, sent, seen, jitter)
    is_level_cut = cut.level is not window.level
    cut = replace(cut, cut_s=seen.now_s, is_level_cut=is_level_cut, decision=name)
    return _marked(cut, seen)


def _cut_beyond(window: Window, sent: Sent, seen: Seen, jitter: float) -> tuple[Window, str]:
    """As full as never before: most likely that was too much."""
    height = window.level.height
    cut = _level_cut(window, sent, seen, 1.0, jitter)
    is_refuted = height > 0 and sent.level > REFUTING_SHARE * height + 2
    if is_refuted and _is_pace_idle(window, seen):  # more fits than was refused: is it a rate?
        return _pace_cut(cut, seen, 1.0, jitter), "cut:both"
    return cut, "cut:in-flight"


def _cut_known(window: Window, sent: Sent, seen: Seen, jitter: float) -> tuple[Window, str]:
    """No more than were accepted a moment ago.

    The first time it may be a call or two whose end is still on its way to us. Then somebody else
    is there, or the limit has moved. And then it is no limit of calls in flight at all.
    """
    window = _doubted(window, seen)
    if window.doubts == 1:
        return _level_cut(window, sent, seen, 1.0, jitter), "cut:in-flight"
    window = _level_cut(window, sent, seen, MOVED_FACTOR, jitter)
    if window.doubts < DENSE_EPISODES and window.fresh < DENSE_EPISODES:
        return window, "cut:moved"
    return _pace_cut(window, seen, 1.0, jitter), "cut:both"


def _cut_not_full(window: Window, sent: Sent, seen: Seen, jitter: float) -> tuple[Window, str]:
    """Fewer in flight than allowed: a rate, or the start, where both may be."""
    if window.pace is None:
        cut = _level_cut(window, sent, seen, 1.0, jitter)
        if cut is not window and window.level.height == 0:
            return cut, "cut:in-flight"
        return _pace_cut(cut, seen, 1.0, jitter), "cut:both"
    if window.pace.is_climbing or _is_known(window, seen):
        return _pace_cut(window, seen, PACE_MARGIN, jitter), "cut:rate"
    window = _doubted(window, seen)
    factor = PACE_MARGIN if window.doubts == 1 else MOVED_FACTOR
    return _pace_cut(window, seen, factor, jitter), "cut:rate"


def _doubted(window: Window, seen: Seen) -> Window:
    """What had been accepted was refused: once more, or for the first time in a while."""
    again_s = max(DOUBT_S, DOUBT_CALLS / max(0.1, seen.sent_per_s))
    doubts = window.doubts + 1 if seen.now_s < window.doubted_s + again_s else 1
    return replace(window, doubts=doubts, doubted_s=seen.now_s)


def _is_pace_idle(window: Window, seen: Seen) -> bool:
    return window.pace is None or window.pace.allowed > 2.0 * seen.sent_per_s


def _is_known(window: Window, seen: Seen) -> bool:
    """Whether the pace was only a little too high."""
    accepted = seen.admitted - seen.throttled - window.mark.accepted
    rate = accepted / max(1e-3, seen.now_s - window.mark.at_s)
    return _is_exact(window.pace, rate, accepted)


def _marked(window: Window, seen: Seen) -> Window:
    accepted = seen.admitted - seen.throttled
    is_early = (
        accepted - window.mark.accepted < ANCHOR_CALLS_MIN
        or seen.now_s - window.mark.at_s < ANCHOR_S_MIN
    )
    if is_early and window.mark.accepted:
        return replace(window, fresh=window.fresh + 1)
    return replace(window, fresh=0, mark=Mark(at_s=seen.now_s, accepted=accepted))


def _level_cut(window: Window, sent: Sent, seen: Seen, factor: float, jitter: float) -> Window:
    """The level as it was when the refused call is taken off, if it was full at all."""
    left = seen.in_flight - 1.0
    if left < FULL_SHARE * window.permits:
        left = sent.level - 1.0
    if left < FULL_SHARE * window.permits:
        return window
    height = max(1.0, factor * left)
    level = window.level.cut(
        height,
        step=max(1.0, LEVEL_STEP_SHARE * height),
        hold_s_min=_jittered(HOLD_S_MIN, jitter),
        hold_s_max=_jittered(max(HOLD_S_MAX, HOLD_CALLS / max(seen.sent_per_s, 0.01)), jitter),
        doubling_s=max(DOUBLING_S_MIN, 2.0 * window.refusal_s),
    )
    return replace(window, level=level)


def _pace_cut(window: Window, seen: Seen, factor: float, jitter: float) -> Window:
    """The pace as it was accepted."""
    measured = _measured(window, seen)
    height = max(PACE_MIN, factor * measured)
    old = window.pace or Reach(height=0.0, step=0.0, hold_s=0.0, doubling_s=1.0)
    pace = old.cut(
        height,
        step=min(height, PACE_STEP_ROOT * sqrt(height)),
        hold_s_min=_jittered(HOLD_S_MIN, jitter),
        hold_s_max=_jittered(max(HOLD_S_MAX, HOLD_CALLS / height), jitter),
        doubling_s=max(DOUBLING_S_MIN, 2.0 * window.refusal_s, DOUBLING_CALLS / height),
    )
    return replace(window, pace=pace)


def _measured(window: Window, seen: Seen) -> float:
    """The rate that was accepted, between two bounds.

    What was sent when the bucket ran dry is too much. What was accepted since it last did is too
    little if it was full in between, and exact if the pace was kept to until now.
    """
    most = seen.sent_per_s
    if window.pace is not None:
        most = min(most, window.pace.allowed)
    accepted = seen.admitted - seen.throttled - window.mark.accepted
    elapsed_s = seen.now_s - window.mark.at_s
    if accepted < MEASURED_CALLS_MIN or elapsed_s <= 0:
        return most
    least = min(most, accepted / elapsed_s)
    if window.fresh >= DENSE_EPISODES or _is_exact(window.pace, least, accepted):
        return least
    return float(least * (most / least) ** (0.5 if accepted < STEADY_CALLS else 0.25))


def _is_exact(pace: Reach | None, rate: float, calls: int) -> bool:
    return (
        pace is not None
        and calls >= ANCHOR_CALLS_MIN
        and not pace.is_climbing
        and abs(rate - pace.height) <= SAME_SHARE * pace.height
    )


def _jittered(duration_s: float, jitter: float) -> float:
    return duration_s * (0.75 + 0.5 * jitter)
