from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.money.pricing import (
    NANO_USD_MAX,
    NANO_USD_PER_CREDIT,
    NANO_USD_PER_USD,
    nano_usd_from_credits,
    nano_usd_from_usd,
    usd_from_nano_usd,
)

NONSENSE = [
    *("", " ", "abc", "1,000", "0x10", "1 2", "--1", "1e", "$5"),
    *("NaN", "sNaN", "-NaN", "Infinity", "-Infinity", "1e999", "9e999999", "-1e-5"),
    *(float("nan"), float("inf"), float("-inf"), -1, -0.01, 1e300, 10**400, 10**5000),
    *(Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("9e999999")),
    *(True, False, None),
]


def test_two_million_credits_are_a_dollar():
    assert nano_usd_from_credits(2_000_000) == NANO_USD_PER_USD == 1_000_000_000


@pytest.mark.parametrize(
    ("credits_used", "expected"),
    [
        (10421, 5_210_500),
        ("10421", 5_210_500),
        (10421.0, 5_210_500),
        (Decimal(10421), 5_210_500),
        (0, 0),
        ("0", 0),
        (1, 500),
        ("0.5", 250),
    ],
)
def test_credits(credits_used, expected):
    assert nano_usd_from_credits(credits_used) == expected


@pytest.mark.parametrize(
    ("usd", "expected"),
    [
        ("0.001240000", 1_240_000),
        ("0.000000001", 1),
        (1e-9, 1),
        (0.06, 60_000_000),
        (0.1 + 0.2, 300_000_000),
        ("123.45", 123_450_000_000),
        ("0", 0),
        ("1e-3", 1_000_000),
    ],
)
def test_dollars(usd, expected):
    assert nano_usd_from_usd(usd) == expected


@pytest.mark.parametrize("amount", NONSENSE, ids=lambda amount: repr(type(amount)))
@pytest.mark.parametrize("read", [nano_usd_from_credits, nano_usd_from_usd])
def test_amount_that_makes_no_sense_is_unknown(read, amount):
    assert read(amount) is None


@given(st.text())
def test_any_text_is_an_amount_or_unknown(text):
    for read in (nano_usd_from_credits, nano_usd_from_usd):
        amount = read(text)
        assert amount is None or 0 <= amount <= NANO_USD_MAX


def test_charge_of_more_than_million_dollars_is_misread_answer():
    assert nano_usd_from_usd("1000000") == NANO_USD_MAX
    assert nano_usd_from_usd("1000000.01") is None
    assert nano_usd_from_credits(NANO_USD_MAX // NANO_USD_PER_CREDIT) == NANO_USD_MAX
    assert nano_usd_from_credits(NANO_USD_MAX // NANO_USD_PER_CREDIT + 1) is None


@given(st.integers(0, NANO_USD_MAX // NANO_USD_PER_CREDIT))
def test_whole_credits_are_exact_in_every_spelling(credits_used):
    for spelling in (credits_used, str(credits_used), Decimal(credits_used)):
        assert nano_usd_from_credits(spelling) == credits_used * NANO_USD_PER_CREDIT


@given(st.integers(0, NANO_USD_MAX))
def test_nine_digit_nano_dollars_read_back_exactly(nano_usd):
    written = f"{nano_usd // NANO_USD_PER_USD}.{nano_usd % NANO_USD_PER_USD:09d}"
    assert nano_usd_from_usd(written) == nano_usd


@given(st.integers(0, 10**6 * 1000))
def test_a_small_sum_survives_being_shown_as_a_float(nano_usd):
    assert nano_usd_from_usd(usd_from_nano_usd(nano_usd)) == nano_usd


@given(st.lists(st.integers(0, 10**12)))
def test_sums_of_nano_dollars_have_no_rounding(amounts):
    read = [nano_usd_from_credits(amount) for amount in amounts]
    known = [amount for amount in read if amount is not None]
    assert sum(known) == sum(amounts) * NANO_USD_PER_CREDIT
