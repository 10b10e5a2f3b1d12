"""Limits the cost of a check: the price list bounds each call before it is sent. Pure."""

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
"""0.02 USD, which the help of the command promises."""
WRITE_FACTOR = 1.25
"""The price of a token that is written to the cache for five minutes, in input prices."""
READ_FACTOR = 0.25
"""The same for a token that is read. The documents promise 0.1, which no answer has confirmed."""


@dataclass(slots=True, kw_only=True)
class Purse:
    """Keeps the cost below the limit.

    Attributes:
        prices: the highest prices of the called ids. With None, only calls that are refused are sent.
        limit_nano_usd: the most that the check may cost.
        spent_nano_usd: the cost as the answers report it, or the price of the tokens.
        computed: number of answers without a reported cost.
        sent: number of calls so far.
    """

    prices: TokenPrices | None
    limit_nano_usd: int = LIMIT_NANO_USD
    spent_nano_usd: int = 0
    computed: int = 0
    sent: int = 0

    def why_not_allowed(self, call: Call) -> str | None:
        """Return why a call may not be sent; None if it may."""
        if self.sent >= CALLS_MAX:
            return f"not sent: a check makes at most {CALLS_MAX} calls"
        if call.is_refused:
            return None
        if self.prices is None:
            return "not sent: the price list has no price, so nothing bounds its cost"
        if self.spent_nano_usd + most_nano_usd(call, self.prices) >= self.limit_nano_usd:
            return f"not sent: it could exceed the limit of {format_usd(self.limit_nano_usd)}"
        return None

    def add_cost(self, call: Call, completion: Completion) -> None:
        """Add the cost of an answer."""
        if completion.cost_nano_usd is not None:
            self.spent_nano_usd += completion.cost_nano_usd
            return
        self.computed += 1
        self.spent_nano_usd += self._by_tokens(call, completion)

    def pay_most(self, call: Call) -> None:
        """Add the most that a call can cost, because it may have been billed for an unknown amount."""
        self.computed += 1
        if self.prices is not None:
            self.spent_nano_usd += most_nano_usd(call, self.prices)

    def _by_tokens(self, call: Call, completion: Completion) -> int:
        # 1. Without token counts, the most that the call can cost.
        # 2. Without cache counts, the price as a write if the prompt was marked.
        # 3. Otherwise each kind of token at its price. `prompt_tokens` may include the cached ones or not.
        prompt_tokens, answer_tokens = completion.prompt_tokens, completion.completion_tokens
        if self.prices is None:
            return 0
        if prompt_tokens is None or answer_tokens is None:
            return most_nano_usd(call, self.prices)
        read, written = completion.cached_tokens or 0, completion.cache_write_tokens or 0
        if not read + written:
            return _cost_of(self.prices, prompt_tokens, answer_tokens, is_marked=call.is_marked)
        is_included = prompt_tokens >= read + written
        plain = prompt_tokens - (read + written) * is_included
        weighed = plain + READ_FACTOR * read + WRITE_FACTOR * written
        return _cost_of(self.prices, weighed, answer_tokens)


def most_nano_usd(call: Call, prices: TokenPrices) -> int:
    """Return the most that a call can cost."""
    return _cost_of(prices, call.prompt_tokens_max, call.max_tokens, is_marked=call.is_marked)


def likely_nano_usd(prices: TokenPrices) -> int:
    """Return the cost of all calls of a check if the cache is read and each refusal is free."""
    write, read = marked_calls("", None)
    calls = [*first_calls()[2:], write, *middle_calls(), *last_calls()]
    costs = [
        _cost_of(prices, one.prompt_tokens_likely, one.max_tokens, is_marked=one.is_marked)
        for one in calls
    ]
    return sum(costs) + _cost_of(prices, read.prompt_tokens_likely // 10, read.max_tokens)


def _cost_of(
    prices: TokenPrices, prompt_tokens: float, answer_tokens: int, *, is_marked: bool = False
) -> int:
    factor = WRITE_FACTOR if is_marked else 1.0
    nano_usd = (
        prompt_tokens * prices.input_nano_usd * factor + answer_tokens * prices.output_nano_usd
    )
    return int(nano_usd / TOKENS_A_PRICE) + 1
