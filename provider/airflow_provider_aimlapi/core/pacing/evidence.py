"""What one episode after another says: a rate, a run of refusals, the same number in flight. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.pacing.episode import Episode, Seen, Sent

MARK_CALLS_MIN = 20
MARK_S_MIN = 0.5
CLOSING_CALLS = 5
"""So many refused in a row, while as many others ended: nothing is accepted any more."""
TURNOVER_SHARE = 0.5
LIKE_SHARE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The counts when an earlier call was refused, to measure from.

    Attributes:
        at_s: when that call was sent. accepted: calls accepted before it; 0: there was none.
        episodes: that came since.
    """

    at_s: float
    accepted: int = 0
    episodes: int = 0

    def calls(self, episode: Episode) -> int:
        """Calls accepted from there to this episode's first."""
        return episode.accepted_before - self.accepted

    def elapsed_s(self, episode: Episode) -> float:
        """Seconds between the two."""
        return max(1e-3, episode.first.at_s - self.at_s)

    def is_short(self, episode: Episode) -> bool:
        """Whether these are too few to measure by."""
        return self.calls(episode) < MARK_CALLS_MIN

    def moved(self, episode: Episode) -> Mark:
        """The mark to measure from next: the same until enough lies behind it."""
        is_early = self.is_short(episode) or self.elapsed_s(episode) < MARK_S_MIN
        if is_early and self.accepted:
            return Mark(at_s=self.at_s, accepted=self.accepted, episodes=self.episodes + 1)
        return Mark(at_s=episode.first.at_s, accepted=episode.accepted_before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Streak:
    """Where calls began that were all refused.

    Attributes:
        number: of its first call. throttled, ended: 429s, and calls that had ended, before.
    """

    number: int = 0
    throttled: int = -1
    ended: int = 0

    def met(self, sent: Sent, seen: Seen) -> Streak:
        """After the first 429 of an episode: the same one if no call in between was accepted."""
        if sent.number - self.number == seen.throttled - 1 - self.throttled:
            return self
        return Streak(
            number=sent.number, throttled=seen.throttled - 1, ended=sent.number - sent.level
        )

    def from_number(self, number: int) -> Streak:
        """It began as early as this."""
        return Streak(number=min(number, self.number), throttled=self.throttled, ended=self.ended)

    def is_closing(self, episode: Episode, seen: Seen) -> bool:
        """Whether every call was refused, although others had made room, or none was there."""
        refused = seen.throttled - self.throttled
        made_room = episode.ended - self.ended - (episode.seen.throttled - 1 - self.throttled)
        is_all = refused > episode.seen.admitted - self.number
        has_room = made_room >= CLOSING_CALLS or episode.seen.in_flight <= episode.refused
        return is_all and refused >= CLOSING_CALLS and has_room


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Whether as many were in flight each time that a call was refused, and the level not full.

    Attributes:
        left: in flight the last time. ended: calls that had been answered until then.
        times: how often in a row it was the same.
    """

    left: int = 0
    ended: int = 0
    times: int = 0

    def met(self, episode: Episode) -> Likeness:
        """After another episode; one that follows at once, before others took over, says nothing."""
        ended = episode.ended - episode.seen.throttled
        if ended - self.ended < TURNOVER_SHARE * episode.left:
            return self
        is_like = abs(episode.left - self.left) <= 1.0 + LIKE_SHARE * episode.left
        return Likeness(left=episode.left, ended=ended, times=self.times + 1 if is_like else 0)
