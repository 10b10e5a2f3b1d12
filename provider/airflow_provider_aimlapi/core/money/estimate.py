"""The probable cost of a run, computed from what was read, measured and quoted. Pure.

Claude's tokenizer is not public. So tokens are measured if the run has answers to measure, and
otherwise assumed by the two constants below. An estimate reports which of the two was done.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, sqrt
from statistics import fmean, stdev
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_aimlapi.core.marks.head_cache import CHECKED_ANSWERS, MARKED_ROWS_MIN
from airflow_provider_aimlapi.core.money.pricing import TOKENS_A_PRICE, UNSEEN_PROMPT_TOKENS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.core.money.pricing import TokenPrices

BYTES_A_TOKEN = 3.5
"""For English text, as Anthropic's documentation advises. Code and other scripts have fewer."""
BYTES_A_TOKEN_LEAST = 2.0
"""For the highest possible cost, while nothing is measured."""
FRAME_TOKENS = 8
"""The tokens that a message adds to its texts, assumed while nothing is measured."""
ANSWER_SHARE = 0.5
"""The assumed length of an answer as a part of `max_tokens`, while nothing is measured."""
ANSWERS_FEW = 5
"""With fewer answers there is a mean, but no useful standard error."""
DEVIATIONS = 2.0
"""The margin in standard errors: 19 of 20 estimates are within it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredRow:
    """A row that was read and has a paid answer.

    Attributes:
        text_bytes: of its prompt and system text.
        cost_nano_usd: None if the API did not report it.
    """

    text_bytes: int
    prompt_tokens: int
    completion_tokens: int
    cost_nano_usd: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateBasis:
    """The facts about a run before it starts, or continues.

    Attributes:
        rows: all rows of the run.
        rows_decided: rows that earlier attempts decided, null rows included.
        rows_open: rows of shards without a durable part. Rows were read from these shards.
        known_open: open rows that the journal decides.
        asked_again: rejected rows of durable parts that will be sent again.
        rows_read: open rows that were read.
        nulls: read rows that will be skipped.
        unreadable: read rows that will be rejected without a call.
        reusable: read rows that will take the answer of an earlier run.
        reusable_nano_usd: what those runs have paid for these answers.
        duplicates: read rows that will take the answer to another row that was read.
        text_bytes: prompt and system text of each row that was read and is not decided yet.
        measured: rows that were read and have an answer.
        answers, answers_prompt_tokens, answers_completion_tokens: of all kept answers, read or not.
        paid_nano_usd: the cost of the run so far.
    """

    rows: int
    rows_decided: int
    rows_open: int
    known_open: int
    asked_again: int
    rows_read: int
    nulls: int
    unreadable: int
    reusable: int
    reusable_nano_usd: int
    duplicates: int
    text_bytes: Sequence[int]
    measured: Sequence[AnsweredRow]
    answers: int
    answers_prompt_tokens: int
    answers_completion_tokens: int
    paid_nano_usd: int

    @property
    def rows_to_skip(self) -> int:
        """The rows that will be skipped, projected from the rows that were read."""
        return round(self.rows_open * self.nulls / self.rows_read) if self.rows_read else 0

    @property
    def rows_to_reuse(self) -> int:
        """The rows that will take the answer of an earlier run, projected in the same way."""
        return round(self.rows_open * self.reusable / self.rows_read) if self.rows_read else 0

    @property
    def saved_nano_usd(self) -> int:
        """What earlier runs have paid for these answers, projected in the same way."""
        if not self.rows_read:
            return 0
        return round(self.rows_open * self.reusable_nano_usd / self.rows_read)

    @property
    def rows_to_repeat(self) -> int:
        """The rows that will take the answer to another row, projected in the same way.

        There may be more, because rows that were not read may repeat each other as well.
        """
        return round(self.rows_open * self.duplicates / self.rows_read) if self.rows_read else 0

    @property
    def rows_to_ask(self) -> int:
        """The rows that will be sent, projected from the rows that were read."""
        if not self.rows_read:
            return self.asked_again
        others = self.nulls + self.unreadable + self.reusable + self.duplicates
        askable = 1 - others / self.rows_read
        return max(0, round(self.rows_open * askable) - self.known_open) + self.asked_again


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A mean per row, and how it was obtained.

    Attributes:
        most: the largest value of a row.
        error: the standard error of the mean; None if nothing was measured.
    """

    mean: float
    most: float
    error: float | None
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The tokens and the cost that are still ahead of a run; None if no price is known.

    Attributes:
        completion: None if nothing limits the length of an answer.
        cost_nano_usd: the expected cost.
        margin_nano_usd: its uncertainty; None if that is not known.
        least_nano_usd: the cost if all answers were as short as possible, and the prompt cache saved
            as much as possible.
        most_nano_usd: the cost if all answers were as long as possible.
        charged_share: the charges of measured answers, divided by their price.
        cache_saving_nano_usd: what the prompt cache may save of the cost; 0 without a long head, and
            if answers were measured, because their charges contain it.
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
    cache_saving_nano_usd: int = 0


