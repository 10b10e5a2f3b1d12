"""The window's law: how many calls may be in flight, and how many per second. No I/O, no clock.

The API publishes no limit; a 429 is the only sign of one. The law limits two quantities, each by a
`Reach`: the **level** (calls in flight) and the **pace** (calls per second). There is no pace until a
429 shows that there may be a rate limit. The law uses these facts about 429s:

- A refusal comes at once, a completion after seconds. So a call that is still in flight after a
  refusal would have come was accepted, and the window can grow without waiting for its answer.
- A 429 concerns calls sent a round trip ago. No more calls are sent until those in flight are refused
  or accepted. Then the number that the API accepted is known, too: see `core.pacing.episode`.
- If as many calls were accepted as ended, calls in flight are limited. The level is cut to the calls
  left in flight.
- Otherwise a rate is limited. At a 429 its bucket is empty. So the rate is the number of calls
  accepted between two 429s, divided by the time between them. Both are measured, not guessed.
- If the height itself is refused again and again, the limit is shared. Then all who share it give way
  by a tenth, and grow again after the same time and equally fast. So their parts become equal.
- If call after call is refused, none is accepted at any pace. The gate closes and sends single probes.
- A 429 within a few milliseconds shows no rate. After it calls resume slowly, so the next one does.
- 5xx and time-outs are not throttling. They change neither level nor pace.
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
"""Growth from the start to the first 429. Faster growth than 429s come back only costs 429s."""
HOLD_S_MIN = 0.5
HOLD_S_MAX = 5.0
SHARED_HOLD_S = 2.0
"""The hold of all who share a limit, whatever their parts are."""
LEVEL_HOLD_CALLS = 220
PACE_HOLD_CALLS = 600
"""A known limit is tested once in this many calls, or once in HOLD_S_MAX. A test costs one or two 429s
at a level, and two or three at a bucket, which has saved up calls by then."""
LEVEL_DOUBLING_S = 0.25
PACE_DOUBLING_S = 0.5
PACE_DOUBLING_CALLS = 20
DOUBTFUL_DOUBLING_CALLS = 5
"""There may be no rate limit if a full level was refused, so the pace must not hold calls back long."""
LEVEL_STEP_SHARE = 0.01
PACE_STEP_ROOT = 0.15
"""The pace's first step is this times its square root, so that a small part grows faster than a large one."""
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
"""The known pace counts as much as this many measured calls."""
SURPRISE_PRIOR_CALLS = 5
STEADY_CALLS = 50
PAUSING_CALLS = 3
RESUME_DOUBLING_S = 0.05
"""Growth after a pause, if the round trip is too short to measure."""
STRAGGLING = 4.0
"""A 429 that takes this many times as long as others is too old to count."""


class Held(Enum):
    """The quantity that holds calls back now."""

    LEVEL = "level"
    PACE = "pace"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The state of the law.

    Attributes:
        ceiling: the level never exceeds this.
        level: the calls in flight that are allowed.
        pace: the calls per second that are allowed; None until a rate limit was met.
        gate: whether calls are accepted at all.
        resume: the calls per second after a pause; None once level or pace hold calls back again.
        episode: the last episode.
        before: the state before that episode. Each further 429 decides again from it.
        jitter: the random number of the episode, 0 to 1.
        mark: the counts from which a rate is measured.
        run: the series of calls that were all refused.
        likeness: how often calls were refused at the same number in flight.
        doubts: how often the known level was refused, without a longer pause between.
        doubted_s: when it last was.
        is_stale: whether the level may have changed, because no call was accepted for a while.
        refusal_s: how long a 429 takes to come back.
        decision: the name of the last decision.
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
        """Return the calls allowed in flight now."""
        return max(1, min(self.ceiling, int(self.level.allowed)))

    @property
    def interval_s(self) -> float:
        """Return the seconds between two calls; 0 while there is no pace."""
        rates = [reach.allowed for reach in (self.pace, self.resume) if reach is not None]
        return 1.0 / max(PACE_MIN, min(rates)) if rates else 0.0


def open_window(ceiling: int, *, now_s: float = 0.0) -> Window:
    """Return the window of a run that starts."""
    ramp = Reach(
        height=0.0, step=float(min(START_LEVEL, ceiling)), hold_s=0.0, doubling_s=RAMP_DOUBLING_S
    )
    return Window(ceiling=ceiling, level=ramp, mark=Mark(at_s=now_s))


def after_time(window: Window, *, elapsed_s: float, held: Held) -> Window:
    """Return the window after time in which `held` held calls back. Only that quantity grows."""
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
    """Return the window without `resume` once the level is full or the pace holds calls back."""
    is_paced = window.pace is not None and window.pace.allowed <= resume.allowed
    return replace(window, resume=None if is_paced or held is Held.LEVEL else resume)


