"""Notices refusals of loads that were accepted before, which a limit hardly explains. Pure.

The law stays below a limit that it knows, so a limit refuses only what exceeds it. Noise refuses at
any load, and the law cuts again and again. A limit that others use looks the same for a while.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.pacing.episode import Seen, Sent
    from airflow_provider_aimlapi.core.pacing.window import Window

EPISODES = 8
"""With six, a bucket that has just run dry is taken for noise; with more, a run has lost more before
noise is noticed."""
EPISODES_DENSE = 16
SPARSE_CALLS = 100
"""If the surprises are closer together than this, twice as many are needed, because workers that come
to a limit one after another have a tenth of their calls and more refused."""
CALLS_MAX = 1200
"""With 1,600, a rate that is halved and comes back is taken for noise; with 800, noise of 1% is noticed
late or never."""
OTHERS_SHARE = 0.4
"""If there is noise, most refused calls are surprises."""
FADING = 3.0
"""The later half of them takes up to this many times the calls of the earlier half. A bucket that has run
dry refuses many calls at first, and then fewer and fewer."""
SHARE_MAX = 0.25
"""If a larger share of calls is refused, the limit is far below our load, or there is no service."""
LOW_SHARE = 0.5
"""A call at half of the load that was accepted is a surprise even where the law tries one more."""
FALLEN_SHARE = 0.85
"""The load has fallen this far below what was accepted, so that a return to it is a test."""


class Surprise(NamedTuple):
    """The counts at a surprise.

    Attributes:
        number: the number of the refused call.
        throttled: the 429s until then.
        others: the episodes until then that were no surprise.
    """

    number: int
    throttled: int
    others: int


@dataclass(slots=True)
class Suspicion:
    """Keeps the last surprises.

    Attributes:
        last: the last of them, the newest one at the end.
        others: episodes that were no surprise.
        peak: the highest load, in calls in flight, that a surprise has met.
    """

    last: tuple[Surprise, ...] = ()
    others: int = 0
    peak: int = 0

    def count_episode(self, window: Window, sent: Sent, seen: Seen) -> Surprise | None:
        """Count the first 429 of an episode; return where the noise began, if it is suspected.

        Args:
            window: before that 429.
        """
        # 1. No surprise: the law was trying more than it knew to be accepted.
        # 2. The last surprise was long ago, so its load says nothing about now.
        # 3. A surprise at a load near the peak: a limit there explains it.
        # 4. A surprise at a lower load, after enough others: suspected.
        is_low = sent.level <= LOW_SHARE * self.peak
        if not is_low and not _is_within_known(window):
            self.others += 1
            return None
        if not self.last or sent.number - self.last[-1].number > CALLS_MAX:
            self.peak = 0
        self.peak = max(self.peak, sent.level)
        surprise = Surprise(sent.number, seen.throttled, self.others)
        self.last = (*self.last[1 - EPISODES_DENSE :], surprise)
        has_fallen = sent.level <= FALLEN_SHARE * self.peak
        return self._since_noise_began(surprise) if has_fallen else None

    def begin_anew(self) -> None:
        """Begin anew, as after a trial."""
        self.last = ()

    def _since_noise_began(self, now: Surprise) -> Surprise | None:
        is_sparse = (
            len(self.last) >= EPISODES and now.number - self.last[-EPISODES].number >= SPARSE_CALLS
        )
        episodes = EPISODES if is_sparse else EPISODES_DENSE
        if len(self.last) < episodes:
            return None
        first = self.last[-episodes]
        calls = now.number - first.number
        # The calls of the earlier half of the surprises, for the comparison with the later half.
        earlier = self.last[-episodes // 2].number - first.number
        is_noise_like = (
            calls <= CALLS_MAX
            and calls - earlier <= FADING * earlier
            and now.throttled - first.throttled <= SHARE_MAX * calls
            and now.others - first.others <= OTHERS_SHARE * episodes
        )
        return first if is_noise_like else None


def _is_within_known(window: Window) -> bool:
    """Return whether no more was allowed than the law knew to be accepted."""
    pace = window.pace
    return (
        window.gate.is_open
        and window.resume is None
        and window.level.height > 0
        and not window.level.is_climbing
        and not (pace is not None and pace.is_climbing)
    )
