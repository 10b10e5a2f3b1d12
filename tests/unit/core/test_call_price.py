"""The most that a call may cost, from the price list's figures."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.pricing import (
    UNSEEN_PROMPT_TOKENS,
    TokenPrices,
    nano_usd_from_usd,
)

SONNET = TokenPrices(
    input_nano_usd=3_900_000_000, output_nano_usd=19_500_000_000, answer_tokens_max=64_000
)


def test_a_call_costs_a_token_for_each_byte_asked_and_all_that_may_be_answered() -> None:
    price = SONNET.call_price("m", 1024)
    assert price is not None
    prompt = (2_000 + UNSEEN_PROMPT_TOKENS) * 3_900
    assert price.most_nano_usd(calls=1, body_bytes=2_000) == prompt + 1024 * 19_500
    assert price.prompt_nano_usd(2_000) == 2_000 * 3_900


def test_without_max_tokens_the_models_own_most_counts() -> None:
    price = SONNET.call_price("m", None)
    assert price is not None
    assert price.answer_tokens_max == 64_000


def test_without_any_most_there_is_no_bound() -> None:
    endless = TokenPrices(input_nano_usd=1, output_nano_usd=1)
    assert endless.call_price("m", None) is None
    assert endless.call_price("m", 5) is not None


@given(bodies=st.lists(st.integers(0, 10**6), min_size=1, max_size=20), cents=st.integers(1, 10**4))
def test_calls_together_cost_what_they_cost_one_by_one(bodies: list[int], cents: int) -> None:
    nano_usd = nano_usd_from_usd(cents / 100)
    assert nano_usd is not None
    prices = TokenPrices(input_nano_usd=nano_usd, output_nano_usd=5 * nano_usd)
    price = prices.call_price("m", 1000)
    assert price is not None
    alone = sum(price.most_nano_usd(calls=1, body_bytes=size) for size in bodies)
    together = price.most_nano_usd(calls=len(bodies), body_bytes=sum(bodies))
    assert together <= alone < together + 2 * len(bodies) + 2  # rounded up once, or for each
