"""What a run will cost, from what was read, measured and quoted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_aimlapi.core.money.estimate import AnsweredRow, EstimateBasis, forecast_cost
from airflow_provider_aimlapi.core.money.pricing import PriceStep, TokenPrices

PRICES = TokenPrices(
    input_nano_usd=4_000_000_000, output_nano_usd=20_000_000_000, answer_tokens_max=64_000
)
UNMEASURED = EstimateBasis(
    rows=1_000,
    rows_decided=0,
    rows_open=1_000,
    known_open=0,
    asked_again=0,
    rows_read=100,
    nulls=10,
    unreadable=0,
    reusable=0,
    reusable_nano_usd=0,
    duplicates=0,
    text_bytes=[700] * 90,
    measured=(),
    answers=0,
    answers_prompt_tokens=0,
    answers_completion_tokens=0,
    paid_nano_usd=0,
)


def answers(*lengths: int, size: int = 800, cost: int | None = None) -> list[AnsweredRow]:
    """Rows of a token for four bytes, whose answers have these lengths."""
    return [
        AnsweredRow(
            text_bytes=size, prompt_tokens=size // 4, completion_tokens=tokens, cost_nano_usd=cost
        )
        for tokens in lengths
    ]


def measured(found: list[AnsweredRow]) -> EstimateBasis:
    return replace(
        UNMEASURED,
        measured=found,
        known_open=len(found),
        rows_decided=len(found),
        answers=len(found),
        answers_prompt_tokens=sum(one.prompt_tokens for one in found),
        answers_completion_tokens=sum(one.completion_tokens for one in found),
    )


def test_rows_with_null_are_expected_where_none_were_read() -> None:
    assert UNMEASURED.rows_to_ask == 900
    assert UNMEASURED.rows_to_skip == 100
    assert replace(UNMEASURED, unreadable=10).rows_to_ask == 800


def test_reusable_rows_are_projected_and_not_sent() -> None:
    basis = replace(UNMEASURED, reusable=30, reusable_nano_usd=600)
    assert (basis.rows_to_reuse, basis.saved_nano_usd) == (300, 6_000)
    assert basis.rows_to_ask == UNMEASURED.rows_to_ask - 300


def test_duplicates_are_projected_and_not_sent() -> None:
    basis = replace(UNMEASURED, duplicates=30)
    assert basis.rows_to_repeat == 300
    assert basis.rows_to_ask == UNMEASURED.rows_to_ask - 300


def test_estimate_sends_only_undecided_rows_and_rejected_ones() -> None:
    """Rows that the journal decides are left out. Rejected rows of parts are not."""
    basis = replace(UNMEASURED, rows_open=500, known_open=50, asked_again=7)
    assert basis.rows_to_ask == 450 - 50 + 7
    assert replace(basis, rows_open=0, rows_read=0).rows_to_ask == 7


def test_unmeasured_estimate_is_a_range_by_answer_length() -> None:
    found = forecast_cost(UNMEASURED, PRICES, max_tokens=200)
    assert found.prompt_tokens == 900 * (200 + 8)
    assert found.completion_tokens == 900 * 100
    assert found.cost_nano_usd == 900 * (208 * 4_000 + 100 * 20_000)
    assert found.least_nano_usd == 900 * (208 * 4_000 + 20_000)
    assert found.most_nano_usd == 900 * ((350 + 8) * 4_000 + 200 * 20_000)
    assert found.margin_nano_usd is None
    assert found.prompt.method.startswith("assumed: a token for 3.5 bytes")
    assert found.completion is not None
    assert found.completion.method == "assumed: half of the most that an answer may have, 200"


def test_answers_that_are_there_replace_both_assumptions() -> None:
    found = forecast_cost(measured(answers(30, 40, 50, 40, 40)), PRICES, max_tokens=200)
    assert found.prompt_tokens == 895 * 175
    assert found.completion_tokens == 895 * 40
    assert found.cost_nano_usd == 895 * (175 * 4_000 + 40 * 20_000)
    assert found.prompt.method == "measured: 4.00 bytes a token in 5 answers"
    assert found.margin_nano_usd is not None
    error = 50**0.5 / 5**0.5  # of 30, 40, 50, 40, 40
    assert found.margin_nano_usd == pytest.approx(895 * 2 * error * 20_000, rel=0.01)
    assert found.most_nano_usd == 895 * (175 * 4_000 + 200 * 20_000)


def test_a_handful_of_answers_gives_no_margin() -> None:
    assert forecast_cost(measured(answers(30, 50)), PRICES, max_tokens=200).margin_nano_usd is None


def test_different_sizes_widen_the_margin_unless_all_were_read() -> None:
    rough = replace(measured(answers(*[40] * 20)), text_bytes=[100, 1300] * 45)
    found = forecast_cost(rough, PRICES, max_tokens=200)
    assert found.margin_nano_usd == pytest.approx(900 * 2 * (600 / 90**0.5 / 4) * 4_000, rel=0.05)
    exact = forecast_cost(replace(rough, rows_open=100), PRICES, max_tokens=200)
    assert exact.margin_nano_usd == 0


def test_what_answers_were_charged_counts_more_than_the_list() -> None:
    listed = 200 * 4_000 + 40 * 20_000
    found = forecast_cost(measured(answers(*[40] * 6, cost=listed // 2)), PRICES, max_tokens=200)
    assert found.charged_share == pytest.approx(0.5)
    assert found.cost_nano_usd == 894 * (175 * 4_000 + 40 * 20_000) // 2


def test_charges_are_the_only_measure_without_a_price_list() -> None:
    assert forecast_cost(UNMEASURED, None, max_tokens=200).cost_nano_usd is None
    found = forecast_cost(measured(answers(40, 40, cost=3_000)), None, max_tokens=200)
    assert found.cost_nano_usd == 898 * 3_000
    assert found.most_nano_usd is None


def test_answers_in_parts_alone_tell_their_mean() -> None:
    basis = replace(
        UNMEASURED, answers=10, answers_prompt_tokens=2_000, answers_completion_tokens=500
    )
    found = forecast_cost(basis, PRICES, max_tokens=200)
    assert (found.prompt_tokens, found.completion_tokens) == (900 * 200, 900 * 50)
    assert found.prompt.method == "measured: the mean of 10 answers"


def test_length_that_caller_knows_goes_before_the_assumption_only() -> None:
    found = forecast_cost(UNMEASURED, PRICES, max_tokens=200, answer_tokens=30)
    assert found.completion_tokens == 900 * 30
    found = forecast_cost(measured(answers(40, 40)), PRICES, max_tokens=200, answer_tokens=30)
    assert found.completion_tokens == 898 * 40


def test_models_longest_answer_counts_without_max_tokens() -> None:
    """Without that, the length is unknown."""
    assert forecast_cost(UNMEASURED, PRICES, max_tokens=None).completion_tokens == 900 * 32_000
    silent = replace(PRICES, answer_tokens_max=None)
    found = forecast_cost(UNMEASURED, silent, max_tokens=None)
    assert (found.completion, found.cost_nano_usd, found.most_nano_usd) == (None, None, None)
    assert found.least_nano_usd


def test_an_input_without_rows_costs_nothing() -> None:
    empty = replace(UNMEASURED, rows=0, rows_open=0, rows_read=0, nulls=0, text_bytes=[])
    assert forecast_cost(empty, PRICES, max_tokens=200).cost_nano_usd == 0


def test_a_dearer_step_counts_where_prompts_reach_it() -> None:
    step = PriceStep(prompt_tokens=100_000, input_nano_usd=8 * 10**9, output_nano_usd=40 * 10**9)
    stepped = replace(PRICES, steps=(step,))
    few_long = replace(UNMEASURED, text_bytes=[700] * 89 + [200_000])
    plain = forecast_cost(few_long, PRICES, max_tokens=1_000)
    dearer = forecast_cost(few_long, stepped, max_tokens=1_000)
    assert dearer.cost_nano_usd == plain.cost_nano_usd
    assert dearer.most_nano_usd == 2 * (plain.most_nano_usd or 0)
    assert forecast_cost(UNMEASURED, stepped, max_tokens=1_000) == forecast_cost(
        UNMEASURED, PRICES, max_tokens=1_000
    )


HEAD_BYTES = 7_000
HEAD_TOKENS = 2_000
"""By 3.5 bytes a token; 3,500 by the two that the highest cost assumes."""


def test_a_marked_head_is_written_once() -> None:
    plain = forecast_cost(UNMEASURED, PRICES, max_tokens=100)
    marked = forecast_cost(UNMEASURED, PRICES, max_tokens=100, head_bytes=HEAD_BYTES)
    assert plain.cost_nano_usd is not None
    assert marked.cost_nano_usd == plain.cost_nano_usd + HEAD_TOKENS * 1_000
    saved = 899 * HEAD_TOKENS * 3_600 - HEAD_TOKENS * 1_000
    assert (plain.cache_saving_nano_usd, marked.cache_saving_nano_usd) == (0, saved)
    assert plain.least_nano_usd is not None
    assert marked.least_nano_usd == max(0, plain.least_nano_usd - saved)


@pytest.mark.parametrize(
    ("rows", "in_flight", "writes"), [(1_000, 0, 200), (1_000, 16, 216), (100, 16, 90)]
)
def test_the_highest_cost_has_all_writes(rows: int, in_flight: int, writes: int) -> None:
    """Marks that bring nothing are dropped after two hundred answers."""
    basis = replace(UNMEASURED, rows=rows, rows_open=rows)
    plain = forecast_cost(basis, PRICES, max_tokens=100)
    marked = forecast_cost(
        basis, PRICES, max_tokens=100, head_bytes=HEAD_BYTES, in_flight=in_flight
    )
    assert plain.most_nano_usd is not None
    assert marked.most_nano_usd == plain.most_nano_usd + writes * 3_500 * 1_000


def test_a_single_row_is_not_marked() -> None:
    basis = replace(UNMEASURED, rows=1, rows_open=1)
    assert basis.rows_to_ask == 1
    plain = forecast_cost(basis, PRICES, max_tokens=100)
    assert forecast_cost(basis, PRICES, max_tokens=100, head_bytes=HEAD_BYTES) == plain


def test_measured_charges_hold_the_saving_already() -> None:
    found = measured(answers(50, 60, 70))
    assert (
        forecast_cost(found, PRICES, max_tokens=100, head_bytes=HEAD_BYTES).cache_saving_nano_usd
        == 0
    )


def test_an_estimate_without_prices_knows_no_surcharge() -> None:
    marked = forecast_cost(UNMEASURED, None, max_tokens=100, head_bytes=HEAD_BYTES)
    assert marked == forecast_cost(UNMEASURED, None, max_tokens=100)
