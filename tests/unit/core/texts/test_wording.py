"""Numbers as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.texts.wording import (
    format_age,
    format_amount,
    format_bytes,
    format_count,
    format_duration,
    format_usd,
)


@pytest.mark.parametrize(
    ("nano_usd", "expected"),
    [
        (0, "0.000000 USD"),
        (5_210_500, "0.005210 USD"),
        (999_999_000, "0.999999 USD"),
        (1_000_000_000, "1.00 USD"),
        (1_234_567_890_000, "1,234.57 USD"),
        (-2_500_000_000, "-2.50 USD"),
    ],
)
def test_dollars_show_cents_or_six_decimals(nano_usd: int, expected: str) -> None:
    assert format_usd(nano_usd) == expected


@given(st.integers(-(10**18), 10**18))
def test_dollars_are_off_by_half_a_cent(nano_usd: int) -> None:
    """A budget of a billion dollars is shown as exactly as one of a dollar: no float takes part."""
    whole, _, fraction = format_usd(nano_usd).removesuffix(" USD").replace(",", "").partition(".")
    shown = int(f"{whole}{fraction}") * 10 ** (9 - len(fraction))
    assert abs(shown - nano_usd) <= 10 ** (9 - len(fraction)) // 2


def test_amounts_name_their_currency() -> None:
    assert format_amount(1_234.5, "EUR") == "1,234.50 EUR"
    assert format_amount(0.004) == "0.00 USD"


@pytest.mark.parametrize(
    ("duration_s", "expected"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (42, "42 s"),
        (59.6, "1 min 0 s"),
        (60, "1 min 0 s"),
        (185, "3 min 5 s"),
        (3599.4, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (7800, "2 h 10 min"),
        (400_000, "111 h 6 min"),
    ],
)
def test_durations_have_two_units_at_most(duration_s: float, expected: str) -> None:
    assert format_duration(duration_s) == expected


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(-1, "0 hours"), (3.4, "3 hours"), (47, "47 hours"), (48, "2 days"), (73, "3 days")],
)
def test_ages_turn_into_days_after_two(hours: float, expected: str) -> None:
    assert format_age(hours * 3600) == expected


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_500, "1.5 kB"), (2e9, "2.0 GB"), (3.21e15, "3210.0 TB")],
)  # fmt: skip
def test_sizes_step_by_a_thousand(size_bytes: float, expected: str) -> None:
    assert format_bytes(size_bytes) == expected


def test_counts_have_their_plural() -> None:
    assert [format_count(n, "row") for n in (0, 1, 2_000)] == ["0 rows", "1 row", "2,000 rows"]
