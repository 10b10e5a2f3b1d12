from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.money.budget import Budget, part_of_budget
from airflow_provider_aimlapi.core.money.pricing import (
    UNSEEN_PROMPT_TOKENS,
    CallPrice,
    PriceStep,
    TokenPrices,
)

if TYPE_CHECKING:
    from collections.abc import Callable

CHARGE = st.integers(0, 1000)
TOKEN = 1_000_000  # one nano-dollar a token
UNSEEN = UNSEEN_PROMPT_TOKENS


def price(*, answer_tokens_max: int = 1000) -> CallPrice:
    """A nano-dollar for a token of the prompt, ten for one of the answer."""
    prices = TokenPrices(input_nano_usd=TOKEN, output_nano_usd=10 * TOKEN)
    return CallPrice(model="a-model", prices=prices, answer_tokens_max=answer_tokens_max)


def admit_as_many_as_allowed(budget: Budget, body_bytes: int = 0) -> int:
    admitted = 0
    while admitted < 10_000 and budget.allows_call(body_bytes):
        budget.reserve_for_call(body_bytes)
        admitted += 1
    return admitted


def test_without_a_limit_everything_is_allowed() -> None:
    budget = Budget()
    budget.add_charge(10**15)
    budget.add_charge(None)
    assert admit_as_many_as_allowed(budget) == 10_000
    assert budget.charged_nano_usd == 10**15


@given(limit=st.integers(1, 10_000), charges=st.lists(CHARGE, min_size=1))
def test_calls_up_to_the_largest_cost_stay_within_limit(limit, charges):
    budget = Budget(budget_nano_usd=limit)
    for charge in charges:
        budget.add_charge(charge)
    if budget.largest_nano_usd == 0:
        return
    in_flight = admit_as_many_as_allowed(budget)
    spent = sum(charges) + in_flight * max(charges)
    assert in_flight == 0 or spent <= limit
    is_held_back = in_flight == len(charges) + 1  # as many as costs are known, and one
    assert is_held_back or spent + max(charges) > limit  # and not one call less than fits


@given(
    limit=st.integers(1, 5000),
    most=st.integers(1, 100),
    width=st.integers(1, 20),
    seed=st.integers(),
)
def test_overshoot_without_prices_is_what_was_in_flight(limit, most, width, seed):
    """Workers fill up to `width` calls; each costs up to `most`, and ends in any order."""
    random = Random(seed)  # noqa: S311  # a seeded order of events
    budget = Budget(budget_nano_usd=limit)
    spend_all(budget, width=width, costs=lambda: random.randint(1, most))
    assert limit - most < budget.charged_nano_usd <= limit + width * most


def spend_all(budget: Budget, *, width: int, costs: Callable[[], int], body_bytes: int = 0) -> None:
    """Fill up to `width` calls, end one, and again, until nothing more is allowed."""
    while True:
        while budget.in_flight < width and budget.allows_call(body_bytes):
            budget.reserve_for_call(body_bytes)
        if budget.in_flight == 0:
            break
        budget.add_charge(costs(), body_bytes=body_bytes)
        budget.release_reservation(body_bytes)
    assert not budget.allows_call(body_bytes)


@given(
    cost=st.integers(1, 2000),
    calls=st.integers(1, 200),
    width=st.integers(1, 64),
    body_bytes=st.integers(0, 3000),
)
def test_equal_calls_with_prices_nearly_use_up_the_limit(cost, calls, width, body_bytes):
    """They never pass it, and leave less than one call."""
    limit = price().most_nano_usd(calls=1, body_bytes=body_bytes) + calls * cost
    budget = Budget(budget_nano_usd=limit, price=price())
    spend_all(budget, width=width, costs=lambda: cost, body_bytes=body_bytes)
    assert limit - cost < budget.charged_nano_usd <= limit


@given(limit=st.integers(20_000, 10**6), width=st.integers(1, 64), seed=st.integers())
def test_with_prices_limit_is_passed_by_less_than_without(limit, width, seed):
    """The first calls, of which nothing is known, cannot pass it, whatever each of them costs."""
    random = Random(seed)  # noqa: S311  # a seeded order of events
    most = price().most_nano_usd(calls=1, body_bytes=0)
    budget = Budget(budget_nano_usd=limit, price=price())
    first = min(width, admit_as_many_as_allowed(budget))
    assert first * most <= limit
    budget = Budget(budget_nano_usd=limit, price=price())
    spend_all(budget, width=width, costs=lambda: random.randint(1, most))
    assert limit - most < budget.charged_nano_usd <= limit + width * most


