"""The budget: what may be spent, what is reserved for calls in flight, and what was charged.

The reservation of a call follows three rules:

1. While fewer charges are known than calls would be in flight, it is the call's price: the most that
   the call may cost by the price list. That is often twenty times the cost, but nothing better is
   known.
2. From then on, it is the largest charge so far. A request that is longer than all answered ones
   adds the price of its further bytes. A call that read its head from the prompt cache counts as if
   it had written it, because the next call may have to.
3. Without a price list, only rule 2 applies. The first call is sent alone, and at most one call more
   is in flight than charges are known.

No amount is stored per call. All reservations are computed from what is known now, so those of
calls in flight shrink when the first charges arrive, and grow after a charge that is the largest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.texts.wording import format_usd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.core.money.pricing import CallPrice


def part_of_budget(
    budget_nano_usd: int, share: int, *, rows: Sequence[int], spent: Sequence[int]
) -> int:
    """Return what a share may spend over all its attempts: a part of the budget by its rows.

    If some shares have spent more than their parts, the parts of all others shrink by one factor.
    Spending within a share's part changes no part. So shares that read the charges at different
    times compute the same parts, which never exceed the budget together.

    Args:
        rows: of each share.
        spent: on each share; amounts that shares spend at the same time may be missing.
    """
    all_rows = max(1, sum(rows))

    def parts_of_shares(divided: int) -> list[int]:
        return [max(paid, divided * one // all_rows) for one, paid in zip(rows, spent, strict=True)]

    # The parts grow with the amount that is divided. So bisection finds the largest amount whose
    # parts, raised to what was spent, fit into the budget.
    least, most = 0, budget_nano_usd
    while least < most:
        divided = (least + most + 1) // 2
        if sum(parts_of_shares(divided)) <= budget_nano_usd:
            least = divided
        else:
            most = divided - 1
    return parts_of_shares(least)[share]


@dataclass(slots=True, kw_only=True)
class Budget:
    """The spending of a run over all its attempts, in nano-dollars.

    A call is admitted only if the budget covers: the charges, the reservations of calls in flight,
    the possible cost of lost answers, and its own reservation. So the budget is exceeded by at most
    the cost of the calls in flight, and only if they cost more than all calls before them.

    Attributes:
        budget_nano_usd: None for no budget.
        whole_nano_usd: the run's budget, if `budget_nano_usd` is a share's part of it; else None.
        price: the most that a call may cost; None without a price list.
        charged_nano_usd: the charges that the API reported, earlier attempts of the run included.
        largest_nano_usd: the largest single charge so far, as if it had read nothing from the cache.
        charges: how many charges are known; a part of an earlier attempt counts as one.
        longest_bytes: of the requests of this attempt that were answered.
        has_unknown_charge: whether an answer came without its cost.
        in_flight: calls with a reservation.
        in_flight_bytes: the bytes of their requests.
        lost: calls whose answers were lost and may have been charged. No bill contains them, but
            their possible cost is not spent again.
        lost_bytes: the bytes of their requests.
        long_in_flight: the bytes of requests in flight that reach a higher price step.
        long_lost: the same, of lost calls.
    """

    budget_nano_usd: int | None = None
    whole_nano_usd: int | None = None
    price: CallPrice | None = None
    charged_nano_usd: int = 0
    largest_nano_usd: int = 0
    charges: int = 0
    longest_bytes: int = 0
    has_unknown_charge: bool = False
    in_flight: int = 0
    in_flight_bytes: int = 0
    lost: int = 0
    lost_bytes: int = 0
    long_in_flight: list[int] = field(default_factory=list)
    long_lost: list[int] = field(default_factory=list)

    def add_charge(
        self, cost_nano_usd: int | None, *, body_bytes: int = 0, cached_tokens: int = 0
    ) -> None:
        """Count the charge of an answer.

        Args:
            body_bytes: the size of its request; 0 if unknown.
            cached_tokens: the tokens that it read from the prompt cache.
        """
        if cost_nano_usd is None:
            self.has_unknown_charge = True
            return
        self.charges += 1
        self.charged_nano_usd += cost_nano_usd
        rewritten = self.price.rewritten_nano_usd(cached_tokens) if self.price else 0
        self.largest_nano_usd = max(self.largest_nano_usd, cost_nano_usd + rewritten)
        self.longest_bytes = max(self.longest_bytes, body_bytes)

    def charge_part(self, cost_nano_usd: int, *, answers: int, unknown: int) -> None:
        """Count the charges of a part that an earlier attempt wrote.

        Args:
            answers: the answers in it; their mean charge stands in for the largest.
            unknown: the answers whose charge is not known.
        """
        self.charged_nano_usd += cost_nano_usd
        if answers > unknown:
            mean = cost_nano_usd // (answers - unknown)
            self.charges += 1
            self.largest_nano_usd = max(self.largest_nano_usd, mean)
        self.has_unknown_charge = self.has_unknown_charge or unknown > 0

    def allows_call(self, body_bytes: int = 0) -> bool:
        """Return whether a call with a request of this size may be sent, beside those in flight."""
        if self.budget_nano_usd is None:
            return True
        # 1. One cost is missing, so no sum can be compared with the budget.
        # 2. Nothing is left.
        # 3. Without a price list, one call more than charges are known: see the module's third
        #    rule.
        # 4. What is in flight, this call included, must fit beside what was charged.
        if self.has_unknown_charge or self.committed_nano_usd() >= self.budget_nano_usd:
            return False
        if self.price is None and self.in_flight > self.charges:
            return False
        return self.charged_nano_usd + self._set_aside_with(body_bytes) <= self.budget_nano_usd

    def committed_nano_usd(self) -> int:
        """Return what is spent for certain or possibly: charges, and the cost of lost answers."""
        return self.charged_nano_usd + self._worth_of_lost()

    def reserve_for_call(self, body_bytes: int = 0) -> None:
        """Set money aside for a call that is about to be sent."""
        self.in_flight += 1
        self.in_flight_bytes += body_bytes
        if self._is_long(body_bytes):
            self.long_in_flight.append(body_bytes)

    def release_reservation(self, body_bytes: int = 0) -> None:
        """Release a reservation, because the call has ended and was charged."""
        self.in_flight -= 1
        self.in_flight_bytes -= body_bytes
        # By size, not by call: two calls of one size are worth the same.
        if body_bytes in self.long_in_flight:
            self.long_in_flight.remove(body_bytes)

    def keep_possible_cost(self, body_bytes: int = 0) -> None:
        """Keep the possible cost of a call whose answer was lost."""
        self.lost += 1
        self.lost_bytes += body_bytes
        if self._is_long(body_bytes):
            self.long_lost.append(body_bytes)

    def why_exhausted(self, body_bytes: int = 0) -> str:
        """Return why a call with a request of this size is not allowed, and what to do."""
        if self.has_unknown_charge:
            return (
                "Set max_cost_usd=None to continue: the API answered without reporting the charge, so "
                "the budget cannot be kept. All paid answers are kept."
            )
        # Nothing was charged and nothing lost, so the price of the first call alone is above the
        # budget.
        worth = self._worth_of_calls(
            1, body_bytes, longest_bytes=body_bytes, is_sampled=self.charges > 0
        )
        cost = format_usd(worth)
        if self.price is not None and not self.charges and not self.lost:
            return (
                f"Raise max_cost_usd, or lower max_tokens: {self._limit_words()} cannot pay for one call "
                f"of {self.price.model}. A request of {body_bytes:,} bytes and an answer of "
                f"{self.price.answer_tokens_max:,} tokens cost up to {cost} by the price list. Nothing "
                f"was spent.{self._share_words()}"
            )
        return (
            f"Raise max_cost_usd and clear the task to continue from here. The budget is spent: "
            f"{format_usd(self.charged_nano_usd)} of {self._limit_words()}{self._lost_words()}, and the "
            f"next row may cost {cost}. All paid answers are kept.{self._share_words()}"
        )

    def _limit_words(self) -> str:
        limit = format_usd(self.budget_nano_usd or 0)
        if self.whole_nano_usd is None:
            return f"max_cost_usd={limit}"
        return f"{limit} (this share's part of max_cost_usd={format_usd(self.whole_nano_usd)})"

    def _share_words(self) -> str:
        if self.whole_nano_usd is None:
            return ""
        return " The task of the whole run sends the rows that are left, with what is left."

    def _lost_words(self) -> str:
        if not self.lost:
            return ""
        worth = format_usd(self._worth_of_lost())
        answers = "answer" if self.lost == 1 else "answers"
        return f", {self.lost:,} lost {answers} may have cost {worth} more"

    def _set_aside_with(self, body_bytes: int) -> int:
        """Return the reservations of calls in flight, of lost answers, and of one call more."""
        calls = self.in_flight + 1
        in_flight = self._worth_of_calls(
            calls,
            self.in_flight_bytes + body_bytes,
            longest_bytes=max([body_bytes, *self.long_in_flight]),
            is_sampled=self.charges >= calls,
        )
        return in_flight + self._worth_of_lost()

    def _worth_of_lost(self) -> int:
        return self._worth_of_calls(
            self.lost,
            self.lost_bytes,
            longest_bytes=max(self.long_lost, default=0),
            is_sampled=self.charges > 0,
        )

    def _is_long(self, body_bytes: int) -> bool:
        return self.price is not None and self.price.is_more_expensive(body_bytes, 0)

    def _worth_of_calls(
        self, calls: int, body_bytes: int, *, longest_bytes: int, is_sampled: bool
    ) -> int:
        """Return the reserved amount of several calls.

        Args:
            calls: how many they are.
            body_bytes: of all their requests.
            longest_bytes: of the longest request.
            is_sampled: whether enough charges are known to use the largest of them. It does not
                apply to requests that reach a higher price step.
        """
        # 1. No price: the largest charge so far is the only known amount.
        # 2. Too few charges, or a higher price step: the most that the price list allows.
        # 3. Otherwise: the largest charge, plus the price of what is longer than the longest request.
        likely = calls * self.largest_nano_usd
        if self.price is None:
            return likely
        if not is_sampled or self.price.is_more_expensive(longest_bytes, self.longest_bytes):
            most = self.price.most_nano_usd(
                calls=calls, body_bytes=body_bytes, longest_bytes=longest_bytes
            )
            return max(likely, most)
        longer_bytes = max(0, body_bytes - calls * self.longest_bytes)
        return likely + self.price.prompt_nano_usd(longer_bytes, longest_bytes=longest_bytes)
