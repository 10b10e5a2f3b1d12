"""Cut level and pace to what the API accepted in an episode. Pure."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.pacing.reach import SAME_SHARE, Patience, Reach
from airflow_provider_aimlapi.core.pacing.window import PACE_MIN

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.pacing.episode import Episode
    from airflow_provider_aimlapi.core.pacing.window import Window

HOLD_S_MIN = 0.5
"""The first hold at a new height, which may be far too low. A longer one is felt where limits move."""
HOLD_S_MAX = 5.0
"""The longest hold of a fast job, so that a limit that has moved is found within ten seconds."""
SHARED_HOLD_S = 2.0
"""The hold of all who share a limit, whatever their parts are. With a longer one, what a client that has
left gives free is found later."""
LEVEL_HOLD_CALLS = 220
PACE_HOLD_CALLS = 600
"""A known limit is tested once in this many calls, or once in HOLD_S_MAX. A test costs one or two 429s
at a level, and two or three at a bucket, which has saved up calls by then."""
LEVEL_DOUBLING_S = 0.25
"""Slots refuse at once, so several doublings of the excess in a second cost few 429s."""
PACE_DOUBLING_S = 0.5
"""A bucket refuses only what exceeds its rate, so a small excess shows later than at slots."""
PACE_DOUBLING_CALLS = 20
"""At a slow pace a doubling lasts for this many calls, because fewer do not empty a bucket."""
DOUBTFUL_DOUBLING_CALLS = 5
"""There may be no rate limit if a full level was refused, so the pace must not hold calls back long."""
TRIPS_A_DOUBLING = 2.0
"""A doubling takes at least this many round trips of a 429, because each shows what the last one did."""
LEVEL_STEP_SHARE = 0.01
"""The level's first step, at least one call: what a test costs in 429s where the limit has not moved."""
PACE_STEP_ROOT = 0.15
"""The pace's first step is this times its square root, so that a small part grows faster than a large one."""
FULL_SHARE = 0.75
"""A level is cut only if it was this full. With fewer calls in flight, it was not what was refused."""
TOUCHED_FACTOR = 1.3
"""A pace that grew by no more has touched its limit, so what was accepted since is the exact rate."""
DOUBTS_MAX = 4
"""After this many refusals of a known level in a short time, a rate may be what is limited."""
PRIOR_CALLS = 10
"""The known pace counts as much as this many measured calls, because few calls vary by chance."""
SURPRISE_PRIOR_CALLS = 5
"""The same for the calls of one round trip. It counts less, because far too much was sent."""
STEADY_CALLS = 50
"""From this many calls on, the rate that was accepted counts for three quarters, before for half."""


def level_cut(window: Window, episode: Episode, factor: float = 1.0) -> Window:
    """Return the window with the level cut by the refused calls, if it was nearly full."""
    for left in (float(episode.calls_left), episode.first.level - 1.0):
        # First the calls that are left. If more ended meanwhile, the level at the first refused
        # call, without that call, may still have been nearly full.
        if left >= FULL_SHARE * window.permitted_calls:
            return _level_to(window, episode, factor * left)
    return window


def level_left(window: Window, episode: Episode) -> Window:
    """Return the window with the level cut to the calls in flight, however many were allowed."""
    return _level_to(window, episode, float(episode.calls_left))


def _level_to(window: Window, episode: Episode, height: float) -> Window:
    height = max(1.0, height)
    most_s = max(HOLD_S_MAX, LEVEL_HOLD_CALLS / max(0.01, episode.seen.sent_per_s))
    doubling_s = max(LEVEL_DOUBLING_S, TRIPS_A_DOUBLING * window.refusal_s)
    level = window.level.cut_to(
        height,
        step=max(1.0, LEVEL_STEP_SHARE * height),
        alone=_patience_alone(window, most_s, doubling_s),
        together=_patience_together(window, doubling_s),
    )
    return replace(window, level=level)


def pace_cut(window: Window, episode: Episode, factor: float) -> Window:
    """Return the window with the pace measured since an earlier 429."""
    return _pace_to(window, factor * _measured_rate(window, episode))


def pace_as_accepted(window: Window, episode: Episode) -> Window:
    """Return the window with the pace of one round trip. It has few calls, so it may be far off."""
    if episode.is_brief and window.mark.accepted:
        return pace_cut(window, episode, 1.0)
    if episode.is_brief:  # no rate can be measured yet, but the level is known
        return window if window.level.height else level_left(window, episode)
    calls, span_s = max(1, episode.accepted_calls), episode.span_s
    if window.pace is not None:
        calls += SURPRISE_PRIOR_CALLS
        span_s += SURPRISE_PRIOR_CALLS / window.pace.allowed_now
    return _pace_to(window, calls / span_s, step=sqrt(calls) / span_s)


def _pace_to(window: Window, height: float, *, step: float = 0.0) -> Window:
    height = max(PACE_MIN, height)
    old = window.pace or Reach(height=0.0, step=0.0, hold_s=0.0, doubling_s=1.0)
    most_s = max(HOLD_S_MAX, PACE_HOLD_CALLS / height)
    doubling_s = max(PACE_DOUBLING_S, TRIPS_A_DOUBLING * window.refusal_s)
    calls = DOUBTFUL_DOUBLING_CALLS if window.doubts else PACE_DOUBLING_CALLS
    pace = old.cut_to(
        height,
        step=max(step, min(height, PACE_STEP_ROOT * sqrt(height))),
        alone=_patience_alone(window, most_s, max(doubling_s, calls / height)),
        together=_patience_together(window, doubling_s),
    )
    return replace(window, pace=pace)


def _patience_alone(window: Window, most_s: float, doubling_s: float) -> Patience:
    return Patience(
        hold_s_min=_jittered_duration(HOLD_S_MIN, window),
        hold_s_max=_jittered_duration(most_s, window),
        doubling_s=doubling_s,
    )


def _patience_together(window: Window, doubling_s: float) -> Patience:
    hold_s = _jittered_duration(SHARED_HOLD_S, window)
    return Patience(hold_s_min=hold_s, hold_s_max=hold_s, doubling_s=doubling_s)


def _measured_rate(window: Window, episode: Episode) -> float:
    """Return the rate that was accepted, between two bounds.

    The rate of sending when the bucket ran dry is too high. The rate accepted since it last ran dry is
    too low if it was full in between. It is exact if little more than the pace was sent.
    """
    pace, mark = window.pace, window.mark
    most = min(episode.seen.sent_per_s, pace.allowed_now if pace else float("inf"))
    calls, elapsed_s = mark.calls_since(episode), mark.elapsed_s(episode)
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
    is_near = pace.allowed_now <= TOUCHED_FACTOR * pace.height
    return is_near and rate >= (1.0 - SAME_SHARE) * pace.height


def _jittered_duration(duration_s: float, window: Window) -> float:
    return duration_s * (0.9 + 0.2 * window.jitter)
