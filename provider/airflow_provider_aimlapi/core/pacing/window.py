"""The state of the law: how many calls may be in flight, and how many per second. Pure.

The law limits two quantities, each by a `Reach`: the **level** (calls in flight) and the **pace** (calls
per second). There is no pace until a 429 shows that there may be a rate limit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.pacing.evidence import Likeness, Mark, Streak
from airflow_provider_aimlapi.core.pacing.gate import OPEN, Gate
from airflow_provider_aimlapi.core.pacing.reach import Reach

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.pacing.episode import Episode

START_LEVEL = 16
"""The first calls. Where fewer are allowed, the first round trip costs the rest of them in 429s."""
RAMP_DOUBLING_S = 0.1
"""Growth from the start to the first 429. Faster growth than 429s come back only costs 429s."""
PACE_MIN = 0.05
"""One call in 20 s, so that a pace never stops a run. The gate closes where nothing is accepted."""
REFUSAL_S = 0.1
"""How long a 429 takes to come back, until the first one shows it."""


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
        streak: the series of calls that were all refused.
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
    streak: Streak = field(default_factory=Streak)
    likeness: Likeness = field(default_factory=Likeness)
    doubts: int = 0
    doubted_s: float = 0.0
    is_stale: bool = False
    refusal_s: float = field(default_factory=lambda: REFUSAL_S)
    decision: str = "grow:start"

    @property
    def permitted_calls(self) -> int:
        """Return the calls allowed in flight now."""
        return max(1, min(self.ceiling, int(self.level.allowed_now)))

    @property
    def interval_s(self) -> float:
        """Return the seconds between two calls; 0 while there is no pace."""
        # The slower of both. `resume` is there only after a pause, until level or pace hold calls
        # back.
        rates = [reach.allowed_now for reach in (self.pace, self.resume) if reach is not None]
        return 1.0 / max(PACE_MIN, min(rates)) if rates else 0.0


def open_window(ceiling: int, *, now_s: float = 0.0) -> Window:
    """Return the window of a run that starts."""
    ramp = Reach(
        height=0.0, step=float(min(START_LEVEL, ceiling)), hold_s=0.0, doubling_s=RAMP_DOUBLING_S
    )
    return Window(ceiling=ceiling, level=ramp, mark=Mark(at_s=now_s))
