"""The budget: what may be spent, what is set aside for calls in flight, what was charged."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_aimlapi.core.pricing import format_usd


@dataclass(slots=True, kw_only=True)
class Budget:
    """Spending of a run, over all its attempts, in nano-dollars.

    A call is admitted only while charges, and the largest charge seen for each call in flight,
    stay within the limit: so the limit is passed by what was in flight at the most, and once
    charges are known, by nothing but a call dearer than all before it.

    Attributes:
        limit_nano_usd: None for no limit.
        charged_nano_usd: what the API said it charged, earlier attempts of the run included.
        largest_nano_usd: the largest single charge so far; what one call in flight reserves.
        has_unknown_charge: whether an answer came without its cost.
        suspected_nano_usd: set aside for answers that were lost and may have been billed. They
            are in no bill, but what they may have cost is not spent again.
    """

    limit_nano_usd: int | None = None
    charged_nano_usd: int = 0
    largest_nano_usd: int = 0
    has_unknown_charge: bool = False
    suspected_nano_usd: int = 0

    def charge(self, cost_nano_usd: int | None) -> None:
        """Count what an answer cost."""
        if cost_nano_usd is None:
            self.has_unknown_charge = True
            return
        self.charged_nano_usd += cost_nano_usd
        self.largest_nano_usd = max(self.largest_nano_usd, cost_nano_usd)

    def suspect(self) -> None:
        """Set aside what a lost answer may have cost: as much as the dearest so far."""
        self.suspected_nano_usd += self.largest_nano_usd

    def charge_part(self, cost_nano_usd: int, *, answers: int, unknown: int) -> None:
        """Count a part that an earlier attempt paid for.

        Args:
            answers: how many it holds; their mean stands in for the largest.
            unknown: how many of them came without their cost.
        """
        self.charged_nano_usd += cost_nano_usd
        if answers > unknown:
            mean = cost_nano_usd // (answers - unknown)
            self.largest_nano_usd = max(self.largest_nano_usd, mean)
        self.has_unknown_charge = self.has_unknown_charge or unknown > 0

    def allows(self, *, in_flight: int) -> bool:
        """Whether one more call may be sent, beside those in flight."""
        if self.limit_nano_usd is None:
            return True
        reserved = self.suspected_nano_usd + (in_flight + 1) * self.largest_nano_usd
        return not self.has_unknown_charge and (
            self.charged_nano_usd + reserved <= self.limit_nano_usd
        )

    def is_exhausted(self) -> bool:
        """Whether no further call will ever be allowed, with nothing in flight."""
        return not self.allows(in_flight=0)

    def exhaustion(self) -> str:
        """Why no further call is allowed, and what to do, in words."""
        if self.has_unknown_charge:
            return (
                "max_cost_usd is set, but the API answered without saying what it charged, so the "
                "budget cannot be kept. Everything paid for is kept; clear max_cost_usd to go on."
            )
        limit = format_usd(self.limit_nano_usd or 0)
        return (
            f"The budget is spent: {format_usd(self.charged_nano_usd)} of max_cost_usd={limit}, "
            f"and the next row may cost {format_usd(self.largest_nano_usd)}. Everything paid for "
            f"is kept; raise max_cost_usd and clear the task to go on from here."
        )
