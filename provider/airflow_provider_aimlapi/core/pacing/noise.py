"""Separates refusals at any load from those of a limit. Pure.

Three modes:

- **quiet**: each 429 goes to the window's law, as if there were no noise.
- **trial**: noise is suspected (`core.pacing.suspicion`), so more is sent. At a limit, a larger share
  is refused then, also at one that others use. If so, the trial fails, and all is as before it.
- **noisy**: refusals up to their usual share (`core.pacing.refusal_quota`) do not reach the law.
  The first one beyond it does, and the mode is quiet again: a limit was met, and all who use one
  must give way at it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from math import ceil
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.pacing.bound import Bound
from airflow_provider_aimlapi.core.pacing.episode import Episode
from airflow_provider_aimlapi.core.pacing.evidence import Likeness
from airflow_provider_aimlapi.core.pacing.gate import OPEN
from airflow_provider_aimlapi.core.pacing.law import after_throttled
from airflow_provider_aimlapi.core.pacing.reach import Reach
from airflow_provider_aimlapi.core.pacing.refusal_quota import RefusalQuota
from airflow_provider_aimlapi.core.pacing.rules import CLOSE
from airflow_provider_aimlapi.core.pacing.suspicion import Suspicion
from airflow_provider_aimlapi.core.pacing.window import RAMP_DOUBLING_S

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.pacing.episode import Seen, Sent
    from airflow_provider_aimlapi.core.pacing.suspicion import Surprise
    from airflow_provider_aimlapi.core.pacing.window import Window

TRIAL_FACTOR = 2.0
TRIAL_MORE = 16
"""A trial sends twice as much, or this many calls more. With less, others at the limit make room."""
TRIAL_STEP = 4.0
"""The first excess of a trial. It doubles as in the ramp, so that a limit ends it after few 429s."""
TRIAL_CALLS = 50
TRIAL_TURNS = 2
"""A trial lasts for this many calls, or this many turns of all calls in flight, so that the calls of
others have ended, too."""
AGAIN_SHARE = 0.5
"""After a failed trial, the load must fall by half before another: then a limit has room for it."""
SPELL_EPISODES = 40
"""Noise is noticed within this many episodes of 429s, or hardly ever. A shared limit causes them all the
time."""
CALM_CALLS = 1000
"""After this many calls without a 429, the next one begins a new spell."""
LATER_S = 500.0
"""A spell that goes on is tried again after this time: a failed trial costs some ten 429s."""
QUIET_SHARE = 0.003
"""A smaller share costs the law next to nothing: it touches a limit about as often."""

FAILURES_MAX = 3
"""A row refused by chance waits for a second at most. At 20% refused, the last rows would otherwise wait
for ten seconds, long after all others are done."""


class Mode(Enum):
    """What happens to a 429."""

    QUIET = "quiet"
    TRIAL = "trial"
    NOISY = "noisy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a trial is judged by.

    Attributes:
        before: the window to go back to when it fails.
        load: calls in flight when it began.
        first: number of its first call.
        enough: number of the call at which it has lasted long enough.
    """

    before: Window
    load: int
    first: int
    enough: int