def test_first_calls_reserve_the_price_lists_most() -> None:
    most = 100 + UNSEEN + 10 * 1000
    assert price().most_nano_usd(calls=1, body_bytes=100) == most
    assert admit_as_many_as_allowed(Budget(budget_nano_usd=3 * most, price=price()), 100) == 3
    assert admit_as_many_as_allowed(Budget(budget_nano_usd=3 * most - 1, price=price()), 100) == 2


def test_calls_in_flight_reserve_less_after_as_many_costs() -> None:
    most = price().most_nano_usd(calls=1, body_bytes=0)
    budget = Budget(budget_nano_usd=2 * most, price=price())
    assert admit_as_many_as_allowed(budget) == 2
    budget.add_charge(10)
    budget.release_reservation()
    assert not budget.allows_call()  # one answer says too little of two calls
    budget.add_charge(10)
    budget.release_reservation()
    budget.reserve_for_call()
    assert budget.allows_call()
    budget.reserve_for_call()
    assert not budget.allows_call()  # two say too little of three


def test_request_longer_than_all_before_reserves_its_further_bytes() -> None:
    budget = Budget(budget_nano_usd=1000, price=price())
    budget.add_charge(100, body_bytes=50)
    assert budget.allows_call(50 + 800)
    assert not budget.allows_call(50 + 801)


def test_most_expensive_answer_raises_reservations_in_flight() -> None:
    budget = Budget(budget_nano_usd=1000)
    for charge in (100, 0, 0, 0):
        budget.add_charge(charge)
        budget.reserve_for_call()
    assert budget.allows_call()
    budget.add_charge(200)
    budget.release_reservation()
    assert not budget.allows_call()  # 300 charged, three in flight at 200 each


def test_a_charge_above_the_price_list_is_believed() -> None:
    most = price().most_nano_usd(calls=1, body_bytes=0)
    budget = Budget(budget_nano_usd=10 * most, price=price())
    budget.add_charge(4 * most)
    assert admit_as_many_as_allowed(budget) == 1


