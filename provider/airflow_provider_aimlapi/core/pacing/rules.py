"""The rules by which an episode cuts the window, as one table. Pure.

The first rule that holds is applied. `provider/docs/limits.md` prints the table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.pacing.evidence import Likeness
from airflow_provider_aimlapi.core.pacing.heights import (
    DOUBTS_MAX,
    level_cut,
    level_left,
    pace_as_accepted,
    pace_cut,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.core.pacing.episode import Episode, Seen
    from airflow_provider_aimlapi.core.pacing.window import Window

PACE_SLACK = 0.99
"""A pace stays this much below the rate that was accepted, so that its bucket does not run dry again."""
SHARED_FACTOR = 0.9
"""What each of several clients keeps when they give way to each other. With less, the limit is used less;
with more, their parts take longer to become equal."""
NEAR_FACTOR = 1.5
"""A pace up to this many times as fast as calls were sent lately may have held them back."""
REFUTING_SHARE = 1.1
REFUTING_CALLS = 2
"""A level is refuted if this share and this many calls more fitted in: then it is no limit of slots."""
DOUBT_S = 4.0
DOUBT_CALLS = 10
"""Doubts are forgotten after a pause of this length, or of this many calls of a slow job."""
ALIKE_TIMES = 2
"""Twice the same number in flight may be chance, a third time is a limit."""
ALIKE_LEVEL_MIN = 16
"""Smaller numbers are equal by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one kind of episode shows, and what follows from it.

    Attributes:
        name: of the decision, for the log.
        when: when the rule holds, in words.
        then: what follows, in words.
        holds: whether the rule holds for a window and an episode.
        cut: returns the window after the episode.
    """

    name: str
    when: str
    then: str
    holds: Callable[[Window, Episode], bool]
    cut: Callable[[Window, Episode], Window]


def cut_to_accepted(window: Window, episode: Episode) -> tuple[Window, str]:
    """Cut the limited quantity to what was accepted; return the decision's name, too."""
    window = _with_likeness_noted(window, episode)
    rule = next(one for one in RULES if one.holds(window, episode))
    return rule.cut(window, episode), rule.name


def _with_likeness_noted(window: Window, episode: Episode) -> Window:
    """Return the window with what the episode says about equal numbers in flight.

    1. Far too much was sent: the number in flight says nothing.
    2. The level was full or exceeded: the number in flight was the level's, so no others are counted.
    3. A call within the level was refused. If the level may have changed, the calls left show it.
    """
    if episode.is_surprise:
        return window
    if episode.first.is_full or episode.first.is_beyond:
        return replace(window, likeness=Likeness())
    window = replace(window, likeness=window.likeness.after_episode(episode))
    return replace(level_left(window, episode), is_stale=False) if window.is_stale else window


def _is_many_in_flight(_window: Window, episode: Episode) -> bool:
    return episode.is_surprise and episode.is_level


def _is_many(_window: Window, episode: Episode) -> bool:
    return episode.is_surprise


def _cut_to_accepted(window: Window, episode: Episode) -> Window:
    """Cut to what was accepted in one round trip, because far too much was sent."""
    # The level is cut if none is known yet, or if the counts show slots. Otherwise a rate is
    # limited, and the level was not the cause.
    if window.level.height == 0 or (episode.first.is_full and episode.is_level):
        window = level_left(window, episode)
    return pace_as_accepted(window, episode)


def _is_alike(window: Window, episode: Episode) -> bool:
    return window.likeness.times >= ALIKE_TIMES and episode.calls_left >= ALIKE_LEVEL_MIN


def _cut_alike(window: Window, episode: Episode) -> Window:
    window = replace(window, likeness=Likeness())
    return pace_cut(level_left(window, episode), episode, 1.0)


def _is_pace_refused(window: Window, episode: Episode) -> bool:
    """Return whether the pace let the call go, and not a level that was tested at the same time."""
    pace, first = window.pace, episode.first
    is_near = pace is not None and not first.is_full and _is_pace_near(window, episode.seen)
    is_level = first.is_beyond and window.level.height > 0
    # With both beyond their heights, the pace is the likelier cause if it was growing.
    return is_near and pace is not None and (pace.is_climbing or not is_level)


def _is_pace_near(window: Window, seen: Seen) -> bool:
    """Return whether about as many calls were sent as the pace allowed."""
    return window.pace is not None and window.pace.allowed_now <= NEAR_FACTOR * seen.sent_per_s


def _is_shared_pace_refused(window: Window, episode: Episode) -> bool:
    is_shared = window.pace is not None and window.pace.is_shared
    return is_shared and _is_pace_refused(window, episode)


def _give_way_in_pace(window: Window, episode: Episode) -> Window:
    return pace_cut(window, episode, SHARED_FACTOR)


def _cut_pace(window: Window, episode: Episode) -> Window:
    if episode.first.is_beyond:
        window = level_cut(window, episode)
    return pace_cut(window, episode, PACE_SLACK)


