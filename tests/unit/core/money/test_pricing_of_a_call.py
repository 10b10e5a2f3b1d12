"""The most that a call may cost, from the price list's figures."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.money.pricing import (
    UNSEEN_PROMPT_TOKENS,
    PriceStep,
    TokenPrices,
    nano_usd_from_usd,
)

SONNET = TokenPrices(
    input_nano_usd=3_900_000_000, output_nano_usd=19_500_000_000, answer_tokens_max=64_000
)


def test_call_costs_a_token_per_byte_and_longest_answer() -> None:
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


STEPPED = TokenPrices(
    input_nano_usd=1_000_000_000,
    output_nano_usd=5_000_000_000,
    steps=(
        PriceStep(prompt_tokens=100_000, input_nano_usd=2 * 10**9, output_nano_usd=10**10),
        PriceStep(prompt_tokens=500_000, input_nano_usd=3 * 10**9, output_nano_usd=7 * 10**9),
    ),
)


def test_the_dearest_step_that_a_prompt_reaches_counts() -> None:
    found = [
        (prices.input_nano_usd // 10**9, prices.output_nano_usd // 10**9)
        for prices in map(STEPPED.prices_at, (0, 99_999, 100_000, 499_999, 500_000))
    ]
    assert found == [(1, 5), (1, 5), (2, 10), (2, 10), (3, 10)]


def test_the_longest_request_decides_the_step() -> None:
    price = STEPPED.call_price("m", 1000)
    assert price is not None
    many = price.most_nano_usd(calls=100, body_bytes=200_000, longest_bytes=2_000)
    assert many == (200_000 + 100 * UNSEEN_PROMPT_TOKENS) * 1_000 + 100 * 1000 * 5_000
    one = price.most_nano_usd(calls=1, body_bytes=200_000)
    assert one == (200_000 + UNSEEN_PROMPT_TOKENS) * 2_000 + 1000 * 10_000
    assert price.is_more_expensive(200_000, 2_000)
    assert not price.is_more_expensive(99_000, 2_000)


@given(st.integers(0, 10**6), st.integers(0, 1000))
def test_no_call_costs_more_than_its_bound(prompt_tokens: int, answer_tokens: int) -> None:
    """A request has at least as many bytes as tokens, but for those that stand in none."""
    price = STEPPED.call_price("m", 1000)
    assert price is not None
    body_bytes = max(0, prompt_tokens - UNSEEN_PROMPT_TOKENS)
    real = STEPPED.prices_at(prompt_tokens)
    cost = prompt_tokens * real.input_nano_usd + answer_tokens * real.output_nano_usd
    assert cost <= price.most_nano_usd(calls=1, body_bytes=body_bytes) * 10**6


CACHED = replace(SONNET, read_nano_usd=195_000_000, written_nano_usd=5_000_000_000)


def test_reads_save_and_writes_cost() -> None:
    assert SONNET.cache_saving_nano_usd(cached_tokens=1_000, written_tokens=0) == 3_510_000
    assert SONNET.cache_saving_nano_usd(cached_tokens=0, written_tokens=1_000) == -975_000
    assert CACHED.cache_saving_nano_usd(cached_tokens=1_000, written_tokens=1_000) == 2_605_000


def test_a_marked_call_may_write_its_head() -> None:
    plain, marked = SONNET.call_price("m", 10), SONNET.call_price("m", 10, head_bytes=800)
    assert plain is not None
    assert marked is not None
    surcharge = marked.most_nano_usd(calls=3, body_bytes=3_000) - plain.most_nano_usd(
        calls=3, body_bytes=3_000
    )
    assert surcharge == 3 * 800 * 975
    assert marked.rewritten_nano_usd(1_000) == 1_000 * (4_875 - 390)


def test_a_write_in_a_long_prompt_costs_the_step() -> None:
    prices = replace(STEPPED, written_nano_usd=STEPPED.input_nano_usd)
    plain, marked = prices.call_price("m", 10), prices.call_price("m", 10, head_bytes=800)
    assert plain is not None
    assert marked is not None
    size = STEPPED.steps[0].prompt_tokens
    surcharge = marked.most_nano_usd(calls=1, body_bytes=size) - plain.most_nano_usd(
        calls=1, body_bytes=size
    )
    assert surcharge * 4_000_000 == 800 * STEPPED.steps[0].input_nano_usd
