from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.reach import Reach
from airflow_provider_aimlapi.core.window import (
    CLOSING_RUN,
    PACE_MARGIN,
    START_LEVEL,
    Held,
    Mark,
    Seen,
    Sent,
    Window,
    after_throttled,
    after_time,
    open_window,
)

REFUSAL_S = 0.06


def at_level(height: float, *, ceiling: int = 256, pace: float | None = None) -> Window:
    """A window that knows its height, and perhaps a pace."""
    level = Reach(height=height, step=1.0, hold_s=8.0, doubling_s=0.25)
    rate = None if pace is None else Reach(height=pace, step=1.0, hold_s=8.0, doubling_s=0.25)
    return replace(
        open_window(ceiling), level=level, pace=rate, mark=Mark(at_s=90.0, accepted=1000)
    )


def refused(  # noqa: PLR0913  # each is one thing that is seen
    window: Window,
    *,
    level: int,
    now_s: float = 100.0,
    accepted: int = 1200,
    throttled: int = 10,
    in_flight: int | None = None,
    per_s: float = 20.0,
) -> Window:
    """After a 429 of a call that made it `level` in flight, and found out soon."""
    sent = Sent(
        number=accepted + throttled,
        at_s=now_s - REFUSAL_S,
        level=level,
        is_full=level >= window.permits,
        is_beyond=level > window.level.height,
    )
    seen = Seen(
        now_s=now_s,
        in_flight=in_flight or level,
        admitted=accepted + throttled,
        throttled=throttled,
        sent_per_s=per_s,
    )
    return after_throttled(window, sent, seen, jitter=0.5)


@pytest.mark.parametrize("ceiling", [1, 2, 15, 16, 17, 10_000])
def test_a_run_starts_small_and_never_above_its_ceiling(ceiling):
    assert open_window(ceiling).permits == min(START_LEVEL, ceiling)


def test_the_start_doubles_every_tenth_of_a_second_without_waiting_for_answers() -> None:
    window = open_window(200)
    sizes = []
    for _ in range(5):
        window = after_time(window, elapsed_s=0.1, held=Held.LEVEL)
        sizes.append(window.permits)
    assert sizes == [32, 64, 128, 200, 200]


@pytest.mark.parametrize("held", [Held.NOTHING, Held.GATE, Held.PACE])
def test_a_window_that_holds_nobody_back_does_not_grow(held):
    assert after_time(open_window(256), elapsed_s=60.0, held=held) == open_window(256)


def test_a_429_beyond_the_height_leaves_what_the_api_holds() -> None:
    window = after_time(at_level(32.0), elapsed_s=8.0, held=Held.LEVEL)
    assert window.permits == 33
    after = refused(window, level=33)
    assert (after.permits, after.decision, after.pace) == (32, "cut:in-flight", None)
    assert after.level.hold_s > window.level.hold_s


def test_the_429s_of_one_burst_take_the_level_down_to_what_is_left() -> None:
    """49 were sent, 32 fit: whatever the order in which the seventeen refusals come."""
    window = after_time(open_window(256), elapsed_s=0.162, held=Held.LEVEL)
    assert window.permits == 49
    for left in range(49, 32, -1):
        window = refused(
            window, level=49, in_flight=left, now_s=0.2, accepted=32, throttled=50 - left
        )
    assert window.permits == 32


def test_a_429_at_a_known_level_is_let_pass_once_then_others_are_made_room_for() -> None:
    first = refused(at_level(64.0), level=64)
    assert first.level.height == 63
    second = refused(first, level=63, now_s=101.0, accepted=1230, throttled=11)
    assert (second.decision, second.pace) == ("cut:moved", None)
    assert second.level.height == pytest.approx(62 * 0.85)


def test_the_third_time_it_is_taken_for_a_rate_as_well() -> None:
    window = at_level(64.0)
    for number in range(3):
        window = refused(
            window,
            level=window.permits,
            now_s=100.0 + number,
            accepted=1200 + 20 * number,
            throttled=10 + number,
        )
    assert window.decision == "cut:both"
    assert window.pace is not None
    assert 18 <= window.pace.height <= 20


def test_between_two_429s_of_a_kept_pace_its_rate_is_measured() -> None:
    after = refused(at_level(256.0, pace=20.0), level=40, accepted=1195, per_s=21.0)
    assert after.pace is not None
    assert after.pace.height == pytest.approx(PACE_MARGIN * 195 / 10)
    assert (after.decision, after.permits) == ("cut:rate", 256)


def test_a_pace_that_grew_too_far_falls_between_what_was_accepted_and_what_was_sent() -> None:
    window = after_time(at_level(256.0, pace=20.0), elapsed_s=9.0, held=Held.PACE)
    after = refused(window, level=40, accepted=1200, per_s=40.0)
    assert after.pace is not None
    assert PACE_MARGIN * 20 <= after.pace.height < 30


def test_attempts_sent_before_a_cut_belong_to_its_episode() -> None:
    window = at_level(256.0, pace=20.0)
    once = refused(window, level=40, now_s=100.0)
    again = refused(once, level=39, now_s=100.05)
    assert again.pace == once.pace


def test_when_call_after_call_is_refused_the_gate_closes() -> None:
    window = at_level(256.0, pace=20.0)
    for number in range(CLOSING_RUN):
        assert window.gate.is_open
        window = refused(window, level=40, now_s=100.0 + number, throttled=10 + number)
    assert (window.gate.is_open, window.decision) == (False, "close:refused")


def test_one_accepted_call_in_between_keeps_it_open() -> None:
    window = at_level(256.0, pace=20.0)
    for number in range(20):
        window = refused(
            window,
            level=40,
            now_s=100.0 + number,
            throttled=10 + number,
            accepted=1200 + 2 * number,
        )
    assert window.gate.is_open


EVENTS = st.lists(
    st.tuples(st.booleans(), st.integers(1, 300), st.floats(0.01, 100), st.integers(0, 50)),
    max_size=100,
)


@given(ceiling=st.integers(1, 10_000), events=EVENTS)
def test_whatever_comes_level_and_pace_stay_within_bounds(ceiling, events):
    window, now_s, accepted, throttled = open_window(ceiling), 0.0, 0, 0
    for is_refused, level, elapsed_s, more in events:
        now_s, accepted = now_s + elapsed_s, accepted + more
        if is_refused:
            throttled += 1
            window = refused(
                window,
                level=min(level, ceiling),
                now_s=now_s,
                accepted=accepted,
                throttled=throttled,
                per_s=more + 0.1,
            )
        else:
            held = Held.LEVEL if level % 2 else Held.PACE
            window = after_time(window, elapsed_s=elapsed_s, held=held)
        assert 1 <= window.permits <= ceiling
        assert 0.0 <= window.interval_s <= 20.0
