"""An estimate as a small summary, and as sentences for the person who approves the bill. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.money.pricing import usd_from_nano_usd
from airflow_provider_aimlapi.core.texts.wording import format_usd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.core.money.estimate import EstimateBasis, Forecast
    from airflow_provider_aimlapi.core.money.pricing import TokenPrices

# A smaller difference may be rounding. A larger one is a discount or a surcharge.
SHARE_WORTH_SAYING = 0.02
_PERIODS = {"day": "today", "week": "this week", "month": "this month"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """The funds of a run. None: not known.

    Attributes:
        balance_nano_usd: of the account.
        key_limit_nano_usd: the key's limit in `key_period` (day, week, month, no_reset).
        key_left_nano_usd: the most that is left of the key's limit.
        budget_left_nano_usd: the rest of `max_cost_usd`, less the payments of earlier attempts.
        remarks: sentences about the account that a person should see.
    """

    balance_nano_usd: int | None = None
    key_limit_nano_usd: int | None = None
    key_period: str | None = None
    key_left_nano_usd: int | None = None
    budget_left_nano_usd: int | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A run's bill before it is paid, as far as it is known.

    Attributes:
        run_key: of the estimated run.
        is_published: whether the run is paid for already.
        sample_rows: rows that were sent for this estimate.
        sample_nano_usd: their cost, which is a part of `basis.paid_nano_usd`.
    """

    run_key: str
    model: str
    is_published: bool
    basis: EstimateBasis
    forecast: Forecast
    prices: TokenPrices | None
    funds: Funds
    sample_rows: int
    sample_nano_usd: int

    @property
    def is_affordable(self) -> bool | None:
        """Whether the funds cover the expected cost; None if that is not known."""
        cost = self.forecast.cost_nano_usd
        if cost is None:
            return None
        return all(left >= cost for _, left, _ in _limits_of_spending(self.funds))

    def summary(self) -> dict[str, str | int | float | bool | None]:
        """Return the value for XCom: small, whatever the data."""
        basis, forecast, funds = self.basis, self.forecast, self.funds
        completion, prices = forecast.completion, self.prices
        return {
            "words": self.in_words(),
            "run_key": self.run_key,
            "model": self.model,
            "rows": basis.rows,
            "rows_to_ask": basis.rows_to_ask,
            "rows_decided": basis.rows_decided,
            "rows_to_skip": basis.rows_to_skip,
            "reused_answers": basis.rows_to_reuse,
            "duplicates": basis.rows_to_repeat,
            "saved_usd": usd_from_nano_usd(basis.saved_nano_usd + self._saved_again()),
            "rows_read": basis.rows_read,
            "sample_rows": self.sample_rows,
            "sample_usd": usd_from_nano_usd(self.sample_nano_usd),
            "paid_usd": usd_from_nano_usd(basis.paid_nano_usd),
            "prompt_tokens": forecast.prompt_tokens,
            "prompt_tokens_method": forecast.prompt.method,
            "completion_tokens": forecast.completion_tokens,
            "completion_tokens_method": completion.method if completion else None,
            "cost_usd": _usd_or_none(forecast.cost_nano_usd),
            "cost_usd_margin": _usd_or_none(forecast.margin_nano_usd),
            "cost_usd_least": _usd_or_none(forecast.least_nano_usd),
            "cost_usd_most": _usd_or_none(forecast.most_nano_usd),
            "is_affordable": self.is_affordable,
            "balance_usd": _usd_or_none(funds.balance_nano_usd),
            "key_limit_usd": _usd_or_none(funds.key_limit_nano_usd),
            "key_limit_period": funds.key_period,
            "key_left_usd": _usd_or_none(funds.key_left_nano_usd),
            "budget_left_usd": _usd_or_none(funds.budget_left_nano_usd),
            "input_usd_per_million_tokens": _usd_or_none(prices.input_nano_usd) if prices else None,
            "output_usd_per_million_tokens": _usd_or_none(prices.output_nano_usd)
            if prices
            else None,
            "charged_share_of_price": forecast.charged_share,
        }

    def in_words(self) -> str:
        """Return a text such as "About 12.40 USD (at most 61.20 USD) for 100,000 rows; …"."""
        if self.is_published:
            return (
                f"Nothing is left to pay: run {self.run_key} is published, and its "
                f"{self.basis.rows:,} rows are paid for."
            )
        return " ".join(
            (
                self._words_of_bill(),
                *self._savings(),
                *self._caveats_of_figure(),
                *self._shortages_of_funds(),
                *self.funds.remarks,
            )
        )

    def _words_of_bill(self) -> str:
        basis = self.basis
        rows = f"for {_counted_noun(basis.rows_to_ask, 'row')}"
        if basis.rows_decided:
            paid = format_usd(basis.paid_nano_usd)
            rows += f" of {basis.rows:,} ({basis.rows_decided:,} are decided, {paid} paid)"
        balance = ""
        if self.funds.balance_nano_usd is not None:
            balance = f"; balance {format_usd(self.funds.balance_nano_usd)}"
        return f"{self._words_of_money()} {rows}{balance}."

    def _words_of_money(self) -> str:
        forecast = self.forecast
        if forecast.cost_nano_usd is None:
            return "An unknown amount"
        words = f"About {format_usd(forecast.cost_nano_usd)}"
        if forecast.margin_nano_usd is not None:
            words += f", give or take {format_usd(forecast.margin_nano_usd)}"
        if forecast.most_nano_usd is None:
            return words
        if not self._is_measured and forecast.least_nano_usd is not None:
            least = format_usd(forecast.least_nano_usd)
            return f"{words} (from {least} to at most {format_usd(forecast.most_nano_usd)})"
        return f"{words} (at most {format_usd(forecast.most_nano_usd)})"

    @property
    def _is_measured(self) -> bool:
        return self.basis.answers > 0

    def _saved_again(self) -> int:
        """Return what duplicates would probably cost if each was sent, in nano-dollars."""
        each = (self.forecast.cost_nano_usd or 0) / max(1, self.basis.rows_to_ask)
        return round(each * self.basis.rows_to_repeat)

    def _savings(self) -> Iterator[str]:
        """Yield why rows need no call."""
        basis = self.basis
        if basis.rows_to_reuse:
            rows, saved = (
                _counted_noun(basis.rows_to_reuse, "row"),
                format_usd(basis.saved_nano_usd),
            )
            yield f"Earlier runs have answers to {rows}, which saves {saved}."
        if basis.rows_to_repeat:
            rows, saved = (
                _counted_noun(basis.rows_to_repeat, "row"),
                format_usd(self._saved_again()),
            )
            yield f"For {rows}, another row makes the same request, which saves {saved}."

    def _caveats_of_figure(self) -> Iterator[str]:
        """Yield the reasons why the figure may be wrong."""
        basis, forecast = self.basis, self.forecast
        if forecast.cache_saving_nano_usd > 0:
            saved = format_usd(forecast.cache_saving_nano_usd)
            yield f"The prompt cache may save up to {saved} of that."
        if self.sample_rows:
            cost = format_usd(self.sample_nano_usd)
            asked = _counted_noun(self.sample_rows, "row")
            yield f"A sample of {asked} was sent for {cost}; the run does not pay for it again."
        if forecast.completion is None:
            yield (
                f"Nothing limits the length of an answer of {self.model}: set max_tokens, or run "
                f"a paid sample with sample_rows."
            )
        elif basis.rows_to_ask and not self._is_measured:
            yield (
                f"Nothing was measured: {forecast.prompt_tokens:,} tokens are assumed for prompts "
                f"({forecast.prompt.method}), {forecast.completion_tokens:,} for answers "
                f"({forecast.completion.method}). A paid sample, sample_rows=20, would measure them."
            )
        if self.prices is None:
            yield f"No price per token is known for {self.model}."
        if self.funds.budget_left_nano_usd is not None and forecast.most_nano_usd is None:
            yield (
                "So nothing limits the cost of a call: the first call is sent alone, and a call that "
                "costs more than all before it may exceed max_cost_usd."
            )
        share = forecast.charged_share
        if share is not None and abs(share - 1) > SHARE_WORTH_SAYING:
            yield f"Answers were charged {share:.2f} times the price of the price list."

    def _shortages_of_funds(self) -> Iterator[str]:
        """Yield a sentence for each kind of funds that does not cover the bill, with the fix."""
        cost = self.forecast.cost_nano_usd
        if cost is None or not self.basis.rows_to_ask:
            return
        margin = self.forecast.margin_nano_usd
        # Without a measured margin, the funds are compared with the highest cost.
        likely_most = cost + margin if margin is not None else self.forecast.most_nano_usd or cost
        for what, left, advice in _limits_of_spending(self.funds):
            if left < cost:
                missing = format_usd(cost - left)
                yield f"{what}, {format_usd(left)}, does not cover it: {advice} by {missing}."
            elif left < likely_most:
                yield f"{what}, {format_usd(left)}, may not cover it."


def _limits_of_spending(funds: Funds) -> Iterator[tuple[str, int, str]]:
    """Yield the limits of spending: the name, the rest, and how to raise it."""
    if funds.balance_nano_usd is not None:
        yield "The balance", funds.balance_nano_usd, "top up"
    if funds.key_left_nano_usd is not None:
        span = _PERIODS.get(funds.key_period or "")
        name = "What is left of the key's limit" + (f" {span}" if span else "")
        yield name, funds.key_left_nano_usd, "raise the limit"
    if funds.budget_left_nano_usd is not None:
        yield "What is left of max_cost_usd", funds.budget_left_nano_usd, "raise it"


def _counted_noun(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _usd_or_none(nano_usd: int | None) -> float | None:
    return None if nano_usd is None else usd_from_nano_usd(nano_usd)
