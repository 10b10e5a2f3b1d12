"""How far to go in one quantity whose limit nobody tells: a height that held, then further. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

DOUBLINGS_MAX = 40.0
"""Growth ends long before: at the ceiling, or at a 429. This keeps the arithmetic finite."""
SAME_SHARE = 0.1
"""Two heights that differ by less are the same limit."""
DISTURBED_SHARE = 0.25
DISTURBED_S_MIN = 1.0
"""Refused sooner than that after a cut, a height was only a little too high."""


SHARED_TIMES = 2
"""So many refusals of what was kept to, more than of what went beyond, are no chance."""
DISTURBED_MAX = 8
"""So that it is forgotten when the others have gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to stay at a height, at least and at most, and how fast to leave it."""

    hold_s_min: float
    hold_s_max: float
    doubling_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What is allowed of one quantity: calls in flight, or calls a second.

    For `hold_s` that is `height`, which was accepted. Then one `step` more is tried, and as long
    as nothing is refused the excess doubles again and again: a known limit is touched with one
    step, and a limit that has moved far away is reached in a few doublings.

    Attributes:
        height: what was accepted when something above it was refused; 0 before anything was.
        step: the first excess. hold_s: how long to stay at the height.
        doubling_s: how long the excess takes to double.
        age_s: how long this has held somebody back. Time in which it did not, does not count:
            what nobody asked for is not proven.
        known: the last height that was kept to until the hold was over. known_s: that hold.
        disturbed: how often a height was refused in the midst of its hold; one less for each time
            that only more than it was.
    """

    height: float
    step: float
    hold_s: float
    doubling_s: float
    age_s: float = 0.0
    known: float = 0.0
    known_s: float = 0.0
    disturbed: int = 0

    @property
    def is_climbing(self) -> bool:
        """Whether more than the height is allowed."""
        return self.age_s >= self.hold_s

    @property
    def is_disturbed(self) -> bool:
        """Whether a refusal now is one of what was kept to for a while."""
        least_s = max(DISTURBED_S_MIN, DISTURBED_SHARE * self.hold_s)
        return not self.is_climbing and self.age_s >= least_s

    @property
    def is_shared(self) -> bool:
        """Whether a refusal now shows that somebody else uses the same limit."""
        return self.is_disturbed and self.disturbed + 1 >= SHARED_TIMES

    @property
    def allowed(self) -> float:
        """How much is allowed now."""
        if not self.is_climbing:
            return self.height
        doublings = min((self.age_s - self.hold_s) / self.doubling_s, DOUBLINGS_MAX)
        return float(self.height + self.step * 2.0**doublings)

    def aged(self, elapsed_s: float) -> Reach:
        """After it has held somebody back for so long."""
        return replace(self, age_s=self.age_s + elapsed_s)

    def cut(self, height: float, *, step: float, alone: Patience, together: Patience) -> Reach:
        """After a refusal: a new height.

        Whoever meets the same limit again stays below it for twice as long: it is known. Those who
        share it all stay for as long, however much each of them has, or parts would never become equal.
        """
        known, known_s, disturbed = self.known, self.known_s, self.disturbed
        if self.is_climbing:
            known, known_s, disturbed = self.height, self.hold_s, max(0, disturbed - 1)
        elif self.is_disturbed:
            disturbed = min(disturbed + 1, DISTURBED_MAX)
        is_same = abs(height - known) <= max(1.0, SAME_SHARE * known)
        patience = alone if disturbed < SHARED_TIMES else together
        hold_s = min(2.0 * known_s, patience.hold_s_max) if is_same else 0.0
        return Reach(
            height=height,
            step=step,
            hold_s=max(hold_s, patience.hold_s_min),
            doubling_s=patience.doubling_s,
            known=known,
            known_s=known_s,
            disturbed=disturbed,
        )
