"""Finds out whether a cache mark has an effect, at which price, and how its tokens are counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.checks.facts import Fact, open_fact, settled_fact
from airflow_provider_aimlapi.checks.findings.costs import cost_nano_usd
from airflow_provider_aimlapi.checks.plan import CACHED_TOKENS_MIN
from airflow_provider_aimlapi.checks.replies import without_answer
from airflow_provider_aimlapi.core.money.pricing import TOKENS_A_PRICE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_aimlapi.checks.log_search import LogSearch
    from airflow_provider_aimlapi.checks.replies import Reply
    from airflow_provider_aimlapi.core.money.pricing import TokenPrices

_NOT_WRITTEN = "no write to the cache is known"
_NOT_READ = "nothing was read from the cache"
_UNREPORTED = "the price shows it, but no answer reports the number of tokens"
_MISSED = "the one read found nothing, which other users have also seen on a second call"
_DEARER, _CHEAPER = 1.15, 0.85
"""Fractions of the input price beyond which tokens were not charged as plain ones.

A write costs 1.25 of it and a read 0.1 to 0.25, so 15% keeps rounding apart from both."""


@dataclass(frozen=True, slots=True)
class _Marked:
    """An answered call with a cache mark.

    Attributes:
        prompt_tokens: the prompt's tokens as reported; 0 if not reported.
        read: tokens read from the cache, likewise.
        written: tokens written to the cache, likewise.
        input_nano_usd: the cost of the prompt; None if not known.
        price: the price of a million plain tokens; None if not known.
    """

    prompt_tokens: int
    read: int
    written: int
    input_nano_usd: float | None
    price: int | None

    @property
    def is_beside(self) -> bool:
        """Return whether `prompt_tokens` excludes cached tokens. The unmarked part has only a few tokens."""
        return self.prompt_tokens < self.read + self.written

    @property
    def all_tokens(self) -> int:
        """Return the reported tokens of the whole prompt."""
        return self.prompt_tokens + (self.read + self.written) * self.is_beside

    @property
    def cost_ratio(self) -> float | None:
        """Return the average cost of a prompt token, in plain tokens."""
        if self.input_nano_usd is None or not self.price or not self.all_tokens:
            return None
        return self.input_nano_usd * TOKENS_A_PRICE / (self.all_tokens * self.price)

    @property
    def was_written(self) -> bool:
        """Return whether tokens or price show a write."""
        return bool(self.written) or (self.cost_ratio or 0.0) >= _DEARER

    @property
    def was_read(self) -> bool:
        """Return whether tokens or price show a read."""
        return bool(self.read) or (self.cost_ratio is not None and self.cost_ratio <= _CHEAPER)

    def cost_factor(self, tokens: int) -> float | None:
        """Return the cost of each of these tokens, in plain tokens, if all others are plain."""
        if self.cost_ratio is None or not tokens:
            return None
        return (self.cost_ratio * self.all_tokens - (self.all_tokens - tokens)) / tokens


def cache_facts(
    replies: Mapping[str, Reply], prices: Mapping[str, TokenPrices], log: LogSearch
) -> Iterator[Fact]:
    """Yield the facts about the two calls with the same marked text."""
    # The second call reads what the first has written. Without a write nothing is known about reads.
    first, second = replies["cache-write"], replies["cache-read"]
    write, read = (_marked_call(one, prices.get(one.call.model), log) for one in (first, second))
    yield _mark_fact("cache-mark", first)
    yield _write_fact("cache-write", first, write)
    yield _read_fact("cache-read", second, write, read)
    written = write.written if write else 0
    cached = read.read if read else 0
    no_write = _UNREPORTED if write and write.was_written else _NOT_WRITTEN
    no_read = _UNREPORTED if read and read.was_read else _NOT_READ
    yield _price_fact("cache-write-price", write, written, no_write)
    yield _price_fact("cache-read-price", read, cached, no_read)
    yield _count_fact("written-tokens", write, written, no_write)
    yield _count_fact("cached-tokens", read, cached, no_read)


def _marked_call(reply: Reply, price: TokenPrices | None, log: LogSearch) -> _Marked | None:
    completion = reply.completion
    if completion is None:
        return None
    # The reported cost is for prompt and answer. Without the answer's part, the prompt's is left.
    cost = cost_nano_usd(reply, log)
    answer_tokens, paid = completion.completion_tokens, None
    if cost is not None and price is not None and answer_tokens is not None:
        paid = cost - answer_tokens * price.output_nano_usd / TOKENS_A_PRICE
    return _Marked(
        prompt_tokens=completion.prompt_tokens or 0,
        read=completion.cached_tokens or 0,
        written=completion.cache_write_tokens or 0,
        input_nano_usd=paid,
        price=price.input_nano_usd if price else None,
    )


def _mark_fact(name: str, reply: Reply) -> Fact:
    if reply.completion is None:
        return without_answer(name, reply)
    return settled_fact(name, "accepted", "on a text part of the user's message")


def _write_fact(name: str, reply: Reply, write: _Marked | None) -> Fact:
    if write is None:
        return open_fact(name, reply.problem)
    cost_ratio = write.cost_ratio
    cost = "" if cost_ratio is None else f", {cost_ratio:.2f} of the input price on average"
    detail = f"{write.all_tokens} prompt tokens, {write.written} reported as written{cost}"
    if write.was_written:
        return settled_fact(name, "yes", detail)
    if write.all_tokens < CACHED_TOKENS_MIN:
        return open_fact(name, f"{detail}; fewer than {CACHED_TOKENS_MIN:,} are never written")
    if cost_ratio is None:
        return open_fact(name, f"{detail}; the cost is not known")
    return settled_fact(name, "no", detail)


def _read_fact(name: str, reply: Reply, write: _Marked | None, read: _Marked | None) -> Fact:
    if read is None:
        return open_fact(name, reply.problem)
    if read.was_read:
        cost_ratio = read.cost_ratio
        cost = "" if cost_ratio is None else f", {cost_ratio:.2f} of the input price on average"
        tokens = f"{read.all_tokens} prompt tokens, {read.read} reported as cached{cost}"
        return settled_fact(name, "yes", tokens)
    return open_fact(name, _MISSED if write and write.was_written else _NOT_WRITTEN)


def _price_fact(name: str, marked: _Marked | None, tokens: int, otherwise: str) -> Fact:
    if marked is None or not tokens:
        return open_fact(name, otherwise)
    factor = marked.cost_factor(tokens)
    if factor is None or marked.price is None:
        return open_fact(
            name, "neither the answer nor the log has the cost, or the list has no price"
        )
    usd = factor * marked.price / 1e9
    return settled_fact(
        name, f"{factor:.2f} x input", f"{tokens} tokens at {usd:.4f} USD a million"
    )


def _count_fact(name: str, marked: _Marked | None, tokens: int, otherwise: str) -> Fact:
    if marked is None or not tokens:
        return open_fact(name, otherwise)
    detail = f"prompt_tokens is {marked.prompt_tokens}, the cache had {tokens}"
    return settled_fact(name, "no" if marked.is_beside else "yes", detail)
