"""Which 429s reach the law."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_aimlapi.core.pacing.bound import Bound
from airflow_provider_aimlapi.core.pacing.episode import Seen, Sent
from airflow_provider_aimlapi.core.pacing.law import after_throttled
from airflow_provider_aimlapi.core.pacing.noise import (
    FAILURES_MAX,
    TRIAL_CALLS,
    Mode,
    Noise,
)
from airflow_provider_aimlapi.core.pacing.reach import Reach
from airflow_provider_aimlapi.core.pacing.refusal_quota import TOKENS_MAX
from airflow_provider_aimlapi.core.pacing.window import Window, open_window

PER_S = 100.0
TRIP_S = 0.06


def window_at(level: float) -> Window:
    height = Reach(height=level, step=1.0, hold_s=5.0, doubling_s=0.25)
    return replace(open_window(256), level=height)


def refused(number: int, level: int) -> Sent:
    return Sent(number=number, at_s=number / PER_S, level=level, is_full=True, is_beyond=False)


def seen(number: int, throttled: int, level: int) -> Seen:
    return Seen(
        now_s=number / PER_S + TRIP_S,
        in_flight=level,
        admitted=number + int(TRIP_S * PER_S),
        throttled=throttled,
        sent_per_s=PER_S,
    )


def met(noise: Noise, window: Window, number: int, throttled: int, level: int) -> Window:
    sent = refused(number, level)
    return noise.after_throttled(window, sent, seen(number, throttled, level), jitter=0.5)


def in_trial() -> tuple[Noise, Window]:
    """After eight even refusals, each of a load that was accepted."""
    noise, window = Noise(256), window_at(50)
    for count in range(8):
        level = 50 - 3 * count
        window = met(
            noise, replace(window_at(level), episode=None), 100 + 20 * count, 1 + count, level
        )
    assert noise.mode is Mode.TRIAL
    return noise, window


def noisy() -> tuple[Noise, Window]:
    """After a trial in which no more was refused than before."""
    noise, window = in_trial()
    window = noise.after_time(window, admitted=450, in_flight=40)
    assert noise.mode is Mode.NOISY
    return noise, window


def test_quiet_is_the_law_itself() -> None:
    noise, window = Noise(256), window_at(50)
    for count, number in enumerate((100, 150, 900), start=1):
        sent, now = refused(number, 50), seen(number, count, 50)
        law = after_throttled(window, sent, now, jitter=0.5)
        window = noise.after_throttled(window, sent, now, jitter=0.5)
        assert window == law
    assert noise.mode is Mode.QUIET


def test_a_trial_sends_twice_as_much_and_no_more() -> None:
    _, window = in_trial()
    assert window.ceiling == 58
    assert window.level.height == 29
    assert (window.pace, window.gate.is_open) == (None, True)


def test_a_trial_fails_when_more_is_refused() -> None:
    noise, window = in_trial()
    for number in range(247, 260):
        window = met(noise, window, number, number - 238, 50)
        if noise.mode is Mode.QUIET:
            break
    assert (noise.mode, window.decision) == (Mode.QUIET, "fail:trial")
    assert window.ceiling == 256
    assert window.level.height < 50
    assert not window.gate.is_open
    assert not noise.is_proven


def test_calls_sent_in_a_failed_trial_cut_nothing() -> None:
    noise, window = in_trial()
    numbers = iter(range(247, 300))
    while noise.mode is Mode.TRIAL:
        window = met(noise, window, next(numbers), 20, 50)
    assert window.episode is not None
    late = refused(next(numbers), 50)
    late = replace_at(late, at_s=window.episode.seen.now_s - 0.01)
    after = noise.after_throttled(window, late, seen(310, 30, 50), jitter=0.5)
    assert after.level == window.level


def replace_at(sent: Sent, *, at_s: float) -> Sent:
    return Sent(number=sent.number, at_s=at_s, level=sent.level, is_full=True, is_beyond=False)


def test_a_trial_without_any_refusal_ends_too() -> None:
    """The noise may have ended when it began; its low ceiling must not stay."""
    noise, window = in_trial()
    early = noise.after_time(window, admitted=246 + TRIAL_CALLS, in_flight=40)
    assert early is window
    after = noise.after_time(window, admitted=246 + 2 * 58 + 40, in_flight=40)
    assert (noise.mode, after.ceiling) == (Mode.NOISY, 256)


def test_even_refusals_do_not_reach_the_law() -> None:
    noise, window = noisy()
    for count in range(40):
        assert met(noise, window, 500 + 20 * count, 10 + count, 100) is window
    assert noise.mode is Mode.NOISY
    assert noise.share == pytest.approx(0.05, rel=0.3)


def test_a_limit_beside_the_noise_reaches_the_law() -> None:
    noise, window = noisy()
    for number in range(500, 500 + 2 * int(TOKENS_MAX)):
        window = met(noise, window, number, number - 480, 100)
        if noise.mode is Mode.QUIET:
            break
    assert noise.mode is Mode.QUIET
    assert window.level.height > 0
    assert noise.is_proven


def test_noise_that_ends_leaves_the_law_alone() -> None:
    noise, window = noisy()
    assert noise.after_time(window, admitted=50_000, in_flight=100) is window
    assert noise.mode is Mode.QUIET


def test_a_closed_gate_is_never_tried() -> None:
    noise = Noise(256)
    for count in range(20):
        level = max(1, 50 - 3 * count)
        window = window_at(level)
        window = replace(window, gate=window.gate.closed_at(0.0, patience_s=0.1))
        met(noise, window, 100 + 20 * count, 1 + count, level)
    assert noise.mode is Mode.QUIET


def test_noise_binds_where_a_load_would() -> None:
    noise, _ = noisy()
    assert noise.bound_with_noise(Bound.CEILING) is Bound.REFUSALS
    assert noise.bound_with_noise(Bound.SOURCE) is Bound.SOURCE
    assert Noise(256).bound_with_noise(Bound.CEILING) is Bound.CEILING


def test_row_refused_by_chance_waits_a_second() -> None:
    noise, _ = noisy()
    assert [noise.failures_that_count(calls) for calls in (1, 2, 9)] == [1, 2, FAILURES_MAX]
    assert Noise(256).failures_that_count(9) == 9
