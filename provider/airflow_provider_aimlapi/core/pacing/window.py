"""The window's law: how many calls may be in flight, and how many a second. No I/O, no clock.

Nobody publishes the limit; a 429 is all that is ever said of it. Two quantities are kept to, each
by a `Reach`: the **level** (calls in flight) and the **pace** (calls a second). The pace stays
unset until a 429 shows that there may be a rate. What the law knows about 429s, and uses:

- A refusal comes at once, a completion after seconds. So an attempt that is still in flight after
  a refusal would have come was accepted, and the window may grow without waiting for its answer.
- A 429 is about calls sent a round trip ago. Nothing more is sent until it is known what became of
  those on their way; then it is known, too, how many of them the API took: see `core.pacing.episode`.
- As many accepted as ended: calls in flight are limited. The level is cut to those left in flight.
- Else it is a rate. At a 429 its bucket is empty; so what was accepted between two 429s, divided
  by the time between them, is the rate. Both are measured; nothing is cut by a guess.
- What was kept to is refused again and again: somebody shares it. All then give way by a tenth, and
  look again after the same time and grow as fast, however much each of them has: so they come to
  equal parts.
- Call after call is refused: nothing is accepted at any pace. The gate closes, and one call at a
  time looks whether it is open again. See `core.pacing.gate`.
- A 429 that is back in a few milliseconds tells no rate. Then calls go on slowly after the pause, so
  that the next one does.
- 5xx and time-outs are not throttling; they change neither level nor pace.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from math import sqrt

from airflow_provider_aimlapi.core.pacing.episode import Episode, Seen, Sent
from airflow_provider_aimlapi.core.pacing.evidence import Likeness, Mark, Streak
from airflow_provider_aimlapi.core.pacing.gate import OPEN, Gate
from airflow_provider_aimlapi.core.pacing.reach import SAME_SHARE, Patience, Reach

START_LEVEL = 16
RAMP_DOUBLING_S = 0.1
"""From the start to the first 429. Growing faster than 429s come back costs only 429s."""
HOLD_S_MIN = 0.5
HOLD_S_MAX = 5.0
SHARED_HOLD_S = 2.0
"""For all who share a limit, whatever part of it each of them has."""
LEVEL_HOLD_CALLS = 220
PACE_HOLD_CALLS = 600
"""A known limit is touched once in so many calls, or in HOLD_S_MAX. A bucket has saved up more by
then, and is touched with two or three 429s, a level with one or two."""
LEVEL_DOUBLING_S = 0.25
PACE_DOUBLING_S = 0.5
PACE_DOUBLING_CALLS = 20
DOUBTFUL_DOUBLING_CALLS = 5
"""A pace may be none where a full level was refused: then it is to hold nobody up for long."""
LEVEL_STEP_SHARE = 0.01
PACE_STEP_ROOT = 0.15
"""The pace's first step is this times its root: a small share grows faster than a large one."""
PACE_MIN = 0.05
PACE_SLACK = 0.99
SHARED_FACTOR = 0.9
FULL_SHARE = 0.75
NEAR_FACTOR = 1.5
TOUCHED_FACTOR = 1.3
REFUTING_SHARE = 1.1
DOUBT_S = 4.0
DOUBT_CALLS = 10
DOUBTS_MAX = 4
ALIKE_TIMES = 2
ALIKE_LEVEL_MIN = 16
PRIOR_CALLS = 10
"""What is known counts as much as so many calls that are seen."""
SURPRISE_PRIOR_CALLS = 5
STEADY_CALLS = 50
PAUSING_CALLS = 3
RESUME_DOUBLING_S = 0.05
"""From a pause until the level is full or the pace holds, where a round trip tells too little."""
STRAGGLING = 4.0
"""A 429 that takes so many times as long as others says nothing about now."""


