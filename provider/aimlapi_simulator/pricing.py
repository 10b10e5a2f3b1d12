"""Tokens and money, computed in whole credits.

A text has a token for every four characters, rounded up, and at least one. A part that is no text
counts 1,000 tokens.
"""

from __future__ import annotations

import msgspec

CREDITS_PER_USD = 2_000_000
"""As the API documents it."""
CHARACTERS_PER_TOKEN = 4
"""The usual rule of thumb for English text."""
TOKENS_OF_A_FILE = 1_000
"""A round number, because the simulator does not read files."""
TOKENS_OF_TOOL_USE = 300
"""The tokens that tools add to a prompt, besides their definitions."""
WRITE_5M, WRITE_1H = 1.25, 2.0
"""Price of a prompt token that is written to the cache, as a multiple of the input price."""


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """USD per million tokens.

    Attributes:
        read_share: price of a token read from the cache, as a fraction of the input price.
        step_above: all tokens of a longer prompt cost `step_factor` times as much.
    """

    input_usd: float
    output_usd: float
    read_share: float = 0.1
    step_above: int | None = None
    step_factor: float = 1.0

    @property
    def cached_usd(self) -> float:
        """USD per million prompt tokens read from the cache."""
        return round(self.input_usd * self.read_share, 6)

    @property
    def written_usd(self) -> float:
        """USD per million prompt tokens written to the cache for five minutes."""
        return round(self.input_usd * WRITE_5M, 6)


class Usage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Tokens of one call.

    Attributes:
        prompt: all tokens of the prompt, including those read from and written to the cache.
        completion: all generated tokens, including reasoning.
        written: tokens written to the cache, for five minutes or an hour.
        written_1h: the part of `written` that is kept for an hour.
    """

    prompt: int
    completion: int
    cached: int = 0
    reasoning: int = 0
    written: int = 0
    written_1h: int = 0


def tokens_in(text: str) -> int:
    """Count a text's tokens: one for every four characters, rounded up, at least one."""
    return max(1, -(-len(text) // CHARACTERS_PER_TOKEN))


def credits_for(usage: Usage, price: Price, *, discount: float = 1.0) -> int:
    """Return the price in whole credits, halves rounded up, at least one."""
    usd_per_million = usage.prompt * price.input_usd + usage.completion * price.output_usd
    if usage.cached or usage.written:
        usd_per_million -= usage.cached * (price.input_usd - price.cached_usd)
        written_5m = usage.written - usage.written_1h
        surcharge = written_5m * (WRITE_5M - 1) + usage.written_1h * (WRITE_1H - 1)
        usd_per_million += surcharge * price.input_usd
    if price.step_above is not None and usage.prompt > price.step_above:
        usd_per_million *= price.step_factor
    # A dollar has 2,000,000 credits and prices are per million tokens: two credits for each unit.
    return max(1, int(usd_per_million * 2 * discount + 0.5 + 1e-9))


def usd_of(credits_used: int) -> float:
    """Convert credits to USD."""
    return credits_used / CREDITS_PER_USD


def usd_text(credits_used: int) -> str:
    """Format credits as USD with nine decimals, as the response header has it.

    The text is exact, because a credit is 500 nanodollars.
    """
    nano_usd = credits_used * 500
    return f"{nano_usd // 1_000_000_000}.{nano_usd % 1_000_000_000:09d}"
