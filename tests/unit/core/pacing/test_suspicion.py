"""Refusals that a limit hardly explains."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_aimlapi.core.pacing.episode import Seen, Sent
from airflow_provider_aimlapi.core.pacing.reach import Reach
from airflow_provider_aimlapi.core.pacing.suspicion import (
    CALLS_MAX,
    EPISODES,
    EPISODES_DENSE,
    Surprise,
    Suspicion,
)
from airflow_provider_aimlapi.core.pacing.window import Window, open_window


def window_at(level: float, *, is_climbing: bool = False) -> Window:
    height = Reach(height=level, step=1.0, hold_s=5.0, doubling_s=0.25)
    return replace(open_window(256), level=height.aged_by(6.0) if is_climbing else height)


def met(
    suspicion: Suspicion, number: int, throttled: int, level: int, *, is_climbing: bool = False
) -> Surprise | None:
    sent = Sent(number=number, at_s=number / 100, level=level, is_full=True, is_beyond=False)
    seen = Seen(
        now_s=number / 100 + 0.06,
        in_flight=level,
        admitted=number + 6,
        throttled=throttled,
        sent_per_s=100.0,
    )
    return suspicion.count_episode(window_at(level, is_climbing=is_climbing), sent, seen)


def runs(*, gap: int, falls_by: int = 2, refused_each: int = 1, episodes: int = 40) -> int | None:
    """How many episodes come until noise is suspected."""
    suspicion = Suspicion()
    for count in range(episodes):
        level = max(1, 50 - falls_by * count)
        if met(suspicion, 100 + gap * count, 1 + refused_each * count, level) is not None:
            return count + 1
    return None


def test_even_refusals_of_accepted_loads_are_suspected() -> None:
    assert runs(gap=20) == EPISODES


def test_dense_refusals_need_twice_as_many() -> None:
    assert runs(gap=10, falls_by=1) == EPISODES_DENSE


@pytest.mark.parametrize(
    "story",
    [
        {"gap": CALLS_MAX // (EPISODES - 1) + 1},
        {"gap": 20, "falls_by": 0},
        {"gap": 20, "refused_each": 6},
        {"gap": 3, "falls_by": 1},
    ],
    ids=["touches of a known limit", "the load stays", "bursts", "a limit far below"],
)
def test_what_a_limit_explains_is_not_suspected(story: dict[str, int]) -> None:
    assert runs(**story) is None


def test_refusals_of_more_than_is_known_are_no_surprise() -> None:
    suspicion = Suspicion()
    found = [met(suspicion, 100 + 20 * n, n, 50 - n, is_climbing=True) for n in range(20)]
    assert found == [None] * 20
    assert suspicion.last == ()


def test_half_of_an_accepted_load_refused_is_a_surprise() -> None:
    suspicion = Suspicion()
    met(suspicion, 100, 1, 50)
    met(suspicion, 120, 2, 20, is_climbing=True)
    assert [one.number for one in suspicion.last] == [100, 120]


def test_a_suspicion_says_where_the_noise_began() -> None:
    suspicion, found = Suspicion(), None
    for count in range(EPISODES):
        found = met(suspicion, 100 + 20 * count, 1 + count, 50 - 3 * count)
    assert found == Surprise(number=100, throttled=1, others=0)