def test_lost_answers_stay_reserved_at_the_real_cost() -> None:
    most = price().most_nano_usd(calls=1, body_bytes=0)
    budget = Budget(budget_nano_usd=2 * most, price=price())
    budget.keep_possible_cost()
    assert admit_as_many_as_allowed(budget) == 1
    budget.keep_possible_cost()
    budget.release_reservation()
    assert not budget.allows_call()
    assert "2 lost answers may have cost" in budget.why_exhausted()
    budget.add_charge(most // 10)
    assert budget.allows_call()  # 3 tenths of one are gone or aside


@given(limit=st.integers(0, 10_000), cost=st.integers(1, 100), rows=st.integers(1, 300))
def test_calls_of_one_known_price_never_pass_the_limit(limit, cost, rows):
    budget = Budget(budget_nano_usd=limit)
    budget.add_charge(cost)
    for _ in range(rows):
        if budget.allows_call():
            budget.add_charge(cost)
    assert budget.charged_nano_usd <= max(limit, cost)


def test_an_answer_without_its_cost_ends_a_limited_run() -> None:
    budget = Budget(budget_nano_usd=10**12)
    assert budget.allows_call()
    budget.add_charge(None)
    assert not budget.allows_call()
    assert "without reporting the charge" in budget.why_exhausted()
    assert "max_cost_usd" in budget.why_exhausted()


def test_what_earlier_attempts_paid_counts() -> None:
    budget = Budget(budget_nano_usd=1000)
    budget.charge_part(900, answers=9, unknown=0)
    assert budget.charged_nano_usd == 900
    assert budget.largest_nano_usd == 100
    assert admit_as_many_as_allowed(budget) == 1


def test_mean_of_a_part_counts_as_one_answer() -> None:
    most = price().most_nano_usd(calls=1, body_bytes=0)
    budget = Budget(budget_nano_usd=900 + most, price=price())
    budget.charge_part(900, answers=9, unknown=0)
    assert admit_as_many_as_allowed(budget) == 1  # a second would have to fit at its most


def test_part_with_unknown_costs_ends_a_limited_run() -> None:
    """Its mean comes from the known costs."""
    budget = Budget(budget_nano_usd=10_000)
    budget.charge_part(900, answers=10, unknown=1)
    assert budget.largest_nano_usd == 100
    assert not budget.allows_call()


@pytest.mark.parametrize(("answers", "unknown"), [(0, 0), (3, 3)])
def test_part_without_known_costs_sets_no_price(answers: int, unknown: int) -> None:
    budget = Budget()
    budget.charge_part(0, answers=answers, unknown=unknown)
    assert (budget.charged_nano_usd, budget.largest_nano_usd, budget.charges) == (0, 0, 0)


@given(parts=st.lists(st.tuples(CHARGE, st.integers(1, 9))), charges=st.lists(CHARGE))
def test_the_sum_of_all_charges_is_exact(parts, charges):
    budget = Budget()
    for cost, answers in parts:
        budget.charge_part(cost, answers=answers, unknown=0)
    for charge in charges:
        budget.add_charge(charge)
    assert budget.charged_nano_usd == sum(cost for cost, _ in parts) + sum(charges)


def test_exhaustion_names_the_spent_amount_and_the_fix() -> None:
    budget = Budget(budget_nano_usd=5_000_000_000)
    budget.add_charge(4_990_000_000)
    words = budget.why_exhausted()
    assert "4.99 USD of max_cost_usd=5.00 USD" in words
    assert "the next row may cost 4.99 USD" in words
    assert words.startswith("Raise max_cost_usd ")


def test_budget_below_one_call_names_its_price() -> None:
    """It also says that nothing was spent."""
    budget = Budget(budget_nano_usd=10_000, price=price())
    words = budget.why_exhausted(2_000)
    assert "max_cost_usd=0.000010 USD cannot pay for one call of a-model" in words
    assert "2,000 bytes" in words
    assert "1,000 tokens" in words
    assert "0.000013 USD by the price list. Nothing was spent." in words
    assert "lower max_tokens" in words


@given(
    limit=st.integers(0, 10**12),
    shares=st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(0, 10**12)), min_size=1, max_size=64
    ),
)
def test_parts_by_rows_never_exceed_the_budget(limit, shares):
    rows, spent = [one for one, _ in shares], [paid for _, paid in shares]
    parts = [part_of_budget(limit, share, rows=rows, spent=spent) for share in range(len(shares))]
    assert sum(max(part, paid) for part, paid in zip(parts, spent, strict=True)) <= max(
        limit, sum(spent)
    )


@given(
    limit=st.integers(1, 10**6),
    shares=st.lists(st.tuples(st.integers(1, 100), st.integers(0, 10**6)), min_size=2, max_size=8),
    seed=st.integers(),
)
def test_parts_stay_while_shares_spend_them(limit, shares, seed):
    """A share that looks while others have spent some of their parts finds the same part."""
    random = Random(seed)  # noqa: S311  # a seeded order of events
    rows, spent = [one for one, _ in shares], [paid for _, paid in shares]
    parts = [part_of_budget(limit, share, rows=rows, spent=spent) for share in range(len(shares))]
    later = [random.randint(paid, max(paid, part)) for paid, part in zip(spent, parts, strict=True)]
    for share, part in enumerate(parts):
        assert part_of_budget(limit, share, rows=rows, spent=later) == part


@pytest.mark.parametrize(
    ("rows", "spent", "parts"),
    [
        ((300, 700), (0, 0), (300, 700)),
        ((0, 0), (0, 0), (0, 0)),
        ((500, 500), (900, 0), (900, 100)),
        ((500, 250, 250), (0, 600, 0), (267, 600, 133)),
        ((1, 1), (1_000, 1_000), (1_000, 1_000)),
    ],
)
def test_part_of_a_budget_goes_by_rows(
    rows: tuple[int, ...], spent: tuple[int, ...], parts: tuple[int, ...]
) -> None:
    found = [part_of_budget(1_000, share, rows=rows, spent=spent) for share in range(len(rows))]
    assert tuple(found) == parts


