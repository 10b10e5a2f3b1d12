"""The law: what time and 429s change in the window. No I/O, no clock.

The API publishes no limit; a 429 is the only sign of one. The law uses these facts about 429s:

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

from dataclasses import replace

from airflow_provider_aimlapi.core.pacing.episode import Episode, Seen, Sent
from airflow_provider_aimlapi.core.pacing.reach import Reach
from airflow_provider_aimlapi.core.pacing.rules import CLOSE, cut_to_accepted
from airflow_provider_aimlapi.core.pacing.window import Held, Window

PAUSING_CALLS = 3
"""Sending stops with this many 429s of an episode. One or two are what a test of a limit costs."""
REFUSAL_FADING = 0.8
"""The time of a 429 is the longest lately. It falls by this factor with each episode, so that one slow
429 does not count for long."""
RESUME_DOUBLING_S = 0.05
"""Growth after a pause, if the round trip is too short to measure."""
STRAGGLING = 4.0
"""A 429 that takes this many times as long as others is too old to count."""
PATIENT_TRIPS = 2.0
"""A probe that is not refused after this many round trips of a 429 was accepted."""


def after_time(window: Window, *, elapsed_s: float, held: Held) -> Window:
    """Return the window after time in which `held` held calls back. Only that quantity grows."""
    # 1. After a pause: what is sent doubles until level or pace hold calls back.
    # 2. The level holds them back: it grows, unless it is at the ceiling.
    # 3. The pace does.
    # 4. Nothing of the API's: what is not used is not tested, so nothing grows.
    if window.resume is not None and window.gate.is_open:
        return _with_growth_resumed(window, window.resume.aged_by(elapsed_s), held)
    if held is Held.LEVEL:
        if window.permitted_calls >= window.ceiling:
            return window
        level = window.level.aged_by(elapsed_s)
        return replace(window, level=level, decision=_describe_growth(level, "in-flight"))
    if held is Held.PACE and window.pace is not None:
        pace = window.pace.aged_by(elapsed_s)
        return replace(window, pace=pace, decision=_describe_growth(pace, "rate"))
    return window


def _with_growth_resumed(window: Window, resume: Reach, held: Held) -> Window:
    """Return the window without `resume` once the level is full or the pace holds calls back."""
    is_paced = window.pace is not None and window.pace.allowed_now <= resume.allowed_now
    return replace(window, resume=None if is_paced or held is Held.LEVEL else resume)


def _describe_growth(reach: Reach, what: str) -> str:
    return f"{'grow' if reach.is_climbing else 'hold'}:{what}"


def after_throttled(window: Window, sent: Sent, seen: Seen, *, jitter: float) -> Window:
    """Return the window after a 429.

    Args:
        jitter: a random number from 0 to 1, so that workers that share a limit do not act in step.
    """
    # 1. The call was in flight at the last episode's first 429, and belongs to it.
    # 2. The gate is closed: the call was a probe, or came before one.
    # 3. It begins an episode.
    if window.episode is not None and sent.at_s < window.episode.seen.now_s:
        return _once_more(window, window.episode, sent, seen)
    if not window.gate.is_open:
        return replace(window, gate=window.gate.after_refusal(sent.at_s, now_s=seen.now_s))
    window = replace(
        window,
        before=None,
        jitter=jitter,
        # A slower 429 counts at once, and a faster one little by little. If the time were too
        # short, a pause would end before the calls in flight are known.
        refusal_s=max(REFUSAL_FADING * window.refusal_s, seen.now_s - sent.at_s),
        streak=window.streak.after_episode(sent, seen),
    )
    return _window_by_rule(window, Episode(first=sent, seen=seen), seen)


def _once_more(window: Window, episode: Episode, sent: Sent, seen: Seen) -> Window:
    """Decide again after one more 429 of the same episode."""
    before = window.before
    is_straggler = seen.now_s > episode.seen.now_s + STRAGGLING * window.refusal_s
    # 1. The window was replaced since, as by a trial.
    # 2. It came too late, when the window has long acted on the others.
    # 3. It was sent a round trip before the others, so it belongs to nothing that was measured.
    if before is None or is_straggler or sent.at_s < episode.first.at_s - episode.span_s:
        return window
    before = replace(before, streak=before.streak.from_number(sent.number))
    return _window_by_rule(before, episode.once_more(sent), seen)


def _window_by_rule(before: Window, episode: Episode, seen: Seen) -> Window:
    """Return the window after an episode, given the state before it."""
    gate, until_s = before.gate, episode.seen.now_s + before.refusal_s
    if before.streak.is_closing(episode, seen):
        window, name = CLOSE.cut(before, episode), CLOSE.name
        gate = gate.closed_at(seen.now_s, patience_s=PATIENT_TRIPS * before.refusal_s)
    else:
        window, name = cut_to_accepted(before, episode)
        # Few refusals stop nothing: a test of a known limit costs one or two. With many, more
        # would only be refused until it is known what was accepted.
        if episode.refused >= PAUSING_CALLS:
            gate = gate.paused_until(seen.now_s, until_s=until_s)
    # The round trip was too short to tell a rate from a level, so the next 429 measures while
    # calls grow from few.
    if episode.is_brief and (episode.refused >= PAUSING_CALLS or before.resume is not None):
        window = replace(window, resume=_resume_growth(episode))
    mark = window.mark.moved_on(episode)
    return replace(window, gate=gate, mark=mark, episode=episode, before=before, decision=name)


def _resume_growth(episode: Episode) -> Reach:
    """Start with as many calls as were accepted, and double them again and again."""
    first = max(1, episode.accepted_calls) / max(RESUME_DOUBLING_S, episode.span_s)
    # No height and no hold: it grows from the first moment, and the first 429 ends it.
    return Reach(height=0.0, step=first, hold_s=0.0, doubling_s=RESUME_DOUBLING_S)