@dataclass(slots=True)
class Noise:
    """Stands between the limiter and the law.

    Attributes:
        ceiling: of the window.
        mode: what happens to a 429 now.
        is_proven: whether a trial has ever succeeded.
        share: of calls refused, as last learned; 0 before any was.
        quota: of refused calls, in a trial and while noisy.
        trial: while it lasts.
        peak: the window at the highest load that was refused lately; it is gone back to.
        is_limited: whether a limit was met beside the noise.
        failed_load: calls in flight at the last failed trial.
        spell: episodes since the last calm.
        later_s: when a spell that goes on may be tried again.
        last: number of the last refused call.
    """

    ceiling: int
    mode: Mode = Mode.QUIET
    is_proven: bool = False
    share: float = 0.0
    quota: RefusalQuota | None = None
    trial: Trial | None = None
    peak: Window | None = None
    is_limited: bool = False
    failed_load: float = float("inf")
    spell: int = 0
    later_s: float = 0.0
    last: int = 0
    _suspicion: Suspicion = field(default_factory=Suspicion)

    def bound_with_noise(self, bound: Bound) -> Bound:
        """Return what holds calls back, given what would without noise."""
        is_load = bound in (Bound.CEILING, Bound.LEVEL, Bound.RATE)
        return Bound.REFUSALS if is_load and self.mode is not Mode.QUIET else bound

    def failures_that_count(self, calls: int) -> int:
        """Return how often a refused row counts as failed, for how long it waits."""
        return min(calls, FAILURES_MAX) if self.is_proven else calls

    def after_throttled(self, window: Window, sent: Sent, seen: Seen, *, jitter: float) -> Window:
        """Return the window after a 429."""
        # 1. Sent before the trial: it shows nothing about the greater load.
        # 2. As many as usual are refused: the law does not see it.
        # 3. More are, in a trial: it has failed.
        # 4. More are, in noise: a limit was met, and the law decides again.
        if self.trial is not None and sent.number < self.trial.first:
            return window
        if self.quota is not None:
            if self.quota.takes_refusal(sent):
                self.share = self.quota.share_at(sent.number)
                return window
            if self.trial is not None:
                return self._after_failed_trial(window, self.trial, sent, seen)
            self._be_quiet()
            self.is_limited = True
        # Suspicion counts episodes, not 429s. A surprise of a hundred 429s is one event.
        is_new = window.episode is None or sent.at_s >= window.episode.seen.now_s
        after = after_throttled(window, sent, seen, jitter=jitter)
        is_closed = not window.gate.is_open or after.decision == CLOSE.name
        since = self._suspected_since(window, sent, seen) if is_new and not is_closed else None
        return after if since is None else self._begin_trial(after, since, sent, seen)

    def after_time(self, window: Window, *, admitted: int, in_flight: int) -> Window:
        """Return the window after some time; a trial may be over, or the noise.

        Args:
            admitted: calls ever sent.
            in_flight: of these, in flight now.
        """
        if self.quota is None:
            return window
        if self.trial is not None:
            return (
                self._after_passed_trial(window)
                if admitted - in_flight >= self.trial.enough
                else window
            )
        # The upstream has recovered. In quiet mode a limit is found sooner.
        if self.quota.share_at(admitted) < QUIET_SHARE:
            self._be_quiet()
        return window

    def _suspected_since(self, window: Window, sent: Sent, seen: Seen) -> Surprise | None:
        """Return where the noise began, if it is suspected and another trial is due."""
        # A long calm: what was learned about load and time belongs to another spell.
        if not self.spell or sent.number - self.last > CALM_CALLS:
            self.spell, self.failed_load = 0, float("inf")
            self.later_s = seen.now_s + LATER_S
        self.spell += 1
        self.last = sent.number
        peak = self._suspicion.peak
        since = self._suspicion.count_episode(window, sent, seen)
        # The highest load that was refused lately. If a limit lies beside the noise, it is near.
        if self._suspicion.peak != peak:
            self.peak = window
        is_soon = self.spell <= SPELL_EPISODES and sent.level <= AGAIN_SHARE * self.failed_load
        return since if is_soon or seen.now_s >= self.later_s else None

    def _begin_trial(self, after: Window, since: Surprise, sent: Sent, seen: Seen) -> Window:
        """Send more, and count what is refused from now on."""
        more = max(TRIAL_FACTOR * sent.level, sent.level + TRIAL_MORE)
        most = min(self.ceiling, ceil(more))
        calls = max(TRIAL_CALLS, TRIAL_TURNS * most)
        self.mode = Mode.TRIAL
        self.trial = Trial(
            before=after,
            load=sent.level,
            first=seen.admitted + 1,
            enough=seen.admitted + calls,
        )
        self.quota = RefusalQuota(
            refused=seen.throttled - since.throttled,
            calls=sent.number - since.number,
            last=seen.admitted,
        )
        self._suspicion.begin_anew()
        # The ceiling bounds what a trial can cost if it meets a limit after all. Without `before`,
        # late 429s of the last episode cannot take the trial back.
        window = replace(after, ceiling=most, gate=OPEN, before=None, likeness=Likeness())
        level = _ramp_to(float(sent.level), step=TRIAL_STEP)
        return replace(window, level=level, pace=None, resume=None, doubts=0, decision="try:more")

    def _after_failed_trial(self, window: Window, trial: Trial, sent: Sent, seen: Seen) -> Window:
        """More was refused than before: wait for the calls on their way, and be as before."""
        self._be_quiet()
        self.failed_load = trial.load
        self.later_s = seen.now_s + LATER_S
        before = trial.before
        gate = window.gate
        # Calls of the trial are still on their way. Until they are back, more would be refused.
        if gate.is_open:
            gate = gate.paused_until(seen.now_s, until_s=seen.now_s + before.refusal_s)
        episode = Episode(first=sent, seen=seen)
        return replace(before, gate=gate, episode=episode, before=None, decision="fail:trial")

    def _after_passed_trial(self, window: Window) -> Window:
        """Return the window after a trial in which no more was refused: the ramp, or the last limit."""
        self.mode, self.is_proven, self.trial = Mode.NOISY, True, None
        self.spell = 0
        window = replace(window, ceiling=self.ceiling, decision="pass:trial")
        # A limit was met in the noise before, so the ramp would meet it again. Its level and pace
        # are known.
        if self.is_limited and self.peak is not None:
            return replace(window, level=self.peak.level, pace=self.peak.pace)
        return replace(window, level=_ramp_to(0.0, step=float(window.permitted_calls)))

    def _be_quiet(self) -> None:
        self.mode, self.quota, self.trial = Mode.QUIET, None, None
        self._suspicion.begin_anew()


def _ramp_to(height: float, *, step: float) -> Reach:
    return Reach(height=height, step=step, hold_s=0.0, doubling_s=RAMP_DOUBLING_S)