@pytest.mark.parametrize("price_list", [None, price()])
@pytest.mark.parametrize("spent", [[], [0], [10], [7, 3, 5]])
def test_budget_of_which_nothing_is_left_allows_no_call(
    price_list: CallPrice | None, spent: list[int]
) -> None:
    budget = Budget(budget_nano_usd=sum(spent), price=price_list)
    for charge in spent:
        budget.add_charge(charge)
    assert not budget.allows_call()


@given(answered=st.integers(0, 40))
def test_unknown_price_allows_one_more_call_than_answers(answered):
    budget = Budget(budget_nano_usd=10**12)
    for _ in range(answered):
        budget.add_charge(1)
    assert admit_as_many_as_allowed(budget) == answered + 1


def test_unknown_price_never_makes_one_dollar_twenty() -> None:
    """256 calls of 0.08 USD would go out at once, if nothing were known of the first."""
    cost, limit = 80_000_000, 1_000_000_000
    for shares in (1, 2, 5, 12, 64):
        spent = 0
        for _ in range(shares):
            part = part_of_budget(limit, 0, rows=[1] * shares, spent=[0] * shares)
            budget = Budget(budget_nano_usd=part)
            spend_all(budget, width=256, costs=lambda: cost)
            spent += budget.charged_nano_usd
        assert spent <= max(limit, shares * cost)


def test_exhausted_share_names_its_part_and_the_whole_run() -> None:
    budget = Budget(budget_nano_usd=250_000_000, whole_nano_usd=10**9)
    budget.add_charge(200_000_000)
    text = budget.why_exhausted()
    assert "0.200000 USD of 0.250000 USD (this share's part of max_cost_usd=1.00 USD)" in text
    assert "The task of the whole run sends the rows that are left" in text
    budget = Budget(budget_nano_usd=250, whole_nano_usd=10**9, price=price())
    assert (
        "0.000000 USD (this share's part of max_cost_usd=1.00 USD) cannot" in budget.why_exhausted()
    )


def stepped() -> CallPrice:
    """As `price`, and ten times as much from 10,000 tokens of a prompt on."""
    step = PriceStep(prompt_tokens=10_000, input_nano_usd=10 * TOKEN, output_nano_usd=100 * TOKEN)
    prices = TokenPrices(input_nano_usd=TOKEN, output_nano_usd=10 * TOKEN, steps=(step,))
    return CallPrice(model="a-model", prices=prices, answer_tokens_max=1000)


def test_short_requests_together_reach_no_step() -> None:
    budget = Budget(budget_nano_usd=2 * (1_000 + UNSEEN + 10_000) * 50, price=stepped())
    assert admit_as_many_as_allowed(budget, body_bytes=1_000) == 100


def allows_at(budget: Budget, limit: int, body_bytes: int) -> bool:
    budget.budget_nano_usd = limit
    return budget.allows_call(body_bytes)


DEAR = (20_000 + UNSEEN) * 10 + 100_000


def test_request_that_reaches_a_step_reserves_its_price() -> None:
    budget = Budget(price=stepped())
    assert not allows_at(budget, DEAR - 1, 20_000)
    assert allows_at(budget, DEAR, 20_000)
    budget.add_charge(100, body_bytes=1_000)  # an answer to a short request says nothing of it
    assert not allows_at(budget, DEAR + 99, 20_000)
    assert allows_at(budget, DEAR + 100, 20_000)
    budget.add_charge(1_000, body_bytes=20_000)
    assert allows_at(budget, 100 + 2 * 1_000, 20_000)


def test_short_requests_are_cheap_after_the_long_one_ended() -> None:
    budget = Budget(price=stepped())
    budget.add_charge(100, body_bytes=1_000)
    assert allows_at(budget, 200, 1_000)
    budget.reserve_for_call(20_000)
    assert not allows_at(budget, DEAR, 1_000)
    budget.release_reservation(20_000)
    assert allows_at(budget, 200, 1_000)
    budget.keep_possible_cost(20_000)
    assert budget.committed_nano_usd() == 100 + DEAR


def test_a_cached_charge_counts_as_a_write() -> None:
    """The next call may find the cache empty, and write the same tokens."""
    budget = Budget(budget_nano_usd=10**9, price=price())
    budget.add_charge(300, body_bytes=4_000, cached_tokens=1_000)
    assert budget.charged_nano_usd == 300
    assert budget.largest_nano_usd == 300 + 1_150  # 1.25 less 0.1 for each token