def forecast_cost(
    basis: EstimateBasis,
    prices: TokenPrices | None,
    *,
    max_tokens: int | None,
    answer_tokens: int | None = None,
    head_bytes: int = 0,
    in_flight: int = 0,
) -> Forecast:
    """Return what is still to be paid.

    Args:
        max_tokens: None: the model's own maximum, if the price list states it.
        answer_tokens: the mean length of an answer, if the caller knows it. A measurement
            takes precedence.
        head_bytes: the part of each request that will be marked for the prompt cache.
        in_flight: the most calls in flight, which may all be marked when marks are dropped.
    """
    longest = max_tokens or (prices.answer_tokens_max if prices else None)
    rows = basis.rows_to_ask
    prompt = _prompt_tokens(basis)
    completion = _completion_tokens(basis, longest, answer_tokens)
    share = _charged_share(basis.measured, prices)
    saving = _cache_saving(rows, prices, 0 if basis.answers else head_bytes)
    money = _Money(None, None, None, None)
    # The expected cost uses the prices at the mean length, the highest cost those at the longest
    # row. Without a price list, measured charges give a mean, but neither a margin nor bounds.
    if prices is not None:
        longest_tokens = max(basis.text_bytes, default=0) + UNSEEN_PROMPT_TOKENS
        usual = _of_list(prices.prices_at(prompt.mean), share)
        money = _price_of_rows(rows, prompt, completion, usual, longest)
        highest = _of_list(prices.prices_at(longest_tokens), share)
        most = _price_of_rows(rows, prompt, completion, highest, longest).most
        writes = min(rows, CHECKED_ANSWERS + in_flight)
        money = _with_cache(money._replace(most=most), writes, prices, head_bytes, saving)
    elif (each := _mean_charge(basis.measured)) is not None:
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
        cache_saving_nano_usd=saving,
    )


class _Money(NamedTuple):
    cost: int | None
    margin: int | None
    least: int | None
    most: int | None


def _with_cache(
    money: _Money, writes_max: int, prices: TokenPrices, head_bytes: int, saving: int
) -> _Money:
    """Return the amounts with the surcharge of writing the head: once, or until marks are dropped.

    The lowest amount contains the saving.

    Args:
        writes_max: the most calls that write the head.
    """
    if money.cost is None or money.least is None or money.most is None:
        return money
    if writes_max < MARKED_ROWS_MIN:
        return money

    def surcharge(writes: int, bytes_a_token: float) -> int:
        written = round(writes * head_bytes / bytes_a_token)
        return max(0, -prices.cache_saving_nano_usd(cached_tokens=0, written_tokens=written))

    return money._replace(
        cost=money.cost + surcharge(1, BYTES_A_TOKEN),
        least=max(0, money.least - saving),
        most=money.most + surcharge(writes_max, BYTES_A_TOKEN_LEAST),
    )


def _cache_saving(rows: int, prices: TokenPrices | None, head_bytes: int) -> int:
    """Return what is saved if one row writes the head and the others read it."""
    if prices is None or rows < MARKED_ROWS_MIN or not head_bytes:
        return 0
    tokens = round(head_bytes / BYTES_A_TOKEN)
    return prices.cache_saving_nano_usd(cached_tokens=(rows - 1) * tokens, written_tokens=tokens)


def _of_list(prices: TokenPrices, share: float | None) -> tuple[float, float]:
    """Return the nano-dollars per token of prompt and of answer, as they are really charged."""
    factor = (1.0 if share is None else share) / TOKENS_A_PRICE
    return prices.input_nano_usd * factor, prices.output_nano_usd * factor


