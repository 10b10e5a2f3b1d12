"""Compares episodes: the rate between them, calls refused in a row, equal calls in flight. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.pacing.episode import Episode, Seen, Sent

MARK_CALLS_MIN = 20
MARK_S_MIN = 0.5
"""A rate is measured over at least this many calls and seconds. Over fewer, its error exceeds a fifth."""
CLOSING_CALLS = 5
"""If this many calls in a row are refused while as many others end, the API accepts no call at all."""
TURNOVER_SHARE = 0.5
"""Two episodes are independent once half of the calls in flight were replaced between them."""
LIKE_SHARE = 0.01
"""Two counts of calls in flight that differ by at most one call and this share are equal, because calls
end while the others are on their way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The counts at an earlier refused call, from which a rate is measured.

    Attributes:
        at_s: when that call was sent.
        accepted: the calls accepted before it; 0 if there is no such call.
        episodes: the episodes since then.
    """

    at_s: float
    accepted: int = 0
    episodes: int = 0

    def calls_since(self, episode: Episode) -> int:
        """Return the calls accepted from there to the first refused call of this episode."""
        return episode.accepted_before - self.accepted

    def elapsed_s(self, episode: Episode) -> float:
        """Return the seconds between the two."""
        return max(1e-3, episode.first.at_s - self.at_s)

    def is_short(self, episode: Episode) -> bool:
        """Return whether these are too few calls for a measurement."""
        return self.calls_since(episode) < MARK_CALLS_MIN

    def moved_on(self, episode: Episode) -> Mark:
        """Return the next mark: the same one until enough calls and time have passed since."""
        is_early = self.is_short(episode) or self.elapsed_s(episode) < MARK_S_MIN
        # The same beginning for a longer time, so that the rate is measured over enough calls.
        # Without a call before it, there is nothing to measure from.
        if is_early and self.accepted:
            return Mark(at_s=self.at_s, accepted=self.accepted, episodes=self.episodes + 1)
        return Mark(at_s=episode.first.at_s, accepted=episode.accepted_before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Streak:
    """A series of calls that were all refused.

    Attributes:
        number: the number of its first call.
        throttled: the 429s before it.
        ended: the calls that had ended before it.
    """

    number: int = 0
    throttled: int = -1
    ended: int = 0

    def after_episode(self, sent: Sent, seen: Seen) -> Streak:
        """Return the streak after the first 429 of an episode: the same one if no call was accepted."""
        # As many 429s as calls since the streak's first: each call between was refused.
        if sent.number - self.number == seen.throttled - 1 - self.throttled:
            return self
        return Streak(
            number=sent.number, throttled=seen.throttled - 1, ended=sent.number - sent.level
        )

    def from_number(self, number: int) -> Streak:
        """Return the streak if it began at this call or before."""
        return Streak(number=min(number, self.number), throttled=self.throttled, ended=self.ended)

    def is_closing(self, episode: Episode, seen: Seen) -> bool:
        """Return whether every call was refused although others had ended, or no other was in flight."""
        refused = seen.throttled - self.throttled
        # Calls that ended since then with an answer. Each of them would have made room at a limit
        # of slots, so refusals in spite of them show that nothing is accepted.
        made_room = episode.ended_calls - self.ended - (episode.seen.throttled - 1 - self.throttled)
        is_all = refused > episode.seen.admitted - self.number
        has_room = made_room >= CLOSING_CALLS or episode.seen.in_flight <= episode.refused
        return is_all and refused >= CLOSING_CALLS and has_room


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Counts how often calls were refused at the same number in flight, below the level.

    Attributes:
        left: the calls in flight the last time.
        ended: the calls that had been answered by then.
        times: how often in a row the number was the same.
    """

    left: int = 0
    ended: int = 0
    times: int = 0

    def after_episode(self, episode: Episode) -> Likeness:
        """Return the count after another episode. One that follows at once is not independent."""
        ended = episode.ended_calls - episode.seen.throttled
        # Most of the calls in flight are the same as last time, so the number must be, too.
        if ended - self.ended < TURNOVER_SHARE * episode.calls_left:
            return self
        is_like = abs(episode.calls_left - self.left) <= 1.0 + LIKE_SHARE * episode.calls_left
        return Likeness(
            left=episode.calls_left, ended=ended, times=self.times + 1 if is_like else 0
        )
