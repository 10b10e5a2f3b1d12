from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.pacing.bound import Bound, BoundTimes, bound_sentence


def sentence(bound: Bound | None, *, throttled: int = 0) -> str:
    return bound_sentence(bound, ceiling=256, level=31.7, per_s=199.6, throttled=throttled)


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        (Bound.CEILING, "max_concurrency=256: no call was throttled. Raise it"),
        (Bound.LEVEL, "the API: about 32 calls in flight"),
        (Bound.RATE, "the API: about 199.6 calls per second"),
        (Bound.GATE, "the API: it refused every call"),
        (Bound.SOURCE, "the input"),
        (Bound.STORE, "the output's store"),
        (Bound.ALLOWANCE, "requests_per_minute"),
        (Bound.BUDGET, "max_cost_usd"),
        (None, "No call was made"),
    ],
)
def test_a_sentence_says_what_bound_the_run(bound, words):
    assert words in sentence(bound)


def test_throttling_is_not_denied_where_there_was_some() -> None:
    assert "7 calls were answered 429" in sentence(Bound.CEILING, throttled=7)


def test_refusals_are_stated_as_a_share_at_any_rate() -> None:
    words = bound_sentence(
        Bound.REFUSALS, ceiling=256, level=0.0, per_s=0.0, throttled=7, refused_share=0.0487
    )
    assert "about 4.9% of calls 429 at any rate" in words
    assert "max_concurrency=256" in words


@pytest.mark.parametrize("bound", Bound)
def test_there_is_a_sentence_for_everything(bound):
    assert sentence(bound).startswith("Bound by ")


def test_longest_reason_for_waiting_bound_the_run() -> None:
    times = BoundTimes()
    assert times.longest_bound() is None
    for bound, elapsed_s in [(Bound.LEVEL, 3.0), (Bound.SOURCE, 4.0), (Bound.LEVEL, 2.0)]:
        times.add_time(bound, elapsed_s)
    assert times.longest_bound() is Bound.LEVEL
