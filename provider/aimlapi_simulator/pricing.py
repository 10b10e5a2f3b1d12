"""Tokens and money as pure arithmetic in whole credits; who pays is not known here.

A token is four characters, rounded up, and at least one; a part that is no text counts 1,000.
"""

from __future__ import annotations

import msgspec

CREDITS_PER_USD = 2_000_000
CHARACTERS_PER_TOKEN = 4
TOKENS_OF_A_FILE = 1_000
TOKENS_OF_TOOL_USE = 300
"""What tools add to a prompt, beside their definitions."""
WRITE_5M, WRITE_1H = 1.25, 2.0
"""Price of a prompt token that is written to the cache, as a multiple of the input price."""


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """USD per million tokens.

    Attributes:
        read_share: Price of a token read from the cache, as a share of the input price.
        step_above: Prompts with more tokens cost `step_factor` times as much, all of their tokens.
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
        prompt: All of the prompt's, cached and written ones included.
        completion: All that was generated, reasoning included.
        written: Written to the cache, for five minutes and for an hour; `written_1h` is part of it.
    """

    prompt: int
    completion: int
    cached: int = 0
    reasoning: int = 0
    written: int = 0
    written_1h: int = 0


def tokens_in(text: str) -> int:
    """Count by the simulator's rule: four characters a token, rounded up, at least one."""
    return max(1, -(-len(text) // CHARACTERS_PER_TOKEN))


def credits_for(usage: Usage, price: Price, *, discount: float = 1.0) -> int:
    """Whole credits, halves rounded up, at least one."""
    usd_per_million = usage.prompt * price.input_usd + usage.completion * price.output_usd
    if usage.cached or usage.written:
        usd_per_million -= usage.cached * (price.input_usd - price.cached_usd)
        written_5m = usage.written - usage.written_1h
        surcharge = written_5m * (WRITE_5M - 1) + usage.written_1h * (WRITE_1H - 1)
        usd_per_million += surcharge * price.input_usd
    if price.step_above is not None and usage.prompt > price.step_above:
        usd_per_million *= price.step_factor
    # 2,000,000 credits a dollar and prices per million tokens: two credits for each unit.
    return max(1, int(usd_per_million * 2 * discount + 0.5 + 1e-9))


def usd_of(credits_used: int) -> float:
    """USD of a number of credits."""
    return credits_used / CREDITS_PER_USD


def usd_text(credits_used: int) -> str:
    """USD with nine decimals, as the response header has it; exact, for a credit is 500 nanodollars."""
    nano_usd = credits_used * 500
    return f"{nano_usd // 1_000_000_000}.{nano_usd % 1_000_000_000:09d}"
