"""The budget: what may be spent, what is set aside for calls in flight, what was charged.

What is set aside for a call, its reservation, follows one rule:

- As long as fewer answers are known than calls would be in flight, it is what the call may cost at
  most by the price list. That is often twenty times the cost, but nothing better is known.
- From then on, it is what the dearest answer so far cost. A request longer than any that was
  answered adds the price of its further bytes.
- Where there is no price list, only the second holds. The first call goes alone, and no more calls
  are in flight than costs are known, and one more.

Nothing is kept for one call alone: reservations are worth what is known now, so those of calls in
flight shrink when answers tell the cost, and grow when one was dearer than all before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.texts.wording import format_usd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.core.money.pricing import CallPrice


def part_of_budget(
    limit_nano_usd: int, share: int, *, rows: Sequence[int], spent: Sequence[int]
) -> int:
    """Return what a share may spend, all that was spent on it included: a part by its rows.

    Where more was spent on some shares than their parts, the parts of the others shrink, all by the same
    factor. What a share spends within its part changes no part. So shares that look at different times
    come to the same parts, which together never exceed the budget.

    Args:
        rows: of each share. spent: on each share, what shares spend at the same time included or not.
    """
    all_rows = max(1, sum(rows))

    def parts(divided: int) -> list[int]:
        return [max(paid, divided * one // all_rows) for one, paid in zip(rows, spent, strict=True)]

    least, most = 0, limit_nano_usd
    while least < most:
        divided = (least + most + 1) // 2
        if sum(parts(divided)) <= limit_nano_usd:
            least = divided
        else:
            most = divided - 1
    return parts(least)[share]


@dataclass(slots=True, kw_only=True)
class Budget:
    """Spending of a run, over all its attempts, in nano-dollars.

    A call is admitted only while something is left, and charges, the reservations of calls in flight,
    what lost answers may have cost, and its own reservation stay within the limit. So the limit is passed by what
    was in flight at the most, and by that only where calls are dearer than all before them.

    Attributes:
        limit_nano_usd: None for no limit.
        whole_nano_usd: the run's budget, where the limit is a share's part of it; else None.
        price: what a call may cost at most; None where no price list says so.
        charged_nano_usd: what the API said it charged, earlier attempts of the run included.
        largest_nano_usd: the largest single charge so far.
        charges: how many charges are known; a part of an earlier attempt counts as one.
        longest_bytes: of the requests that this attempt had answered.
        has_unknown_charge: whether an answer came without its cost.
        in_flight, in_flight_bytes: calls with a reservation, and the bytes of their requests.
        lost, lost_bytes: the same of calls whose answers were lost and may have been billed. They
            are in no bill, but what they may have cost is not spent again.
        long_in_flight, long_lost: the bytes of those requests that reach a dearer step of the list.
    """

    limit_nano_usd: int | None = None
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

    def charge(self, cost_nano_usd: int | None, *, body_bytes: int = 0) -> None:
        """Count what an answer cost; `body_bytes` is its request's size, 0 where unknown."""
        if cost_nano_usd is None:
            self.has_unknown_charge = True
            return
        self.charges += 1
        self.charged_nano_usd += cost_nano_usd
        self.largest_nano_usd = max(self.largest_nano_usd, cost_nano_usd)
        self.longest_bytes = max(self.longest_bytes, body_bytes)

    def charge_part(self, cost_nano_usd: int, *, answers: int, unknown: int) -> None:
        """Count a part that an earlier attempt paid for.

        Args:
            answers: how many it holds; their mean stands in for the largest.
            unknown: how many of them came without their cost.
        """
        self.charged_nano_usd += cost_nano_usd
        if answers > unknown:
            mean = cost_nano_usd // (answers - unknown)
            self.charges += 1
            self.largest_nano_usd = max(self.largest_nano_usd, mean)
        self.has_unknown_charge = self.has_unknown_charge or unknown > 0

    def allows(self, body_bytes: int = 0) -> bool:
        """Whether a call with a request of this size may be sent, beside those in flight."""
        if self.limit_nano_usd is None:
            return True
        if self.has_unknown_charge or self.committed_nano_usd() >= self.limit_nano_usd:
            return False
        if self.price is None and self.in_flight > self.charges:
            return False
        return self.charged_nano_usd + self._set_aside_with(body_bytes) <= self.limit_nano_usd

    def committed_nano_usd(self) -> int:
        """What is spent, or may have been: charges, and what lost answers may have cost."""
        return self.charged_nano_usd + self._worth_of_lost()

    def reserve(self, body_bytes: int = 0) -> None:
        """Set money aside for a call that goes out."""
        self.in_flight += 1
        self.in_flight_bytes += body_bytes
        if self._is_long(body_bytes):
            self.long_in_flight.append(body_bytes)

    def release(self, body_bytes: int = 0) -> None:
        """Give a reservation back: the call has ended, and what it cost was charged."""
        self.in_flight -= 1
        self.in_flight_bytes -= body_bytes
        if body_bytes in self.long_in_flight:
            self.long_in_flight.remove(body_bytes)

    def suspect(self, body_bytes: int = 0) -> None:
        """Keep aside what a call may have cost whose answer was lost."""
        self.lost += 1
        self.lost_bytes += body_bytes
        if self._is_long(body_bytes):
            self.long_lost.append(body_bytes)

    def exhaustion(self, body_bytes: int = 0) -> str:
        """Why a call with a request of this size is not allowed, and what to do, in words."""
        if self.has_unknown_charge:
            return (
                "max_cost_usd is set, but the API answered without saying what it charged, so the "
                "budget cannot be kept. Everything paid for is kept; clear max_cost_usd to go on."
            )
        worth = self._worth(1, body_bytes, longest_bytes=body_bytes, is_sampled=self.charges > 0)
        cost = format_usd(worth)
        if self.price is not None and not self.charges and not self.lost:
            return (
                f"{self._limit_words()} cannot pay for one call of {self.price.model}: a request of "
                f"{body_bytes:,} bytes and an answer of {self.price.answer_tokens_max:,} tokens "
                f"cost up to {cost} by the price list. Nothing was spent. Raise max_cost_usd, or "
                f"lower max_tokens.{self._share_words()}"
            )
        return (
            f"The budget is spent: {format_usd(self.charged_nano_usd)} of {self._limit_words()}"
            f"{self._lost_words()}, and the next row may cost {cost}. Everything paid for "
            f"is kept; raise max_cost_usd and clear the task to go on from here."
            f"{self._share_words()}"
        )

    def _limit_words(self) -> str:
        limit = format_usd(self.limit_nano_usd or 0)
        if self.whole_nano_usd is None:
            return f"max_cost_usd={limit}"
        return f"{limit} (this share's part of max_cost_usd={format_usd(self.whole_nano_usd)})"

    def _share_words(self) -> str:
        if self.whole_nano_usd is None:
            return ""
        return " The task of the whole run asks for the rows that are left, with what is left."

    def _lost_words(self) -> str:
        if not self.lost:
            return ""
        worth = format_usd(self._worth_of_lost())
        answers = "answer" if self.lost == 1 else "answers"
        return f", {self.lost:,} lost {answers} may have cost {worth} more"

    def _set_aside_with(self, body_bytes: int) -> int:
        """What is set aside for calls in flight, for lost answers, and for one call more."""
        calls = self.in_flight + 1
        in_flight = self._worth(
            calls,
            self.in_flight_bytes + body_bytes,
            longest_bytes=max([body_bytes, *self.long_in_flight]),
            is_sampled=self.charges >= calls,
        )
        return in_flight + self._worth_of_lost()

    def _worth_of_lost(self) -> int:
        return self._worth(
            self.lost,
            self.lost_bytes,
            longest_bytes=max(self.long_lost, default=0),
            is_sampled=self.charges > 0,
        )

    def _is_long(self, body_bytes: int) -> bool:
        return self.price is not None and self.price.is_dearer(body_bytes, 0)

    def _worth(self, calls: int, body_bytes: int, *, longest_bytes: int, is_sampled: bool) -> int:
        """What so many calls, with requests of so many bytes together, are taken to cost.

        Args:
            longest_bytes: of the longest of the requests.
            is_sampled: whether enough answers are known to go by the dearest of them. It says
                nothing of requests that reach a dearer step of the price list.
        """
        likely = calls * self.largest_nano_usd
        if self.price is None:
            return likely
        if not is_sampled or self.price.is_dearer(longest_bytes, self.longest_bytes):
            most = self.price.most_nano_usd(
                calls=calls, body_bytes=body_bytes, longest_bytes=longest_bytes
            )
            return max(likely, most)
        longer_bytes = max(0, body_bytes - calls * self.longest_bytes)
        return likely + self.price.prompt_nano_usd(longer_bytes, longest_bytes=longest_bytes)
