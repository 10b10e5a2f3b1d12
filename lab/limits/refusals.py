"""Refusals that do not depend on what a client sends: shares of calls, in spells, or of some rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

LONG_EVERY = 20
"""One row in this many has a long prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """A share of calls that the API answers 429 whatever is sent.

    Attributes:
        from_s, until_s: only then.
        every_s, for_s: only in the first `for_s` of each `every_s`; 0: always.
        are_long: only calls with a long prompt.
    """

    share: float
    from_s: float = 0.0
    until_s: float = float("inf")
    every_s: float = 0.0
    for_s: float = 0.0
    are_long: bool = False

    def share_at(self, now_s: float) -> float:
        """The share that is refused of the calls that it concerns."""
        is_on = self.from_s <= now_s < self.until_s
        if self.every_s:
            is_on = is_on and now_s % self.every_s >= self.every_s - self.for_s
        return self.share if is_on else 0.0

    def mean_share_at(self, now_s: float) -> float:
        """The share of all calls."""
        return self.share_at(now_s) / (LONG_EVERY if self.are_long else 1)

    def refuses(self, row: int, now_s: float, random: Random) -> bool:
        """Whether a call of this row is refused."""
        if self.are_long and row % LONG_EVERY:
            return False
        share = self.share_at(now_s)
        return share > 0 and random.random() < share
