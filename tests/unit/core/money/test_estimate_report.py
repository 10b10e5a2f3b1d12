"""What a person reads before a bill is approved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.core.money.estimate import EstimateBasis, forecast_cost
from airflow_provider_aimlapi.core.money.estimate_report import Estimate, Funds
from tests.unit.core.money.test_estimate import PRICES, UNMEASURED, answers, measured

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.money.pricing import TokenPrices

USD = 1_000_000_000


def estimate(
    basis: EstimateBasis = UNMEASURED,
    funds: Funds | None = None,
    prices: TokenPrices | None = PRICES,
    max_tokens: int | None = 200,
) -> Estimate:
    return Estimate(
        run_key="k" * 32,
        model="some/model",
        is_published=False,
        basis=basis,
        forecast=forecast_cost(basis, prices, max_tokens=max_tokens),
        prices=prices,
        funds=funds or Funds(),
        sample_rows=0,
        sample_nano_usd=0,
    )


def sampled(funds: Funds | None = None) -> Estimate:
    basis = replace(measured(answers(30, 40, 50, 40, 40)), paid_nano_usd=8_000_000)
    return replace(estimate(basis, funds), sample_rows=5, sample_nano_usd=8_000_000)


def test_guess_is_shown_as_a_range_with_assumptions() -> None:
    assert estimate(funds=Funds(balance_nano_usd=123_450_000_000)).in_words() == (
        "About 2.55 USD (from 0.766800 USD to at most 4.89 USD) for 900 rows; balance 123.45 USD. "
        "Nothing was measured: 187,200 tokens are assumed for prompts (assumed: a token for 3.5 "
        "bytes, and 8 a message), 90,000 for answers (assumed: half of the most that an answer "
        "may have, 200). A paid sample, sample_rows=20, would measure them."
    )


def test_measured_estimate_shows_its_margin_and_sample_cost() -> None:
    assert sampled(Funds(balance_nano_usd=50 * USD)).in_words() == (
        "About 1.34 USD, give or take 0.113210 USD (at most 4.21 USD) for 895 rows of 1,000 "
        "(5 are decided, 0.008000 USD paid); balance 50.00 USD. A sample of 5 rows was sent for "
        "0.008000 USD; the run does not pay for it again."
    )


@pytest.mark.parametrize(
    ("funds", "sentence"),
    [
        (
            Funds(balance_nano_usd=USD),
            "The balance, 1.00 USD, does not cover it: top up by 0.342500 USD.",
        ),
        (Funds(balance_nano_usd=1_400_000_000), "The balance, 1.40 USD, may not cover it."),
        (
            Funds(key_left_nano_usd=USD, key_period="month"),
            "the key's limit this month, 1.00 USD, does not cover it: raise the limit by 0.342500 USD.",
        ),
        (
            Funds(budget_left_nano_usd=USD),
            "What is left of max_cost_usd, 1.00 USD, does not cover it: raise it by 0.342500 USD.",
        ),
    ],
)
def test_insufficient_funds_are_named_with_the_fix(funds: Funds, sentence: str) -> None:
    found = sampled(funds)
    assert found.in_words().endswith(sentence)
    assert found.is_affordable is ("may not" in sentence)


def test_enough_of_everything_needs_no_words() -> None:
    plenty = Funds(
        balance_nano_usd=9 * USD, key_left_nano_usd=9 * USD, budget_left_nano_usd=9 * USD
    )
    found = sampled(plenty)
    assert "cover" not in found.in_words()
    assert found.is_affordable is True


def test_what_is_wrong_with_the_account_is_said_last() -> None:
    assert sampled(Funds(remarks=("The key is disabled.",))).in_words().endswith("is disabled.")


def test_an_unknown_price_is_no_price_of_zero() -> None:
    found = estimate(prices=None)
    assert found.in_words().startswith("An unknown amount for 900 rows.")
    assert "No price per token is known for some/model." in found.in_words()
    assert "max_cost_usd" not in found.in_words()
    assert found.is_affordable is None
    assert found.summary()["cost_usd"] is None


def test_budget_without_a_price_bounds_no_call() -> None:
    budget = Funds(budget_left_nano_usd=10**9)
    unpriced = estimate(prices=None, funds=budget).in_words()
    assert "nothing limits the cost of a call" in unpriced
    assert "may exceed max_cost_usd" in unpriced
    assert "nothing bounds" not in estimate(funds=budget).in_words()


def test_an_answer_of_unknown_length_asks_for_max_tokens() -> None:
    found = estimate(prices=replace(PRICES, answer_tokens_max=None), max_tokens=None)
    assert "set max_tokens, or run a paid sample" in found.in_words()
    assert found.summary()["completion_tokens"] is None


def test_a_discount_is_told() -> None:
    basis = measured(answers(*[40] * 6, cost=800_000))
    assert (
        "Answers were charged 0.50 times the price of the price list." in estimate(basis).in_words()
    )


def test_a_published_run_costs_nothing_more() -> None:
    published = replace(estimate(), is_published=True)
    assert published.in_words().startswith("Nothing is left to pay: run kkkk")


def test_the_summary_is_small_and_plain() -> None:
    summary = sampled(Funds(balance_nano_usd=50 * USD)).summary()
    assert all(isinstance(value, str | int | float | None) for value in summary.values())
    assert summary["cost_usd"] == pytest.approx(1.3425)
    assert summary["rows_to_ask"] == 895
    assert summary["sample_usd"] == 0.008
    assert summary["input_usd_per_million_tokens"] == 4.0
    assert summary["balance_usd"] == 50.0
