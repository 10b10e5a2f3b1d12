"""What a check may spend: each call is bounded by the price list before it is sent. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.checks.plan import (
    CALLS_MAX,
    Call,
    first_calls,
    last_calls,
    marked_calls,
    middle_calls,
)
from airflow_provider_aimlapi.core.money.pricing import TOKENS_A_PRICE, TokenPrices
from airflow_provider_aimlapi.core.texts.wording import format_usd

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.completion import Completion

LIMIT_NANO_USD = 20_000_000
WRITE_FACTOR = 1.25
"""Price of a token that is written to the cache for five minutes, in input prices."""
READ_FACTOR = 0.25
"""Likewise of a token that is read. The documents say 0.1: no answer has confirmed it."""


@dataclass(slots=True, kw_only=True)
class Purse:
    """Keeps the sum below the limit.

    Attributes:
        prices: the dearest of the ids that are called; None lets no call out that could be answered.
        spent_nano_usd: what answers said they cost; where one does not say, what its tokens cost.
        computed: how many answers did not say.
    """

    prices: TokenPrices | None
    limit_nano_usd: int = LIMIT_NANO_USD
    spent_nano_usd: int = 0
    computed: int = 0
    sent: int = 0

    def refusal(self, call: Call) -> str | None:
        """Return why a call may not be sent; None if it may."""
        if self.sent >= CALLS_MAX:
            return f"not sent: a check makes {CALLS_MAX} calls at most"
        if call.is_refused:
            return None
        if self.prices is None:
            return "not sent: the price list names no price, so nothing bounds its cost"
        if self.spent_nano_usd + most_nano_usd(call, self.prices) >= self.limit_nano_usd:
            return f"not sent: it could pass the limit of {format_usd(self.limit_nano_usd)}"
        return None

    def pay(self, call: Call, completion: Completion) -> None:
        """Count what an answer cost."""
        if completion.cost_nano_usd is not None:
            self.spent_nano_usd += completion.cost_nano_usd
            return
        self.computed += 1
        self.spent_nano_usd += self._by_tokens(call, completion)

    def pay_most(self, call: Call) -> None:
        """Count a call that was perhaps billed, and whose cost is not known."""
        self.computed += 1
        if self.prices is not None:
            self.spent_nano_usd += most_nano_usd(call, self.prices)

    def _by_tokens(self, call: Call, completion: Completion) -> int:
        asked, answered = completion.prompt_tokens, completion.completion_tokens
        if self.prices is None:
            return 0
        if asked is None or answered is None:
            return most_nano_usd(call, self.prices)
        read, written = completion.cached_tokens or 0, completion.cache_write_tokens or 0
        if not read + written:
            return _cost(self.prices, asked, answered, is_marked=call.is_marked)
        is_included = asked >= read + written
        plain = asked - (read + written) * is_included
        weighed = plain + READ_FACTOR * read + WRITE_FACTOR * written
        return _cost(self.prices, weighed, answered)


def most_nano_usd(call: Call, prices: TokenPrices) -> int:
    """Return the most that a call can cost."""
    return _cost(prices, call.prompt_tokens_max, call.max_tokens, is_marked=call.is_marked)


def likely_nano_usd(prices: TokenPrices) -> int:
    """Return what all calls of a check cost if the cache is read, and each refusal is free."""
    write, read = marked_calls("", None)
    calls = [*first_calls()[2:], write, *middle_calls(), *last_calls()]
    costs = [
        _cost(prices, one.prompt_tokens_likely, one.max_tokens, is_marked=one.is_marked)
        for one in calls
    ]
    return sum(costs) + _cost(prices, read.prompt_tokens_likely // 10, read.max_tokens)


def _cost(prices: TokenPrices, asked: float, answered: int, *, is_marked: bool = False) -> int:
    factor = WRITE_FACTOR if is_marked else 1.0
    nano_usd = asked * prices.input_nano_usd * factor + answered * prices.output_nano_usd
    return int(nano_usd / TOKENS_A_PRICE) + 1
