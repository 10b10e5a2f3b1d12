"""Tokens and money as pure arithmetic in whole credits; who pays is not known here.

A token is four characters, rounded up, and at least one; a part that is no text counts 1,000.
"""

from __future__ import annotations

import msgspec

CREDITS_PER_USD = 2_000_000
CHARACTERS_PER_TOKEN = 4
TOKENS_OF_A_FILE = 1_000


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """USD per million tokens; cached prompt tokens cost a tenth, as with Anthropic."""

    input_usd: float
    output_usd: float

    @property
    def cached_usd(self) -> float:
        """USD per million prompt tokens read from the cache."""
        return round(self.input_usd / 10, 6)


class Usage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Tokens of one call; cached ones are part of the prompt's, reasoning ones of the completion's."""

    prompt: int
    completion: int
    cached: int = 0
    reasoning: int = 0


def tokens_in(text: str) -> int:
    """Count by the simulator's rule: four characters a token, rounded up, at least one."""
    return max(1, -(-len(text) // CHARACTERS_PER_TOKEN))


def credits_for(usage: Usage, price: Price, *, discount: float = 1.0) -> int:
    """Whole credits, halves rounded up, at least one."""
    usd_per_million = usage.prompt * price.input_usd + usage.completion * price.output_usd
    if usage.cached:
        usd_per_million -= usage.cached * (price.input_usd - price.cached_usd)
    # 2,000,000 credits a dollar and prices per million tokens: two credits for each unit.
    return max(1, int(usd_per_million * 2 * discount + 0.5 + 1e-9))


def usd_of(credits_used: int) -> float:
    """USD of a number of credits."""
    return credits_used / CREDITS_PER_USD


def usd_text(credits_used: int) -> str:
    """USD with nine decimals, as the response header has it; exact, for a credit is 500 nanodollars."""
    nano_usd = credits_used * 500
    return f"{nano_usd // 1_000_000_000}.{nano_usd % 1_000_000_000:09d}"