def _price_of_rows(
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
    # At least one token of an answer is charged, and at most `longest` of them.
    most = None if longest is None else round(into * prompt.most + out * longest)
    return _Money(cost, margin, round(into * prompt.mean + out), most)


def _prompt_tokens(basis: EstimateBasis) -> Quantity:
    sizes = basis.text_bytes or [one.text_bytes for one in basis.measured]
    size = fmean(sizes) if sizes else 0.0
    # With every row read, the mean size is exact, and only the tokens per byte are uncertain.
    is_all_read = basis.rows_read >= basis.rows_open
    size_error = 0.0 if is_all_read or not size else _error_of(sizes) / size
    # 1. Rows that were read have answers: tokens per byte, times the size of the open rows.
    # 2. Only other rows have answers: their mean, which says nothing about the open rows' size.
    # 3. No answer: the two constants.
    if any(one.prompt_tokens for one in basis.measured):
        return _prompt_measured(basis.measured, size, size_error)
    if basis.answers:
        mean = basis.answers_prompt_tokens / basis.answers
        method = f"measured: the mean of {basis.answers:,} answers"
        return Quantity(mean=mean, most=2 * mean, error=None, method=method)
    mean = size / BYTES_A_TOKEN + FRAME_TOKENS
    most = size * (1 + DEVIATIONS * size_error) / BYTES_A_TOKEN_LEAST + FRAME_TOKENS
    method = f"assumed: a token for {BYTES_A_TOKEN} bytes, and {FRAME_TOKENS} a message"
    return Quantity(mean=mean, most=most, error=None, method=method)


def _prompt_measured(measured: Sequence[AnsweredRow], size: float, size_error: float) -> Quantity:
    """Return the prompt's tokens by the measured tokens per byte. The two errors add up."""
    ratio = sum(one.prompt_tokens for one in measured) / sum(one.text_bytes for one in measured)
    off = [one.prompt_tokens - ratio * one.text_bytes for one in measured]
    tokens = fmean(one.prompt_tokens for one in measured)
    # The errors are independent, so their squares add up.
    error = hypot(size_error, _error_of(off) / tokens)
    return Quantity(
        mean=ratio * size,
        most=ratio * size * (1 + DEVIATIONS * error),
        error=ratio * size * error if len(measured) >= ANSWERS_FEW else None,
        method=f"measured: {1 / ratio:.2f} bytes a token in {len(measured):,} answers",
    )


def _completion_tokens(
    basis: EstimateBasis, longest: int | None, expected: int | None
) -> Quantity | None:
    if basis.answers:
        mean = basis.answers_completion_tokens / basis.answers
        lengths = [one.completion_tokens for one in basis.measured]
        error = _error_of(lengths) if len(lengths) >= ANSWERS_FEW else None
        method = f"measured: the mean of {basis.answers:,} answers"
        return Quantity(mean=mean, most=longest or mean, error=error, method=method)
    if expected is not None:
        return Quantity(
            mean=expected, most=longest or expected, error=None, method="as set in answer_tokens"
        )
    if longest is None:
        return None
    method = f"assumed: half of the most that an answer may have, {longest:,}"
    return Quantity(mean=ANSWER_SHARE * longest, most=longest, error=None, method=method)


def _charged_share(measured: Sequence[AnsweredRow], prices: TokenPrices | None) -> float | None:
    """Return charges divided by prices, which shows a discount or a more expensive kind of token."""
    expected = [one for one in measured if one.cost_nano_usd is not None]
    if prices is None or not expected:
        return None
    listed = 0
    for one in expected:
        each = prices.prices_at(one.prompt_tokens)
        listed += one.prompt_tokens * each.input_nano_usd
        listed += one.completion_tokens * each.output_nano_usd
    charged = sum(one.cost_nano_usd or 0 for one in expected)
    return charged * TOKENS_A_PRICE / listed if listed else None


def _mean_charge(measured: Sequence[AnsweredRow]) -> float | None:
    charges = [one.cost_nano_usd for one in measured if one.cost_nano_usd is not None]
    return fmean(charges) if charges else None


def _error_of(values: Sequence[float]) -> float:
    """Return the standard error of a mean."""
    return stdev(values) / sqrt(len(values)) if len(values) > 1 else 0.0
