"""How much of one quantity is allowed while its limit is unknown: what was accepted, then more. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

DOUBLINGS_MAX = 40.0
"""Keeps the arithmetic finite. Growth ends long before, at the ceiling or at a 429."""
SAME_SHARE = 0.1
"""Two heights that differ by less than this share are the same limit."""
DISTURBED_SHARE = 0.25
DISTURBED_S_MIN = 1.0
"""A refusal within this share of the hold, or this time, shows only that the height was a little too
high."""
SHARED_TIMES = 2
"""If the height itself is refused this many times more often than what exceeds it, the limit is shared."""
DISTURBED_MAX = 8
"""The count stops here, so that it returns to zero soon after the other users have gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to stay at a height, at least and at most, and how fast to grow afterwards."""

    hold_s_min: float
    hold_s_max: float
    doubling_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How much is allowed of one quantity: calls in flight, or calls per second.

    For `hold_s` it is `height`, which was accepted. Then one `step` more is allowed, and the excess
    doubles as long as nothing is refused. So a known limit is touched with a single step, and a limit
    that has moved far away is reached in a few doublings.

    Attributes:
        height: the amount that was accepted when more was refused; 0 before the first refusal.
        step: the first excess.
        hold_s: how long to stay at the height.
        doubling_s: how long the excess takes to double.
        age_s: how long this has held calls back. Other time does not count, because an amount that
            was not used is not tested.
        known: the last height that lasted for its whole hold.
        known_s: that hold.
        disturbed: how often the height was refused during its hold, minus how often only more was.
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
        """Return whether more than the height is allowed."""
        return self.age_s >= self.hold_s

    @property
    def is_disturbed(self) -> bool:
        """Return whether a refusal now concerns a height that was accepted for a while."""
        least_s = max(DISTURBED_S_MIN, DISTURBED_SHARE * self.hold_s)
        return not self.is_climbing and self.age_s >= least_s

    @property
    def is_shared(self) -> bool:
        """Return whether a refusal now shows that others use the same limit."""
        return self.is_disturbed and self.disturbed + 1 >= SHARED_TIMES

    @property
    def allowed_now(self) -> float:
        """Return how much is allowed now."""
        if not self.is_climbing:
            return self.height
        doublings = min((self.age_s - self.hold_s) / self.doubling_s, DOUBLINGS_MAX)
        return float(self.height + self.step * 2.0**doublings)

    def aged_by(self, elapsed_s: float) -> Reach:
        """Return the reach after it has held calls back for this long."""
        return replace(self, age_s=self.age_s + elapsed_s)

    def cut_to(self, height: float, *, step: float, alone: Patience, together: Patience) -> Reach:
        """Return the reach after a refusal, with a new height.

        If the same limit is met again, the hold doubles, because the limit is known. If the limit is
        shared, the hold is the same for all who share it. Otherwise their parts would never become
        equal.
        """
        known, known_s, disturbed = self.known, self.known_s, self.disturbed
        # 1. More than the height was refused, as expected: the height held, and one disturbance is
        #    forgotten.
        # 2. The height itself was refused after a while: someone else uses the limit.
        # 3. It was refused at once: it was a little too high, which says nothing about others.
        if self.is_climbing:
            known, known_s, disturbed = self.height, self.hold_s, max(0, disturbed - 1)
        elif self.is_disturbed:
            disturbed = min(disturbed + 1, DISTURBED_MAX)
        # The same limit again: stay twice as long. Another one: begin with a short hold, because
        # it may move again.
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
