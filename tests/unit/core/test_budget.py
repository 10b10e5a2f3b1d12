from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.budget import Budget

CHARGE = st.integers(0, 1000)


def admit_as_many_as_allowed(budget: Budget) -> int:
    in_flight = 0
    while in_flight < 10_000 and budget.allows(in_flight=in_flight):
        in_flight += 1
    return in_flight


def test_without_a_limit_everything_is_allowed() -> None:
    budget = Budget()
    budget.charge(10**15)
    budget.charge(None)
    assert budget.allows(in_flight=10_000)
    assert not budget.is_exhausted()
    assert budget.charged_nano_usd == 10**15


@given(limit=st.integers(1, 10_000), charges=st.lists(CHARGE, min_size=1))
def test_calls_as_dear_as_the_dearest_so_far_stay_within_the_limit(limit, charges):
    budget = Budget(limit_nano_usd=limit)
    for charge in charges:
        budget.charge(charge)
    if budget.largest_nano_usd == 0:
        return
    in_flight = admit_as_many_as_allowed(budget)
    assert budget.is_exhausted() == (in_flight == 0)
    spent = sum(charges) + in_flight * max(charges)
    assert in_flight == 0 or spent <= limit
    assert spent + max(charges) > limit  # and not one call less than fits


@given(
    limit=st.integers(1, 5000),
    most=st.integers(1, 100),
    width=st.integers(1, 20),
    seed=st.integers(),
)
def test_a_run_passes_its_limit_by_no_more_than_what_was_in_flight(limit, most, width, seed):
    """Workers fill up to `width` calls; each costs up to `most`, and ends in any order."""
    random = Random(seed)  # noqa: S311  # a seeded order of events
    budget = Budget(limit_nano_usd=limit)
    in_flight = 0
    while True:
        while in_flight < width and budget.allows(in_flight=in_flight):
            in_flight += 1
        if in_flight == 0:
            break
        budget.charge(random.randint(1, most))
        in_flight -= 1
    assert budget.is_exhausted()
    assert limit - most < budget.charged_nano_usd <= limit + width * most


@given(limit=st.integers(0, 10_000), cost=st.integers(1, 100), rows=st.integers(1, 300))
def test_calls_of_one_price_never_pass_the_limit_once_the_price_is_known(limit, cost, rows):
    budget = Budget(limit_nano_usd=limit)
    budget.charge(cost)
    for _ in range(rows):
        if budget.allows(in_flight=0):
            budget.charge(cost)
    assert budget.charged_nano_usd <= max(limit, cost)


def test_an_answer_without_its_cost_ends_a_limited_run() -> None:
    budget = Budget(limit_nano_usd=10**12)
    assert budget.allows(in_flight=5)
    budget.charge(None)
    assert budget.is_exhausted()
    assert "without saying what it charged" in budget.exhaustion()
    assert "max_cost_usd" in budget.exhaustion()


def test_what_earlier_attempts_paid_counts() -> None:
    budget = Budget(limit_nano_usd=1000)
    budget.charge_part(900, answers=9, unknown=0)
    assert budget.charged_nano_usd == 900
    assert budget.largest_nano_usd == 100
    assert budget.allows(in_flight=0)
    assert not budget.allows(in_flight=1)


def test_a_part_with_unknown_costs_takes_its_mean_from_the_known_and_ends_a_limited_run() -> None:
    budget = Budget(limit_nano_usd=10_000)
    budget.charge_part(900, answers=10, unknown=1)
    assert budget.largest_nano_usd == 100
    assert budget.is_exhausted()


@pytest.mark.parametrize(("answers", "unknown"), [(0, 0), (3, 3)])
def test_a_part_that_nothing_is_known_of_sets_no_price(answers: int, unknown: int) -> None:
    budget = Budget()
    budget.charge_part(0, answers=answers, unknown=unknown)
    assert (budget.charged_nano_usd, budget.largest_nano_usd) == (0, 0)


@given(parts=st.lists(st.tuples(CHARGE, st.integers(1, 9))), charges=st.lists(CHARGE))
def test_the_sum_of_all_charges_is_exact(parts, charges):
    budget = Budget()
    for cost, answers in parts:
        budget.charge_part(cost, answers=answers, unknown=0)
    for charge in charges:
        budget.charge(charge)
    assert budget.charged_nano_usd == sum(cost for cost, _ in parts) + sum(charges)


def test_exhaustion_says_what_was_spent_of_what_and_what_to_do() -> None:
    budget = Budget(limit_nano_usd=5_000_000_000)
    budget.charge(4_990_000_000)
    words = budget.exhaustion()
    assert "4.99 USD of max_cost_usd=5.00 USD" in words
    assert "raise max_cost_usd" in words
