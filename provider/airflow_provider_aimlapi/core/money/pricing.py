"""Money as whole nano-dollars, so that sums are exact. Never guesses a price."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

NANO_USD_PER_USD = 1_000_000_000
NANO_USD_PER_CREDIT = 500
"""The vendor's documentation of `credits_used`: 2,000,000 credits are one dollar."""
NANO_USD_MAX = 1_000_000 * NANO_USD_PER_USD
"""A single charge above a million dollars is a misread answer."""

TOKENS_A_PRICE = 1_000_000
"""Prices are kept per million tokens, because whole nano-dollars are too coarse for one token."""
UNSEEN_PROMPT_TOKENS = 512
"""Prompt tokens of a call that no request shows: a message's frame, and the few hundred tokens in which
a model learns how to use tools or to think."""

WRITE_PRICE, READ_PRICE = 1.25, 0.1
"""The price of a token that is written to the prompt cache for five minutes, and of one that is read
from it, as a part of the input price. For models whose list has no such prices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceStep:
    """The prices of a call with a long prompt, in nano-dollars per million tokens.

    Attributes:
        prompt_tokens: the shortest prompt that has them; 0 if the list's form is unknown.
    """

    prompt_tokens: int
    input_nano_usd: int
    output_nano_usd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPrices:
    """The price list's prices of a model, in nano-dollars per million tokens.

    Attributes:
        answer_tokens_max: the most tokens of an answer; None if the list does not state it.
        read_nano_usd, written_nano_usd: prompt tokens that are read from the prompt cache, and written
            to it. None if the list does not state it.
        steps: higher prices for long prompts.
    """

    input_nano_usd: int
    output_nano_usd: int
    answer_tokens_max: int | None = None
    read_nano_usd: int | None = None
    written_nano_usd: int | None = None
    steps: tuple[PriceStep, ...] = ()

    def cache_saving_nano_usd(self, *, cached_tokens: int, written_tokens: int) -> int:
        """Return what the prompt cache saved: reads less the surcharge of writes. It may be negative."""
        saved = cached_tokens * (self.input_nano_usd - self.price_of_reading)
        surcharge = written_tokens * (self.price_of_writing - self.input_nano_usd)
        return round((saved - surcharge) / TOKENS_A_PRICE)

    @property
    def price_of_reading(self) -> int:
        """The nano-dollars per million tokens that are read from the prompt cache."""
        listed = self.read_nano_usd
        return round(READ_PRICE * self.input_nano_usd) if listed is None else listed

    @property
    def price_of_writing(self) -> int:
        """The nano-dollars per million tokens that are written to it."""
        listed = self.written_nano_usd
        return round(WRITE_PRICE * self.input_nano_usd) if listed is None else listed

    def call_price(
        self, model: str, max_tokens: int | None, head_bytes: int = 0
    ) -> CallPrice | None:
        """Return the most that a call may cost; None if nothing limits the length of an answer.

        Args:
            head_bytes: the part of each request that may be marked for the prompt cache.
        """
        answer_tokens_max = max_tokens if max_tokens is not None else self.answer_tokens_max
        if answer_tokens_max is None:
            return None
        return CallPrice(
            model=model, prices=self, answer_tokens_max=answer_tokens_max, head_bytes=head_bytes
        )

    def prices_at(self, prompt_tokens: float) -> TokenPrices:
        """Return the highest prices that a prompt of this length can reach."""
        reached = [step for step in self.steps if prompt_tokens >= step.prompt_tokens]
        if not reached:
            return self
        return replace(
            self,
            input_nano_usd=max(self.input_nano_usd, *(one.input_nano_usd for one in reached)),
            output_nano_usd=max(self.output_nano_usd, *(one.output_nano_usd for one in reached)),
            written_nano_usd=None,  # the list's price is that of short prompts
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPrice:
    """The most that calls of one model with one `max_tokens` may cost. An upper bound, not an estimate.

    A tokenizer that works on bytes, as Claude's does, makes at most one token per byte, and usually
    a quarter of that. A JSON body is longer than the texts in it.

    Attributes:
        head_bytes: the part of each request that the call may write to the prompt cache.
    """

    model: str
    prices: TokenPrices
    answer_tokens_max: int
    head_bytes: int = 0

    def most_nano_usd(
        self, *, calls: int, body_bytes: int, longest_bytes: int | None = None
    ) -> int:
        """Return the most that the calls cost together.

        Args:
            body_bytes: of all their requests.
            longest_bytes: of the longest request, which decides the prices of all. None: one of
                them may be as long as all together.
        """
        # All at the prices of the longest: lower prices for the short ones would need their sizes
        # one by one.
        prices = self._prices_at_most(body_bytes if longest_bytes is None else longest_bytes)
        answers = calls * self.answer_tokens_max * prices.output_nano_usd
        prompts = (body_bytes + calls * UNSEEN_PROMPT_TOKENS) * prices.input_nano_usd
        surcharge = max(0, prices.price_of_writing - prices.input_nano_usd)
        writes = calls * self.head_bytes * surcharge
        return (
            _millionth_rounded_up(prompts)
            + _millionth_rounded_up(answers)
            + _millionth_rounded_up(writes)
        )

    def rewritten_nano_usd(self, cached_tokens: int) -> int:
        """Return what a call would have cost more if it had written these tokens, not read them."""
        prices = self.prices
        return _millionth_rounded_up(
            cached_tokens * max(0, prices.price_of_writing - prices.price_of_reading)
        )

    def prompt_nano_usd(self, body_bytes: int, *, longest_bytes: int | None = None) -> int:
        """Return the most that these bytes of requests cost; `longest_bytes` as above."""
        prices = self._prices_at_most(body_bytes if longest_bytes is None else longest_bytes)
        return _millionth_rounded_up(body_bytes * prices.input_nano_usd)

    def is_more_expensive(self, body_bytes: int, other_bytes: int) -> bool:
        """Return whether a request can reach a price step that a second one cannot reach."""
        return bool(self.prices.steps) and self._prices_at_most(body_bytes) != self._prices_at_most(
            other_bytes
        )

    def _prices_at_most(self, body_bytes: int) -> TokenPrices:
        return self.prices.prices_at(body_bytes + UNSEEN_PROMPT_TOKENS)


def nano_usd_from_credits(credits_used: str | float | Decimal | None) -> int | None:
    """Return the nano-dollars of a credit count; None if it is missing or not plausible."""
    return _scaled_amount(credits_used, NANO_USD_PER_CREDIT)


def nano_usd_from_usd(usd: str | float | Decimal | None) -> int | None:
    """Return the nano-dollars of a dollar amount such as "0.001240000"; None if it is not one."""
    return _scaled_amount(usd, NANO_USD_PER_USD)


def usd_from_nano_usd(nano_usd: int) -> float:
    """Return dollars, as the float nearest to the exact amount."""
    return nano_usd / NANO_USD_PER_USD


def _scaled_amount(amount: str | float | Decimal | None, scale: int) -> int | None:
    if amount is None or isinstance(amount, bool):
        return None
    try:
        exact = Decimal(amount if isinstance(amount, str) else str(amount)) * scale
        return int(exact.to_integral_value()) if 0 <= exact <= NANO_USD_MAX else None
    except (ArithmeticError, ValueError):  # NaN is not even comparable
        return None


def _millionth_rounded_up(nano_usd: int) -> int:
    """Return a millionth, rounded up."""
    return -(-nano_usd // TOKENS_A_PRICE)