def _is_beyond(_window: Window, episode: Episode) -> bool:
    return episode.first.is_beyond


def _is_refuted(window: Window, episode: Episode) -> bool:
    """Return whether more calls fitted than had been refused before, at no known pace."""
    height = window.level.height
    most = REFUTING_SHARE * height + REFUTING_CALLS
    is_more = episode.first.is_beyond and height > 0 and episode.first.level > most
    return is_more and not _is_pace_near(window, episode.seen)


def _cut_both(window: Window, episode: Episode) -> Window:
    return pace_cut(level_cut(window, episode), episode, 1.0)


def _is_shared_level_refused(window: Window, _episode: Episode) -> bool:
    return window.level.is_shared


def _give_way_in_level(window: Window, episode: Episode) -> Window:
    return level_cut(_with_one_more_doubt(window, episode), episode, SHARED_FACTOR)


def _is_often_doubted(window: Window, episode: Episode) -> bool:
    doubts = _with_one_more_doubt(window, episode).doubts
    # A single refusal of a known level may be the end of a call on its way. Four in a short time
    # may be a rate.
    return doubts > 1 and max(doubts, window.mark.episodes) >= DOUBTS_MAX


def _cut_both_in_doubt(window: Window, episode: Episode) -> Window:
    return _cut_both(_with_one_more_doubt(window, episode), episode)


def _cut_known_level(window: Window, episode: Episode) -> Window:
    """Cut a level that was accepted a moment ago. The end of a call may be on its way to us."""
    return level_cut(_with_one_more_doubt(window, episode), episode)


def _with_one_more_doubt(window: Window, episode: Episode) -> Window:
    """Return the window with one more doubt that calls in flight are what is limited."""
    seen = episode.seen
    # A slow job meets its limit seldom, so its doubts must last for as many calls as those of a
    # fast one.
    again_s = max(DOUBT_S, DOUBT_CALLS / max(0.1, seen.sent_per_s))
    doubts = window.doubts + 1 if seen.now_s < window.doubted_s + again_s else 1
    return replace(window, doubts=doubts, doubted_s=seen.now_s)


def _applies_always(_window: Window, _episode: Episode) -> bool:
    return True


def _close_gate(window: Window, episode: Episode) -> Window:
    return replace(pace_as_accepted(window, episode), is_stale=True)


CLOSE = Rule(
    name="close:refused",
    when="five calls in a row, though others had ended",
    then="no call is accepted: the gate closes, and probes are sent, at most 30 s apart",
    holds=_applies_always,
    cut=_close_gate,
)
"""`core.pacing.law` applies it before all others, because it looks at more than one episode."""
RULES = (
    Rule(
        name="cut:in-flight",
        when="many calls at once, and as many were accepted as ended",
        then="calls in flight are limited: the level is the calls that are left, if it was full",
        holds=_is_many_in_flight,
        cut=_cut_to_accepted,
    ),
    Rule(
        name="cut:rate",
        when="many calls at once, and fewer or more were accepted than ended",
        then="a rate is limited: the pace is the calls accepted in a round trip, over its time",
        holds=_is_many,
        cut=_cut_to_accepted,
    ),
    Rule(
        name="cut:alike",
        when="a call within the level, the third time with as many in flight",
        then="calls in flight are limited: the level is the calls that are left",
        holds=_is_alike,
        cut=_cut_alike,
    ),
    Rule(
        name="cut:shared",
        when="a call within a known pace, more often than beyond it",
        then="another client uses the limit: a tenth less, then a hold of 2 s whatever the part",
        holds=_is_shared_pace_refused,
        cut=_give_way_in_pace,
    ),
    Rule(
        name="cut:rate",
        when="a call that the pace let go",
        then="the pace is the calls accepted between two 429s, over the time between them",
        holds=_is_pace_refused,
        cut=_cut_pace,
    ),
    Rule(
        name="cut:both",
        when="a call beyond the level, with far more in flight than was refused before",
        then="perhaps a rate is limited: level and pace are set",
        holds=_is_refuted,
        cut=_cut_both,
    ),
    Rule(
        name="cut:in-flight",
        when="a call beyond the level",
        then="the level is the calls that are left",
        holds=_is_beyond,
        cut=level_cut,
    ),
    Rule(
        name="cut:shared",
        when="a call within a known level, more often than beyond it",
        then="another client uses the limit: a tenth less, then a hold of 2 s whatever the part",
        holds=_is_shared_level_refused,
        cut=_give_way_in_level,
    ),
    Rule(
        name="cut:both",
        when="a call at a full level, the fourth time in a short time",
        then="perhaps a rate is limited: level and pace are set",
        holds=_is_often_doubted,
        cut=_cut_both_in_doubt,
    ),
    Rule(
        name="cut:in-flight",
        when="any other call",
        then="the level is the calls that are left, if it was nearly full",
        holds=_applies_always,
        cut=_cut_known_level,
    ),
)
