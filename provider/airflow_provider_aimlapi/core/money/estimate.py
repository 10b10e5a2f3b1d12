"""What a run will probably cost, worked out from what was read, measured and quoted. Pure.

Claude's tokenizer is not public. So tokens are measured where answers of the run are there to
measure, and else assumed, by the two assumptions below; an estimate says which of the two it did.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, sqrt
from statistics import fmean, stdev
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_aimlapi.core.money.pricing import TOKENS_A_PRICE, UNSEEN_PROMPT_TOKENS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.core.money.pricing import TokenPrices

BYTES_A_TOKEN = 3.5
"""Of English text, by what Anthropic tells people to reckon with. Code and other scripts have fewer."""
BYTES_A_TOKEN_LEAST = 2.0
"""For the most that a run may cost, as long as nothing is measured."""
FRAME_TOKENS = 8
"""What a message adds to its texts, assumed as long as nothing is measured."""
ANSWER_SHARE = 0.5
"""Of `max_tokens`: how long answers are taken to be as long as nobody knows anything about them."""
ANSWERS_FEW = 5
"""Fewer than these give a mean, but no idea of how far it may be off."""
DEVIATIONS = 2.0
"""Standard errors in a margin: 19 of 20 estimates are within it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredRow:
    """A row that was read and whose paid answer is kept.

    Attributes:
        text_bytes: of its prompt and system text. cost_nano_usd: None where the API did not say.
    """

    text_bytes: int
    prompt_tokens: int
    completion_tokens: int
    cost_nano_usd: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of a run before it is run, or run on.

    Attributes:
        rows: of the run. rows_decided: of these, decided by earlier attempts, null ones included.
        rows_open: rows of shards without a durable part, among which rows were read.
        known_open: of these, how many the journal decides.
        asked_again: rejected rows of durable parts that will be asked again.
        rows_read: how many of the open rows were read. nulls: of these, the ones to be skipped.
        unreadable: of these, the ones that will be rejected unasked.
        text_bytes: prompt and system text of each row that was read and is not decided yet.
        measured: rows that were read and have an answer.
        answers, answers_prompt_tokens, answers_completion_tokens: of all kept answers, read or not.
        paid_nano_usd: what the run has cost so far.
    """

    rows: int
    rows_decided: int
    rows_open: int
    known_open: int
    asked_again: int
    rows_read: int
    nulls: int
    unreadable: int
    text_bytes: Sequence[int]
    measured: Sequence[AnsweredRow]
    answers: int
    answers_prompt_tokens: int
    answers_completion_tokens: int
    paid_nano_usd: int

    @property
    def rows_to_skip(self) -> int:
        """Rows that will be skipped, as far as what was read tells."""
        return round(self.rows_open * self.nulls / self.rows_read) if self.rows_read else 0

    @property
    def rows_to_ask(self) -> int:
        """Rows that will be asked for, as far as what was read tells."""
        if not self.rows_read:
            return self.asked_again
        askable = 1 - (self.nulls + self.unreadable) / self.rows_read
        return max(0, round(self.rows_open * askable) - self.known_open) + self.asked_again


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A mean by the row, and how it was come by.

    Attributes:
        most: of a row, at the most. error: its standard error; None where nothing was measured.
    """

    mean: float
    most: float
    error: float | None
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Tokens and money that a run still has to pay; None where no price is known.

    Attributes:
        completion: None where nothing at all says how long an answer may be.
        cost_nano_usd: expected. margin_nano_usd: how far it may be off; None for "nobody knows".
        least_nano_usd, most_nano_usd: if all answers were as short, or as long, as can be.
        charged_share: what measured answers were charged, as a share of their price by the list.
    """

    prompt: Quantity
    completion: Quantity | None
    prompt_tokens: int
    completion_tokens: int | None
    cost_nano_usd: int | None
    margin_nano_usd: int | None
    least_nano_usd: int | None
    most_nano_usd: int | None
    charged_share: float | None


def forecast(
    evidence: Evidence,
    prices: TokenPrices | None,
    *,
    max_tokens: int | None,
    answer_tokens: int | None = None,
) -> Forecast:
    """What is still to be paid.

    Args:
        max_tokens: None: the model's own most counts, where the price list tells it.
        answer_tokens: the mean length of an answer, if the caller knows; a measurement goes first.
    """
    longest = max_tokens or (prices.answer_tokens_max if prices else None)
    rows = evidence.rows_to_ask
    prompt = _prompt(evidence)
    completion = _completion(evidence, longest, answer_tokens)
    share = _charged_share(evidence.measured, prices)
    money = _Money(None, None, None, None)
    if prices is not None:
        longest_tokens = max(evidence.text_bytes, default=0) + UNSEEN_PROMPT_TOKENS
        usual = _of_list(prices.at(prompt.mean), share)
        money = _priced(rows, prompt, completion, usual, longest)
        dearest = _of_list(prices.at(longest_tokens), share)
        most = _priced(rows, prompt, completion, dearest, longest).most
        money = money._replace(most=most)
    elif (each := _mean_charge(evidence.measured)) is not None:
        money = _Money(round(rows * each), None, None, None)
    return Forecast(
        prompt=prompt,
        completion=completion,
        prompt_tokens=round(rows * prompt.mean),
        completion_tokens=round(rows * completion.mean) if completion else None,
        cost_nano_usd=money.cost,
        margin_nano_usd=money.margin,
        least_nano_usd=money.least,
        most_nano_usd=money.most,
        charged_share=share,
    )


class _Money(NamedTuple):
    cost: int | None
    margin: int | None
    least: int | None
    most: int | None


def _of_list(prices: TokenPrices, share: float | None) -> tuple[float, float]:
    """Nano-dollars for a token in and a token out, as they are really charged."""
    factor = (1.0 if share is None else share) / TOKENS_A_PRICE
    return prices.input_nano_usd * factor, prices.output_nano_usd * factor


def _priced(
    rows: int,
    prompt: Quantity,
    completion: Quantity | None,
    prices: tuple[float, float],
    longest: int | None,
) -> _Money:
    into, out = rows * prices[0], rows * prices[1]
    cost = margin = None
    if completion is not None:
        cost = round(into * prompt.mean + out * completion.mean)
        if prompt.error is not None and completion.error is not None:
            margin = round(DEVIATIONS * hypot(into * prompt.error, out * completion.error))
    most = None if longest is None else round(into * prompt.most + out * longest)
    return _Money(cost, margin, round(into * prompt.mean + out), most)


def _prompt(evidence: Evidence) -> Quantity:
    sizes = evidence.text_bytes or [one.text_bytes for one in evidence.measured]
    size = fmean(sizes) if sizes else 0.0
    is_all_read = evidence.rows_read >= evidence.rows_open
    size_error = 0.0 if is_all_read or not size else _error_of(sizes) / size
    if any(one.prompt_tokens for one in evidence.measured):
        return _prompt_measured(evidence.measured, size, size_error)
    if evidence.answers:
        mean = evidence.answers_prompt_tokens / evidence.answers
        method = f"measured: the mean of {evidence.answers:,} answers"
        return Quantity(mean=mean, most=2 * mean, error=None, method=method)
    mean = size / BYTES_A_TOKEN + FRAME_TOKENS
    most = size * (1 + DEVIATIONS * size_error) / BYTES_A_TOKEN_LEAST + FRAME_TOKENS
    method = f"assumed: a token for {BYTES_A_TOKEN} bytes, and {FRAME_TOKENS} a message"
    return Quantity(mean=mean, most=most, error=None, method=method)


def _prompt_measured(measured: Sequence[AnsweredRow], size: float, size_error: float) -> Quantity:
    """By the tokens a byte of answers that are there; their own error and that of the sizes add."""
    ratio = sum(one.prompt_tokens for one in measured) / sum(one.text_bytes for one in measured)
    off = [one.prompt_tokens - ratio * one.text_bytes for one in measured]
    tokens = fmean(one.prompt_tokens for one in measured)
    error = hypot(size_error, _error_of(off) / tokens)
    return Quantity(
        mean=ratio * size,
        most=ratio * size * (1 + DEVIATIONS * error),
        error=ratio * size * error if len(measured) >= ANSWERS_FEW else None,
        method=f"measured: {1 / ratio:.2f} bytes a token in {len(measured):,} answers",
    )


def _completion(evidence: Evidence, longest: int | None, told: int | None) -> Quantity | None:
    if evidence.answers:
        mean = evidence.answers_completion_tokens / evidence.answers
        lengths = [one.completion_tokens for one in evidence.measured]
        error = _error_of(lengths) if len(lengths) >= ANSWERS_FEW else None
        method = f"measured: the mean of {evidence.answers:,} answers"
        return Quantity(mean=mean, most=longest or mean, error=error, method=method)
    if told is not None:
        return Quantity(mean=told, most=longest or told, error=None, method="as you told")
    if longest is None:
        return None
    method = f"assumed: half of the most that an answer may have, {longest:,}"
    return Quantity(mean=ANSWER_SHARE * longest, most=longest, error=None, method=method)


def _charged_share(measured: Sequence[AnsweredRow], prices: TokenPrices | None) -> float | None:
    """A discount, or a dearer kind of token, shows in what was charged."""
    told = [one for one in measured if one.cost_nano_usd is not None]
    if prices is None or not told:
        return None
    listed = 0
    for one in told:
        each = prices.at(one.prompt_tokens)
        listed += one.prompt_tokens * each.input_nano_usd
        listed += one.completion_tokens * each.output_nano_usd
    charged = sum(one.cost_nano_usd or 0 for one in told)
    return charged * TOKENS_A_PRICE / listed if listed else None


def _mean_charge(measured: Sequence[AnsweredRow]) -> float | None:
    charges = [one.cost_nano_usd for one in measured if one.cost_nano_usd is not None]
    return fmean(charges) if charges else None


def _error_of(values: Sequence[float]) -> float:
    """The standard error of a mean."""
    return stdev(values) / sqrt(len(values)) if len(values) > 1 else 0.0
