"""What stays in the prompt cache, given the time."""

from __future__ import annotations

from aimlapi_simulator.prompt_cache import KEPT_S, TOKENS_MIN, PromptCache

LONG = "s" * 4 * TOKENS_MIN


def test_a_beginning_is_known_the_second_time_for_five_minutes_from_its_last_use() -> None:
    cache = PromptCache()
    assert cache.cached_tokens("model", LONG, 0.0) == 0
    assert cache.cached_tokens("model", LONG, KEPT_S - 1) == TOKENS_MIN
    assert cache.cached_tokens("model", LONG, 2 * KEPT_S - 2) == TOKENS_MIN
    assert cache.cached_tokens("model", LONG, 3 * KEPT_S) == 0


def test_each_model_and_each_beginning_by_itself() -> None:
    cache = PromptCache()
    cache.cached_tokens("model", LONG, 0.0)
    assert cache.cached_tokens("other", LONG, 0.0) == 0
    assert cache.cached_tokens("model", LONG + "s", 0.0) == 0


def test_short_beginnings_are_not_worth_keeping() -> None:
    cache = PromptCache()
    assert [cache.cached_tokens("model", LONG[:-4], 0.0) for _ in range(2)] == [0, 0]


def test_it_does_not_grow_without_end() -> None:
    cache = PromptCache()
    for number in range(10_001):
        cache.cached_tokens(f"model-{number}", LONG, 0.0)
    assert cache.cached_tokens("model-0", LONG, 0.0) == 0
    assert cache.cached_tokens("model-10000", LONG, 0.0) == TOKENS_MIN