class Held(Enum):
    """What holds calls back at the moment."""

    LEVEL = "level"
    PACE = "pace"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The law's state.

    Attributes:
        ceiling: the level is never above this.
        level, pace: how far each goes. The pace is None as long as no rate was met.
        gate: whether anything is accepted at all.
        resume: calls a second after a pause; None when they are back to what holds them.
        episode: the last one. before: the state then; each further 429 decides anew from it.
        jitter: the episode's.
        mark, run, likeness: what episodes say together.
        doubts: how often, without a longer pause, as many were refused as had been accepted.
        doubted_s: the last time.
        is_stale: whether the level may be another one since nothing was accepted for a while.
        refusal_s: how long a 429 takes to come back.
        decision: the last one's name.
    """

    ceiling: int
    level: Reach
    pace: Reach | None = None
    gate: Gate = OPEN
    resume: Reach | None = None
    episode: Episode | None = None
    before: Window | None = None
    jitter: float = 0.0
    mark: Mark
    run: Streak = field(default_factory=Streak)
    likeness: Likeness = field(default_factory=Likeness)
    doubts: int = 0
    doubted_s: float = 0.0
    is_stale: bool = False
    refusal_s: float = 0.1
    decision: str = "grow:start"

    @property
    def permits(self) -> int:
        """Attempts allowed in flight now."""
        return max(1, min(self.ceiling, int(self.level.allowed)))

    @property
    def interval_s(self) -> float:
        """Seconds between two attempts; 0 while there is no pace."""
        rates = [reach.allowed for reach in (self.pace, self.resume) if reach is not None]
        return 1.0 / max(PACE_MIN, min(rates)) if rates else 0.0


def open_window(ceiling: int, *, now_s: float = 0.0) -> Window:
    """The window a run starts with."""
    ramp = Reach(
        height=0.0, step=float(min(START_LEVEL, ceiling)), hold_s=0.0, doubling_s=RAMP_DOUBLING_S
    )
    return Window(ceiling=ceiling, level=ramp, mark=Mark(at_s=now_s))


def after_time(window: Window, *, elapsed_s: float, held: Held) -> Window:
    """Time has passed in which calls were held back by this; only that grows."""
    if window.resume is not None and window.gate.is_open:
        return _resumed(window, window.resume.aged(elapsed_s), held)
    if held is Held.LEVEL:
        if window.permits >= window.ceiling:
            return window
        level = window.level.aged(elapsed_s)
        return replace(window, level=level, decision=_growth(level, "in-flight"))
    if held is Held.PACE and window.pace is not None:
        pace = window.pace.aged(elapsed_s)
        return replace(window, pace=pace, decision=_growth(pace, "rate"))
    return window


def _resumed(window: Window, resume: Reach, held: Held) -> Window:
    """It ends when the level is full, or the pace is what holds calls back."""
    is_paced = window.pace is not None and window.pace.allowed <= resume.allowed
    return replace(window, resume=None if is_paced or held is Held.LEVEL else resume)


def _growth(reach: Reach, what: str) -> str:
    return f"{'grow' if reach.is_climbing else 'hold'}:{what}"


def after_throttled(window: Window, sent: Sent, seen: Seen, *, jitter: float) -> Window:
    """A 429 came.

    Args:
        jitter: from 0 to 1, chosen by the caller, so that workers who share do not march in step.
    """
    if window.episode is not None and sent.at_s < window.episode.seen.now_s:
        return _once_more(window, window.episode, sent, seen)
    if not window.gate.is_open:
        return replace(window, gate=window.gate.refused(sent.at_s, now_s=seen.now_s))
    window = replace(
        window,
        before=None,
        jitter=jitter,
        refusal_s=max(0.8 * window.refusal_s, seen.now_s - sent.at_s),
        run=window.run.met(sent, seen),
    )
    return _decided(window, Episode(first=sent, seen=seen), seen)


def _once_more(window: Window, episode: Episode, sent: Sent, seen: Seen) -> Window:
    """One more of the same episode: what follows from it is decided anew."""
    before = window.before
    is_straggler = seen.now_s > episode.seen.now_s + STRAGGLING * window.refusal_s
    if before is None or is_straggler or sent.at_s < episode.first.at_s - episode.span_s:
        return window
    before = replace(before, run=before.run.from_number(sent.number))
    return _decided(before, episode.once_more(sent), seen)


def _decided(before: Window, episode: Episode, seen: Seen) -> Window:
    """What follows from an episode, given the state before it."""
    gate, until_s = before.gate, episode.seen.now_s + before.refusal_s
    if before.run.is_closing(episode, seen):
        window, name = replace(_pace_as_accepted(before, episode), is_stale=True), "close:refused"
        gate = gate.closed(seen.now_s, patience_s=2.0 * before.refusal_s)
    else:
        window, name = _cut(before, episode)
        if episode.refused >= PAUSING_CALLS:
            gate = gate.paused(seen.now_s, until_s=until_s)
    if episode.is_brief and (episode.refused >= PAUSING_CALLS or before.resume is not None):
        window = replace(window, resume=_resume(episode))
    mark = window.mark.moved(episode)
    return replace(window, gate=gate, mark=mark, episode=episode, before=before, decision=name)


def _resume(episode: Episode) -> Reach:
    """At first no more calls than were accepted; then twice as many, and so on."""
    first = max(1, episode.accepted) / max(RESUME_DOUBLING_S, episode.span_s)
    return Reach(height=0.0, step=first, hold_s=0.0, doubling_s=RESUME_DOUBLING_S)


def _cut(window: Window, episode: Episode) -> tuple[Window, str]:
    """Find out what is limited, and cut it to what was accepted."""
    sent = episode.first
    if episode.is_surprise:
        return _cut_surprise(window, episode)
    if sent.is_full or sent.is_beyond:
        return _cut_usual(replace(window, likeness=Likeness()), episode)
    return _cut_within(window, episode)


def _cut_within(window: Window, episode: Episode) -> tuple[Window, str]:
    """Fewer in flight than fitted before. As many as the last times, whatever the pace was?"""
    window = replace(window, likeness=window.likeness.met(episode))
    if window.is_stale:
        window = replace(_level_left(window, episode), is_stale=False)
    if window.likeness.times < ALIKE_TIMES or episode.left < ALIKE_LEVEL_MIN:
        return _cut_usual(window, episode)
    window = replace(window, likeness=Likeness())
    return _pace_cut(_level_left(window, episode), episode, 1.0), "cut:alike"


def _cut_usual(window: Window, episode: Episode) -> tuple[Window, str]:
    """Whichever went beyond what held, or else whichever held calls back, was too much."""
    first, pace = episode.first, window.pace
    is_pace = not first.is_full and _is_pace_near(window, episode.seen)
    is_level = first.is_beyond and window.level.height > 0
    if pace is not None and is_pace and (pace.is_climbing or not is_level):
        return _cut_pace(window, pace, episode)
    if first.is_beyond:
        return _cut_beyond(window, episode)
    return _cut_known(window, episode)


def _cut_pace(window: Window, pace: Reach, episode: Episode) -> tuple[Window, str]:
    if pace.is_shared:
        return _pace_cut(window, episode, SHARED_FACTOR), "cut:shared"
    if episode.first.is_beyond:
        window = _level_cut(window, episode)
    return _pace_cut(window, episode, PACE_SLACK), "cut:rate"


def _cut_surprise(window: Window, episode: Episode) -> tuple[Window, str]:
    """Far too much was sent: as much as was accepted meanwhile is what the API takes."""
    if window.level.height == 0 or (episode.first.is_full and episode.is_level):
        window = _level_left(window, episode)
    name = "cut:in-flight" if episode.is_level else "cut:rate"
    return _pace_as_accepted(window, episode), name


def _cut_beyond(window: Window, episode: Episode) -> tuple[Window, str]:
    """As full as never before: most likely that was too much."""
    height = window.level.height
    cut = _level_cut(window, episode)
    is_refuted = height > 0 and episode.first.level > REFUTING_SHARE * height + 2
    if is_refuted and not _is_pace_near(window, episode.seen):  # more fits than was refused
        return _pace_cut(cut, episode, 1.0), "cut:both"
    return cut, "cut:in-flight"


def _cut_known(window: Window, episode: Episode) -> tuple[Window, str]:
    """No more than were accepted a moment ago.

    It may be a call or two whose end is still on its way to us. Or somebody else is there. Or, if
    it happens again and again, it is no limit of calls in flight at all.
    """
    seen = episode.seen
    again_s = max(DOUBT_S, DOUBT_CALLS / max(0.1, seen.sent_per_s))
    doubts = window.doubts + 1 if seen.now_s < window.doubted_s + again_s else 1
    window = replace(window, doubts=doubts, doubted_s=seen.now_s)
    if window.level.is_shared:
        return _level_cut(window, episode, SHARED_FACTOR), "cut:shared"
    window = _level_cut(window, episode)
    if doubts > 1 and max(doubts, window.mark.episodes) >= DOUBTS_MAX:
        return _pace_cut(window, episode, 1.0), "cut:both"
    return window, "cut:in-flight"


def _is_pace_near(window: Window, seen: Seen) -> bool:
    """Whether about as much was sent as the pace allowed."""
    return window.pace is not None and window.pace.allowed <= NEAR_FACTOR * seen.sent_per_s


def _level_cut(window: Window, episode: Episode, factor: float = 1.0) -> Window:
    """The level as it was when the refused calls are taken off, if it was full at all."""
    for left in (float(episode.left), episode.first.level - 1.0):
        if left >= FULL_SHARE * window.permits:
            return _level_to(window, episode, factor * left)
    return window


def _level_left(window: Window, episode: Episode) -> Window:
    """The level as it was, however much was allowed."""
    return _level_to(window, episode, float(episode.left))


def _level_to(window: Window, episode: Episode, height: float) -> Window:
    height = max(1.0, height)
    most_s = max(HOLD_S_MAX, LEVEL_HOLD_CALLS / max(0.01, episode.seen.sent_per_s))
    doubling_s = max(LEVEL_DOUBLING_S, 2.0 * window.refusal_s)
    level = window.level.cut(
        height,
        step=max(1.0, LEVEL_STEP_SHARE * height),
        alone=_alone(window, most_s, doubling_s),
        together=_together(window, doubling_s),
    )
    return replace(window, level=level)


def _pace_cut(window: Window, episode: Episode, factor: float) -> Window:
    """The pace as it was accepted since an earlier 429."""
    return _pace_to(window, factor * _measured(window, episode))


def _pace_as_accepted(window: Window, episode: Episode) -> Window:
    """The pace as it was accepted in one round trip: few calls, so that it may be far off."""
    if episode.is_brief and window.mark.accepted:
        return _pace_cut(window, episode, 1.0)
    if episode.is_brief:  # no rate can be told yet; the level at least is known
        return window if window.level.height else _level_left(window, episode)
    calls, span_s = max(1, episode.accepted), episode.span_s
    if window.pace is not None:
        calls += SURPRISE_PRIOR_CALLS
        span_s += SURPRISE_PRIOR_CALLS / window.pace.allowed
    return _pace_to(window, calls / span_s, step=sqrt(calls) / span_s)


def _pace_to(window: Window, height: float, *, step: float = 0.0) -> Window:
    height = max(PACE_MIN, height)
    old = window.pace or Reach(height=0.0, step=0.0, hold_s=0.0, doubling_s=1.0)
    most_s = max(HOLD_S_MAX, PACE_HOLD_CALLS / height)
    doubling_s = max(PACE_DOUBLING_S, 2.0 * window.refusal_s)
    calls = DOUBTFUL_DOUBLING_CALLS if window.doubts else PACE_DOUBLING_CALLS
    pace = old.cut(
        height,
        step=max(step, min(height, PACE_STEP_ROOT * sqrt(height))),
        alone=_alone(window, most_s, max(doubling_s, calls / height)),
        together=_together(window, doubling_s),
    )
    return replace(window, pace=pace)


def _alone(window: Window, most_s: float, doubling_s: float) -> Patience:
    return Patience(
        hold_s_min=_jittered(HOLD_S_MIN, window),
        hold_s_max=_jittered(most_s, window),
        doubling_s=doubling_s,
    )


def _together(window: Window, doubling_s: float) -> Patience:
    hold_s = _jittered(SHARED_HOLD_S, window)
    return Patience(hold_s_min=hold_s, hold_s_max=hold_s, doubling_s=doubling_s)


def _measured(window: Window, episode: Episode) -> float:
    """The rate that was accepted, between two bounds.

    What was sent when the bucket ran dry is too much. What was accepted since it last did is too
    little if it was full in between, and exact if little more than the pace was sent until now.
    """
    pace, mark = window.pace, window.mark
    most = min(episode.seen.sent_per_s, pace.allowed if pace else float("inf"))
    calls, elapsed_s = mark.calls(episode), mark.elapsed_s(episode)
    if mark.accepted == 0:
        return most
    if mark.is_short(episode):
        return min(most, (calls + PRIOR_CALLS) / (elapsed_s + PRIOR_CALLS / most))
    least = min(most, calls / elapsed_s)
    if mark.episodes >= DOUBTS_MAX or (pace is not None and _is_touched(pace, least)):
        return least
    return float(least * (most / least) ** (0.5 if calls < STEADY_CALLS else 0.25))


def _is_touched(pace: Reach, rate: float) -> bool:
    """Whether it went no more than a little further than before, and met the same limit."""
    is_near = pace.allowed <= TOUCHED_FACTOR * pace.height
    return is_near and rate >= (1.0 - SAME_SHARE) * pace.height


def _jittered(duration_s: float, window: Window) -> float:
    return duration_s * (0.9 + 0.2 * window.jitter)
