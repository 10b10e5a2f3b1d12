"""Allows for the usual share of refused calls, by a bucket of tokens. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.pacing.episode import Sent

TOKENS_AT_FIRST = 4.0
"""Before a share is proven. Twice as many, and a trial at a limit costs twice as many 429s; half as
many, and one trial in ten fails by chance."""
TOKENS_MAX = 25.0
"""At 20% refused, 10 tokens were used up by chance every few seconds. A limit costs this many 429s."""
SPREAD = 2.0
"""A count of refusals varies by about its square root. This many roots above it are allowed for."""
RATE_MAX = 0.35
"""Twice the share of refusals seen in a trial is no noise that a run should live with."""
LEARNT_REFUSED = 50
"""After this many, the rate only falls. A rate that follows what it allows would rise without end."""


@dataclass(slots=True)
class RefusalQuota:
    """Each call adds a share of a token, each refused one takes a whole one.

    Attributes:
        refused: refused calls that the share was learned from.
        calls: calls that it was learned from.
        last: number of the last call that was counted.
        tokens: refused calls that are allowed for now.
        rate_most: the rate never rises above this.
    """

    refused: float
    calls: float
    last: int
    tokens: float = field(default_factory=lambda: TOKENS_AT_FIRST)
    rate_most: float = field(default_factory=lambda: RATE_MAX)

    def share_at(self, admitted: int) -> float:
        """Return the share of calls that is refused, after this number of calls."""
        return self.refused / max(1.0, self.calls + max(0, admitted - self.last))

    @property
    def tokens_a_call(self) -> float:
        """Tokens that a call adds: the share, and as much as chance may add to it."""
        most = self.refused + SPREAD * sqrt(self.refused) + 1.0
        return min(self.rate_most, most / max(1.0, self.calls))

    def takes_refusal(self, sent: Sent) -> bool:
        """Return whether a refused call is as usual; count it if so."""
        calls = max(0, sent.number - self.last)
        self.last = max(self.last, sent.number)
        # A long time without a refusal saves tokens up to a bound. Without it, a limit that comes
        # back could refuse hundreds before it is noticed.
        self.tokens = min(TOKENS_MAX, self.tokens + self.tokens_a_call * calls)
        self.calls += calls
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        self.refused += 1.0
        self._learn_rate()
        return True

    def _learn_rate(self) -> None:
        """Fix the highest rate once it is known; forget half when it was learned twice."""
        # Fixed once, when the share is known well. Later refusals are those that the quota itself
        # allowed, so they may lower the rate but not raise it.
        if self.refused >= LEARNT_REFUSED and self.rate_most == RATE_MAX:
            self.rate_most = self.tokens_a_call
        if self.refused >= 2 * LEARNT_REFUSED:
            self.calls /= 2.0
            self.refused /= 2.0
