from __future__ import annotations

import heapq
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.window import (
    PAUSE_S_MAX,
    PAUSE_S_MIN,
    START_SIZE,
    Window,
    after_accepted,
    after_throttled,
    open_window,
)


def clean_round(window: Window) -> Window:
    """As many answers as the window is wide, all of it in use."""
    epoch = window.epoch
    for _ in range(window.permits):
        window = after_accepted(window, epoch=epoch, in_flight=window.permits)
    return window


def cut(window: Window, now_s: float = 0.0) -> Window:
    return after_throttled(window, epoch=window.epoch, now_s=now_s, jitter=0.5)


EVENTS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 12), st.floats(0, 1.5), st.floats(0, 1)), max_size=300
)


@given(ceiling=st.integers(1, 10_000), events=EVENTS)
def test_whatever_comes_the_window_stays_between_one_and_its_ceiling(ceiling, events):
    window = open_window(ceiling)
    for is_accepted, age, used, jitter in events:
        epoch = max(0, window.epoch - age)
        if is_accepted:
            in_flight = int(window.permits * used)
            window = after_accepted(window, epoch=epoch, in_flight=in_flight)
        else:
            window = after_throttled(window, epoch=epoch, now_s=1.0, jitter=jitter)
        assert 1 <= window.permits <= window.size <= ceiling


@pytest.mark.parametrize("ceiling", [1, 2, 15, 16, 17, 10_000])
def test_a_run_starts_small_and_never_above_its_ceiling(ceiling):
    assert open_window(ceiling).permits == min(START_SIZE, ceiling)


def test_clean_rounds_double_the_window_until_the_ceiling() -> None:
    window = open_window(200)
    sizes = []
    for _ in range(6):
        window = clean_round(window)
        sizes.append(window.permits)
    assert sizes == [32, 64, 128, 200, 200, 200]


def test_nothing_grows_before_the_round_is_whole() -> None:
    window = open_window(256)
    for _ in range(START_SIZE - 1):
        window = after_accepted(window, epoch=0, in_flight=START_SIZE)
        assert window.permits == START_SIZE


def test_an_idle_window_does_not_grow() -> None:
    window = open_window(256)
    for _ in range(1000):
        window = after_accepted(window, epoch=0, in_flight=12)  # of 16: below 80%
    assert window.permits == START_SIZE
    assert after_accepted(window, epoch=0, in_flight=13).round_accepted == 1


def test_answers_of_an_older_epoch_prove_nothing_about_a_wider_window() -> None:
    window = clean_round(open_window(256))
    for _ in range(1000):
        window = after_accepted(window, epoch=0, in_flight=32)
    assert window.permits == 32


def test_a_throttled_attempt_cuts_by_15_percent_and_ends_the_doubling() -> None:
    window = clean_round(clean_round(open_window(1000)))
    after = cut(window)
    assert after.size == pytest.approx(window.size * 0.85)
    assert clean_round(after).size == pytest.approx(after.size * 1.02)


def test_a_small_window_grows_by_one_after_a_cut() -> None:
    window = cut(open_window(256))
    assert clean_round(window).size == pytest.approx(window.size + 1)


def test_the_throttled_attempts_of_one_episode_cut_once() -> None:
    window = clean_round(open_window(256))
    once = cut(window)
    again = once
    for epoch in range(window.epoch + 1):
        again = after_throttled(again, epoch=epoch, now_s=50.0, jitter=1.0)
    assert again == once
    assert cut(once).size == pytest.approx(once.size * 0.85)


def test_attempts_admitted_before_a_growth_but_after_the_cut_still_cut() -> None:
    grown = clean_round(cut(open_window(256)))
    after = after_throttled(grown, epoch=grown.epoch - 1, now_s=0.0, jitter=0.0)
    assert after.size == pytest.approx(grown.size * 0.85)


@given(jitter=st.floats(0, 1), now_s=st.floats(0, 1e6))
def test_a_cut_pauses_admission_for_a_moment(jitter, now_s):
    window = after_throttled(open_window(256), epoch=0, now_s=now_s, jitter=jitter)
    expected = PAUSE_S_MIN + (PAUSE_S_MAX - PAUSE_S_MIN) * jitter
    assert window.paused_until_s - now_s == pytest.approx(expected)
    assert (PAUSE_S_MIN, PAUSE_S_MAX) == (0.2, 0.6)


def test_a_window_of_one_recovers() -> None:
    window = open_window(256)
    for _ in range(100):
        window = cut(window)
    assert window.permits == 1
    for _ in range(10):
        window = clean_round(window)
    assert window.permits == 11


def drive(cap: int, calls: int, seed: int) -> tuple[list[int], list[bool]]:
    """Keep the window full against an API that answers 429 above `cap` in flight.

    Returns:
        The permits at each answer, and whether that answer was a 429, in order.
    """
    random = Random(seed)  # noqa: S311  # a seeded order of events
    window = open_window(256)
    flying: list[tuple[float, bool, int]] = []  # when it ends, whether accepted, epoch
    now_s, served = 0.0, 0
    permits: list[int] = []
    throttled: list[bool] = []
    while len(throttled) < calls:
        while len(flying) < window.permits and now_s >= window.paused_until_s:
            fits = served < cap
            served += fits
            answer_s = random.uniform(0.5, 2.0) if fits else 0.05
            heapq.heappush(flying, (now_s + answer_s, fits, window.epoch))
        if not flying:
            now_s = window.paused_until_s
            continue
        ends_s, is_accepted, epoch = flying[0]
        if now_s < window.paused_until_s < ends_s and len(flying) < window.permits:
            now_s = window.paused_until_s
            continue
        now_s = ends_s
        if is_accepted:
            window = after_accepted(window, epoch=epoch, in_flight=len(flying))
            served -= 1
        else:
            window = after_throttled(window, epoch=epoch, now_s=now_s, jitter=random.random())
        heapq.heappop(flying)
        permits.append(window.permits)
        throttled.append(not is_accepted)
    return permits, throttled


@pytest.mark.parametrize("seed", range(3))
def test_the_window_settles_near_the_apis_limit_with_few_429s(seed):
    permits, throttled = drive(cap=32, calls=8000, seed=seed)
    settled = permits[2000:]
    assert 25 <= sum(settled) / len(settled) <= 32
    assert 20 <= min(settled) <= max(settled) <= 36
    assert sum(throttled[2000:]) / len(settled) < 0.03
    assert sum(throttled) < 0.05 * len(throttled)


def test_a_limit_that_is_never_met_costs_nothing() -> None:
    permits, throttled = drive(cap=1000, calls=5000, seed=1)
    assert permits[-1] == 256
    assert not any(throttled)
