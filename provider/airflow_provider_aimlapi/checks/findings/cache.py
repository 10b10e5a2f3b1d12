"""Whether a cache mark is taken, written and read, at which price, and how its tokens are counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.checks.facts import Fact, settled, unsettled
from airflow_provider_aimlapi.checks.findings.costs import cost_nano_usd
from airflow_provider_aimlapi.checks.plan import CACHED_TOKENS_MIN
from airflow_provider_aimlapi.checks.replies import without_answer
from airflow_provider_aimlapi.core.money.pricing import TOKENS_A_PRICE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_aimlapi.checks.log_search import LogSearch
    from airflow_provider_aimlapi.checks.replies import Reply
    from airflow_provider_aimlapi.core.money.pricing import TokenPrices

_NOT_WRITTEN = "nothing is known to have been written"
_NOT_READ = "nothing was read"
_UNREPORTED = "the price shows it, but no answer says how many tokens"
_MISSED = "the one read found nothing; misses on a second call are known from others"
_DEARER, _CHEAPER = 1.15, 0.85
"""Shares of the input price beyond which tokens were not charged as plain ones."""


@dataclass(frozen=True, slots=True)
class _Marked:
    """A call with a mark, answered.

    Attributes:
        asked, read, written: tokens; 0 for what is not reported.
        input_nano_usd: what was paid for the prompt; None where that is not known.
        price: of a million plain tokens; None where that is not known.
    """

    asked: int
    read: int
    written: int
    input_nano_usd: float | None
    price: int | None

    @property
    def is_beside(self) -> bool:
        """Whether `prompt_tokens` leaves them out: what is not marked has a few tokens only."""
        return self.asked < self.read + self.written

    @property
    def all_tokens(self) -> int:
        """Of the whole prompt, as far as they are reported."""
        return self.asked + (self.read + self.written) * self.is_beside

    @property
    def share(self) -> float | None:
        """What a token of the prompt cost, in plain tokens."""
        if self.input_nano_usd is None or not self.price or not self.all_tokens:
            return None
        return self.input_nano_usd * TOKENS_A_PRICE / (self.all_tokens * self.price)

    @property
    def was_written(self) -> bool:
        """Whether tokens or price show a write."""
        return bool(self.written) or (self.share or 0.0) >= _DEARER

    @property
    def was_read(self) -> bool:
        """Whether tokens or price show a read."""
        return bool(self.read) or (self.share is not None and self.share <= _CHEAPER)

    def factor(self, tokens: int) -> float | None:
        """Return what each of these tokens cost, in plain tokens, if all others are plain."""
        if self.share is None or not tokens:
            return None
        return (self.share * self.all_tokens - (self.all_tokens - tokens)) / tokens


def cache_facts(
    replies: Mapping[str, Reply], prices: Mapping[str, TokenPrices], log: LogSearch
) -> Iterator[Fact]:
    """Judge the two calls with the same marked text."""
    first, second = replies["cache-write"], replies["cache-read"]
    write, read = (_marked(one, prices.get(one.call.model), log) for one in (first, second))
    yield _mark("cache-mark", first)
    yield _written("cache-write", first, write)
    yield _read("cache-read", second, write, read)
    written = write.written if write else 0
    cached = read.read if read else 0
    no_write = _UNREPORTED if write and write.was_written else _NOT_WRITTEN
    no_read = _UNREPORTED if read and read.was_read else _NOT_READ
    yield _price("cache-write-price", write, written, no_write)
    yield _price("cache-read-price", read, cached, no_read)
    yield _counted("written-tokens", write, written, no_write)
    yield _counted("cached-tokens", read, cached, no_read)


def _marked(reply: Reply, price: TokenPrices | None, log: LogSearch) -> _Marked | None:
    completion = reply.completion
    if completion is None:
        return None
    cost = cost_nano_usd(reply, log)
    answered, paid = completion.completion_tokens, None
    if cost is not None and price is not None and answered is not None:
        paid = cost - answered * price.output_nano_usd / TOKENS_A_PRICE
    return _Marked(
        asked=completion.prompt_tokens or 0,
        read=completion.cached_tokens or 0,
        written=completion.cache_write_tokens or 0,
        input_nano_usd=paid,
        price=price.input_nano_usd if price else None,
    )


def _mark(name: str, reply: Reply) -> Fact:
    if reply.completion is None:
        return without_answer(name, reply)
    return settled(name, "accepted", "on a text part of the user's message")


def _written(name: str, reply: Reply, write: _Marked | None) -> Fact:
    if write is None:
        return unsettled(name, reply.problem)
    share = write.share
    cost = "" if share is None else f", {share:.2f} of the input price on average"
    evidence = f"{write.all_tokens} prompt tokens, {write.written} reported as written{cost}"
    if write.was_written:
        return settled(name, "yes", evidence)
    if write.all_tokens < CACHED_TOKENS_MIN:
        return unsettled(name, f"{evidence}; below {CACHED_TOKENS_MIN:,} nothing is")
    if share is None:
        return unsettled(name, f"{evidence}; the cost is not known")
    return settled(name, "no", evidence)


def _read(name: str, reply: Reply, write: _Marked | None, read: _Marked | None) -> Fact:
    if read is None:
        return unsettled(name, reply.problem)
    if read.was_read:
        share = read.share
        cost = "" if share is None else f", {share:.2f} of the input price on average"
        tokens = f"{read.all_tokens} prompt tokens, {read.read} reported as cached{cost}"
        return settled(name, "yes", tokens)
    return unsettled(name, _MISSED if write and write.was_written else _NOT_WRITTEN)


def _price(name: str, marked: _Marked | None, tokens: int, otherwise: str) -> Fact:
    if marked is None or not tokens:
        return unsettled(name, otherwise)
    factor = marked.factor(tokens)
    if factor is None or marked.price is None:
        return unsettled(name, "neither answer nor log has the cost, or the list has no price")
    usd = factor * marked.price / 1e9
    return settled(name, f"{factor:.2f} x input", f"{tokens} tokens at {usd:.4f} USD a million")


def _counted(name: str, marked: _Marked | None, tokens: int, otherwise: str) -> Fact:
    if marked is None or not tokens:
        return unsettled(name, otherwise)
    evidence = f"prompt_tokens is {marked.asked}, the cache had {tokens}"
    return settled(name, "no" if marked.is_beside else "yes", evidence)
