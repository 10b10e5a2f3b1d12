"""What a call cost: from the header, else from `meta.usage`, else unknown. Never guessed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.api.messages.wire import decode_answer
from tests.contract.samples import COST_NANO_USD, answer, documented

UNKNOWN = None
USD = 1_000_000_000


def cost(meta: dict[str, Any] | None = None, **headers: str) -> int | None:
    return decode_answer(answer(documented(meta=meta), **headers)).cost_nano_usd


@pytest.mark.parametrize(
    ("headers", "meta", "expected"),
    [
        ({"credits_used": "10421"}, None, COST_NANO_USD),
        ({"usd_spent": "0.005210500"}, None, COST_NANO_USD),
        ({"credits_used": "10421", "usd_spent": "0.005210500"}, None, COST_NANO_USD),
        ({}, {"credits_used": 10421}, COST_NANO_USD),
        ({}, {"credits_used": 10421, "usd_spent": 0.0052105}, COST_NANO_USD),
        ({}, {"usd_spent": 0.0052105}, COST_NANO_USD),
        ({"credits_used": "2000000"}, None, USD),
        ({"usd_spent": "0.001240000"}, None, 1_240_000),
        ({"usd_spent": "0.000000001"}, None, 1),
        ({"credits_used": "1"}, None, 500),
        ({}, {"credits_used": 120000, "usd_spent": 0.06}, 60_000_000),
    ],
)
def test_the_cost_as_the_api_told_it(headers, meta, expected):
    assert cost(meta and {"usage": meta}, **headers) == expected


@pytest.mark.parametrize("headers", [{"credits_used": "2000"}, {"usd_spent": "0.001"}])
def test_the_header_has_precedence_over_the_body(headers):
    body = {"usage": {"credits_used": 10421, "usd_spent": 0.0052105}}
    assert cost(body, **headers) == 1_000_000


@pytest.mark.parametrize("headers", [{"credits_used": "0"}, {"usd_spent": "0.000000000"}])
def test_nothing_charged_is_known_and_not_unknown(headers):
    assert cost(None, **headers) == 0
    assert cost({"usage": {"credits_used": 10421}}, **headers) == 0
    assert cost({"usage": {"credits_used": 0}}) == 0


@pytest.mark.parametrize("nonsense", ["", "n/a", "NaN", "Infinity", "-5", "1e999", "9e999999"])
@pytest.mark.parametrize("header", ["credits_used", "usd_spent"])
def test_header_that_is_no_amount_is_ignored(header, nonsense):
    assert cost(None, **{header: nonsense}) is UNKNOWN
    assert cost({"usage": {"credits_used": 10421}}, **{header: nonsense}) == COST_NANO_USD


@pytest.mark.parametrize(
    "meta",
    [
        None,
        {},
        {"usage": None},
        {"usage": {}},
        {"usage": {"credits_used": None, "usd_spent": None}},
        {"usage": {"credits_used": "a lot"}},
        {"usage": {"credits_used": -1}},
        {"usage": {"credits_used": True}},
        {"usage": [10421]},
    ],
)
def test_unreported_cost_is_unknown_even_with_known_tokens(meta):
    assert cost(meta) is UNKNOWN


def test_meta_may_be_missing_altogether():
    body = documented()
    del body["meta"]
    assert decode_answer(answer(body)).cost_nano_usd is UNKNOWN


@given(st.integers(0, 2 * 10**12))
def test_credits_are_exact_to_the_nano_dollar(credits_used):
    assert cost(None, credits_used=str(credits_used)) == credits_used * 500
    assert cost({"usage": {"credits_used": credits_used}}) == credits_used * 500


@given(st.integers(0, 1000 * USD))
def test_dollars_in_header_are_exact_to_the_nano_dollar(nano_usd):
    text = f"{nano_usd // USD}.{nano_usd % USD:09d}"
    assert cost(None, usd_spent=text) == nano_usd
