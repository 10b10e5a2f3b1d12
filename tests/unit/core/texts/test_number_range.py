"""One check of ranges: what fits passes, what does not is named with the range."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.texts.number_range import check_number, check_whole_number
from airflow_provider_aimlapi.errors import InvalidSpec

NO_NUMBERS = [None, True, False, "5", b"5", [5], math.nan, math.inf, -math.inf, 10**400]


@given(st.integers(-(10**6), 10**6))
def test_whole_numbers_pass_inside_their_range(value: int) -> None:
    if 1 <= value <= 10_000:
        check_whole_number("rows", value, least=1, most=10_000)
    else:
        with pytest.raises(InvalidSpec, match=r": give a whole number from 1 to 10,000\.$"):
            check_whole_number("rows", value, least=1, most=10_000)


@pytest.mark.parametrize("value", [*NO_NUMBERS[:-1], 5.0, 0])
def test_other_values_are_no_whole_numbers(value: Any) -> None:
    with pytest.raises(InvalidSpec, match=r"^rows=.*: give a whole number of at least 1\.$"):
        check_whole_number("rows", value, least=1)


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_other_values_are_no_numbers(value: Any) -> None:
    with pytest.raises(InvalidSpec, match=r": give a number above 0, and finite\.$"):
        check_number("pause_s", value, above=0)


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "span"),
    [
        ({"least": 0, "most": 1}, [0, 0.0, 0.5, 1], [-0.001, 1.001], "a number from 0 to 1."),
        ({"least": 0.5}, [0.5, 1e300], [0.49], "a number of at least 0.5."),
        ({"above": 0}, [5e-324, 1e308], [0, -1], "a number above 0, and finite."),
        (
            {"above": 0, "most": 2_678_400.0, "unit": "seconds"},
            [1, 2_678_400],
            [0, 2_678_401],
            "a number of seconds above 0 and up to 2,678,400.",
        ),
    ],
)
def test_ends_belong_to_a_range_as_stated(
    bounds: dict[str, Any], inside: list[float], outside: list[float], span: str
) -> None:
    for value in inside:
        check_number("x", value, **bounds)
    for value in outside:
        with pytest.raises(InvalidSpec) as refused:
            check_number("x", value, **bounds)
        assert str(refused.value) == f"x={value!r}: give {span}"