def _growth(reach: Reach, what: str) -> str:
    return f"{'grow' if reach.is_climbing else 'hold'}:{what}"


def after_throttled(window: Window, sent: Sent, seen: Seen, *, jitter: float) -> Window:
    """Return the window after a 429.

    Args:
        jitter: a random number from 0 to 1, so that workers that share a limit do not act in step.
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
    """Decide again after one more 429 of the same episode."""
    before = window.before
    is_straggler = seen.now_s > episode.seen.now_s + STRAGGLING * window.refusal_s
    if before is None or is_straggler or sent.at_s < episode.first.at_s - episode.span_s:
        return window
    before = replace(before, run=before.run.from_number(sent.number))
    return _decided(before, episode.once_more(sent), seen)


def _decided(before: Window, episode: Episode, seen: Seen) -> Window:
    """Return the window after an episode, given the state before it."""
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
    """Start with as many calls as were accepted, and double them again and again."""
    first = max(1, episode.accepted) / max(RESUME_DOUBLING_S, episode.span_s)
    return Reach(height=0.0, step=first, hold_s=0.0, doubling_s=RESUME_DOUBLING_S)


def _cut(window: Window, episode: Episode) -> tuple[Window, str]:
    """Decide which quantity is limited, and cut it to what was accepted."""
    sent = episode.first
    if episode.is_surprise:
        return _cut_surprise(window, episode)
    if sent.is_full or sent.is_beyond:
        return _cut_usual(replace(window, likeness=Likeness()), episode)
    return _cut_within(window, episode)


def _cut_within(window: Window, episode: Episode) -> tuple[Window, str]:
    """Cut below a full level: to the same number in flight as before, or to the pace."""
    window = replace(window, likeness=window.likeness.met(episode))
    if window.is_stale:
        window = replace(_level_left(window, episode), is_stale=False)
    if window.likeness.times < ALIKE_TIMES or episode.left < ALIKE_LEVEL_MIN:
        return _cut_usual(window, episode)
    window = replace(window, likeness=Likeness())
    return _pace_cut(_level_left(window, episode), episode, 1.0), "cut:alike"


def _cut_usual(window: Window, episode: Episode) -> tuple[Window, str]:
    """Cut the quantity that exceeded its height, or else the one that held calls back."""
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
    """Cut to what was accepted meanwhile, because far too much was sent."""
    if window.level.height == 0 or (episode.first.is_full and episode.is_level):
        window = _level_left(window, episode)
    name = "cut:in-flight" if episode.is_level else "cut:rate"
    return _pace_as_accepted(window, episode), name


def _cut_beyond(window: Window, episode: Episode) -> tuple[Window, str]:
    """Cut the level, because it was fuller than ever before."""
    height = window.level.height
    cut = _level_cut(window, episode)
    is_refuted = height > 0 and episode.first.level > REFUTING_SHARE * height + 2
    if is_refuted and not _is_pace_near(window, episode.seen):  # more fits than was refused
        return _pace_cut(cut, episode, 1.0), "cut:both"
    return cut, "cut:in-flight"


def _cut_known(window: Window, episode: Episode) -> tuple[Window, str]:
    """Cut a level that was accepted a moment ago.

    The end of a call may still be under way to us, or others use the limit. If it happens again and
    again, calls in flight are not what is limited.
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
    """Return whether about as many calls were sent as the pace allowed."""
    return window.pace is not None and window.pace.allowed <= NEAR_FACTOR * seen.sent_per_s


def _level_cut(window: Window, episode: Episode, factor: float = 1.0) -> Window:
    """Return the window with the level cut by the refused calls, if it was nearly full."""
    for left in (float(episode.left), episode.first.level - 1.0):
        if left >= FULL_SHARE * window.permits:
            return _level_to(window, episode, factor * left)
    return window


def _level_left(window: Window, episode: Episode) -> Window:
    """Return the window with the level cut to the calls in flight, however many were allowed."""
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
    """Return the window with the pace measured since an earlier 429."""
    return _pace_to(window, factor * _measured(window, episode))


def _pace_as_accepted(window: Window, episode: Episode) -> Window:
    """Return the window with the pace of one round trip. It has few calls, so it may be far off."""
    if episode.is_brief and window.mark.accepted:
        return _pace_cut(window, episode, 1.0)
    if episode.is_brief:  # no rate can be measured yet, but the level is known
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
    """Return the rate that was accepted, between two bounds.

    The rate of sending when the bucket ran dry is too high. The rate accepted since it last ran dry is
    too low if it was full in between. It is exact if little more than the pace was sent.
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
    """Return whether the pace grew only a little before it met the same limit."""
    is_near = pace.allowed <= TOUCHED_FACTOR * pace.height
    return is_near and rate >= (1.0 - SAME_SHARE) * pace.height


def _jittered(duration_s: float, window: Window) -> float:
    return duration_s * (0.9 + 0.2 * window.jitter)
