from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.texts.setting_ranges import CONCURRENCY_MAX, PER_MINUTE_MAX
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import InvalidSpec

NAN = float("nan")
INF = float("inf")
NO_WHOLE_NUMBER = [0, -1, 1.0, 1.5, NAN, INF, "8", None, True, False, Decimal(3), [3]]
NO_LIMIT = [one for one in NO_WHOLE_NUMBER if one is not None]
NO_ROWS = [-1, -0.1, 1.1, 20.0, NAN, INF, "0.1", True, Decimal("0.1"), [1]]
NO_TIME = [0, 0.0, -1, -0.5, NAN, INF, -INF, 10**400, "300", True, Decimal(3), [3]]
WRONG = {
    "max_concurrency": [*NO_WHOLE_NUMBER, CONCURRENCY_MAX + 1, 10**400],
    "max_attempts": [*NO_WHOLE_NUMBER, 101],
    "requests_per_minute": [*NO_LIMIT, PER_MINUTE_MAX + 1],
    "tokens_per_minute": [*NO_LIMIT, PER_MINUTE_MAX + 1],
    "request_timeout_s": [*NO_TIME, None],
    "max_cost_usd": NO_TIME,
    "max_rejected_rows": NO_ROWS,
    "max_truncated_rows": NO_ROWS,
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_wrong_argument_is_named_with_a_correct_value(name: str, value: object) -> None:
    arguments: dict[str, Any] = {name: value}
    with pytest.raises(InvalidSpec, match=f"^{name}=.*: give a ") as caught:
        Settings(**arguments)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_concurrency", 1),
        ("max_concurrency", CONCURRENCY_MAX),
        ("max_attempts", 1),
        ("max_attempts", 100),
        ("requests_per_minute", None),
        ("requests_per_minute", 1),
        ("tokens_per_minute", PER_MINUTE_MAX),
        ("request_timeout_s", 1),
        ("request_timeout_s", 0.001),
        ("max_cost_usd", None),
        ("max_cost_usd", 1),
        ("max_cost_usd", 0.000001),
        ("max_rejected_rows", 0),
        ("max_rejected_rows", 10**9),
        ("max_rejected_rows", 0.0),
        ("max_rejected_rows", 1),
        ("max_rejected_rows", 0.999),
        ("max_rejected_rows", None),
        ("max_truncated_rows", 0),
        ("max_truncated_rows", 0.999),
        ("max_truncated_rows", None),
    ],
)
def test_what_fits_is_taken_as_it_is(name: str, value: float | None) -> None:
    arguments: dict[str, Any] = {name: value}
    assert getattr(Settings(**arguments), name) == value


def test_what_is_not_set_is_what_was_promised() -> None:
    settings = Settings()
    assert (settings.max_concurrency, settings.max_attempts) == (256, 8)
    assert settings.request_timeout_s == 300.0
    assert settings.max_cost_usd is None
    assert settings.max_rejected_rows == 0.1
    assert settings.max_truncated_rows is None


@pytest.mark.parametrize("name", ["max_rejected_rows", "max_truncated_rows"])
def test_float_of_one_is_refused_with_both_meanings(name: str) -> None:
    """`1` is one row. `1.0` would be all of them."""
    arguments: dict[str, Any] = {name: 1.0}
    with pytest.raises(InvalidSpec, match=f"^{name}=1.0: give None .* or the int 1 "):
        Settings(**arguments)


@pytest.mark.parametrize(
    ("usd", "nano_usd"),
    [(None, None), (1, 10**9), (0.1, 10**8), (25.0, 25 * 10**9), (0.000001, 1000)],
)
def test_the_budget_in_nano_dollars(usd: float | None, nano_usd: int | None) -> None:
    assert Settings(max_cost_usd=usd).budget_nano_usd == nano_usd


@pytest.mark.parametrize(
    ("allowed", "rows", "expected"),
    [
        (0, 1000, 0),
        (5, 1000, 5),
        (5, 3, 5),
        (1, 1000, 1),  # an int is a number of rows,
        (0.999, 1000, 999),  # a float a share
        (None, 1000, 1000),
        (0.0, 1000, 0),
        (0.1, 1000, 100),
        (0.1, 9, 0),
        (0.1, 10, 1),
        (0.1, 19, 1),
        (0.5, 3, 1),
        (0.1, 0, 0),
        (0.29, 100, 29),  # as people count, though 0.29 * 100 is a little less
        (0.57, 100, 57),
    ],
)
def test_how_many_rows_may_be_lost(allowed: float | None, rows: int, expected: int) -> None:
    settings = Settings(max_rejected_rows=allowed, max_truncated_rows=allowed)
    assert settings.rejections_allowed(rows) == settings.truncations_allowed(rows) == expected


@given(share=st.floats(0, 1, exclude_max=True), rows=st.integers(0, 10**6))
def test_a_share_never_allows_more_than_all_rows(share: float, rows: int) -> None:
    assert 0 <= Settings(max_rejected_rows=share).rejections_allowed(rows) <= rows


@given(rows=st.integers(0, 10**6))
def test_a_tenth_is_a_tenth(rows: int) -> None:
    assert Settings().rejections_allowed(rows) == rows // 10


def test_an_unknown_way_of_caching_is_refused() -> None:
    with pytest.raises(InvalidSpec, match='cache_prompt=True: give "auto" or "never"'):
        Settings(cache_prompt=True)  # type: ignore[arg-type]
