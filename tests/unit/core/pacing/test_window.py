from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.pacing.episode import Seen, Sent
from airflow_provider_aimlapi.core.pacing.evidence import CLOSING_CALLS, Mark
from airflow_provider_aimlapi.core.pacing.gate import OPEN
from airflow_provider_aimlapi.core.pacing.heights import DOUBTS_MAX, SHARED_HOLD_S
from airflow_provider_aimlapi.core.pacing.law import (
    PAUSING_CALLS,
    RESUME_DOUBLING_S,
    after_throttled,
    after_time,
)
from airflow_provider_aimlapi.core.pacing.reach import Reach
from airflow_provider_aimlapi.core.pacing.rules import ALIKE_TIMES, PACE_SLACK, SHARED_FACTOR
from airflow_provider_aimlapi.core.pacing.window import START_LEVEL, Held, Window, open_window

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
        is_full=level >= window.permitted_calls,
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
    assert open_window(ceiling).permitted_calls == min(START_LEVEL, ceiling)


def test_start_doubles_each_tenth_second_without_awaiting_answers() -> None:
    window = open_window(200)
    sizes = []
    for _ in range(5):
        window = after_time(window, elapsed_s=0.1, held=Held.LEVEL)
        sizes.append(window.permitted_calls)
    assert sizes == [32, 64, 128, 200, 200]


@pytest.mark.parametrize("held", [Held.NOTHING, Held.PACE])
def test_a_window_that_holds_nobody_back_does_not_grow(held):
    assert after_time(open_window(256), elapsed_s=60.0, held=held) == open_window(256)


def burst(window: Window, *, sent: int, refused: int, ended: int, span_s: float = 0.06) -> Window:
    """After a round trip in which so many were sent, so many refused, and so many others ended."""
    level, started_s = 100, 100.0
    number = 1000
    admitted, in_flight = number + sent - 1, level + sent - 1 - ended
    for count in range(refused):
        nth = count * sent // refused
        attempt = Sent(
            number=number + nth,
            at_s=started_s + span_s * count / refused,
            level=level + nth - nth * ended // sent,
            is_full=True,
            is_beyond=True,
        )
        seen = Seen(
            now_s=started_s + span_s * (1 + count / refused),
            in_flight=in_flight - count,
            admitted=admitted,
            throttled=count + 1,
            sent_per_s=sent / span_s,
        )
        window = after_throttled(window, attempt, seen, jitter=0.5)
    return window


def test_429_beyond_the_height_leaves_what_the_api_holds() -> None:
    window = after_time(at_level(32.0), elapsed_s=8.0, held=Held.LEVEL)
    assert window.permitted_calls == 33
    after = refused(window, level=33)
    assert (after.permitted_calls, after.decision, after.pace) == (32, "cut:in-flight", None)
    assert after.level.hold_s > window.level.hold_s


def test_429s_of_one_burst_cut_to_what_remains() -> None:
    """49 were sent, 32 fit: whatever the order in which the seventeen refusals come."""
    window = after_time(open_window(256), elapsed_s=0.162, held=Held.LEVEL)
    assert window.permitted_calls == 49
    for left in range(49, 32, -1):
        window = refused(
            window, level=49, in_flight=left, now_s=0.2, accepted=32, throttled=50 - left
        )
    assert window.permitted_calls == 32


def test_equal_accepts_and_ends_mean_calls_are_limited() -> None:
    after = burst(open_window(256), sent=60, refused=40, ended=20)
    assert (after.decision, after.permitted_calls) == ("cut:in-flight", 99)


def test_fewer_accepts_than_ends_mean_a_rate() -> None:
    """A round trip measures it."""
    after = burst(open_window(256), sent=77, refused=65, ended=70)
    assert after.decision == "cut:rate"
    assert after.pace is not None
    assert after.pace.height == pytest.approx(12 / 0.06, rel=0.2)


def test_sending_stops_until_calls_in_flight_are_known() -> None:
    assert burst(open_window(256), sent=30, refused=PAUSING_CALLS - 1, ended=10).gate.is_open
    after = burst(open_window(256), sent=30, refused=PAUSING_CALLS, ended=10)
    assert not after.gate.admits_call(100.13)
    assert after.gate.at_time(100.2).is_open


def test_429_at_a_known_level_removes_what_was_refused() -> None:
    first = refused(at_level(64.0), level=64)
    assert (first.level.height, first.decision) == (63, "cut:in-flight")
    second = refused(first, level=63, now_s=101.0, accepted=1230, throttled=11)
    assert (second.level.height, second.pace) == (62, None)


def test_repeated_likeness_is_taken_for_a_rate_too() -> None:
    window = at_level(64.0)
    for number in range(DOUBTS_MAX):
        assert window.pace is None
        window = refused(
            window,
            level=window.permitted_calls,
            now_s=100.0 + number,
            accepted=1200 + 20 * number,
            throttled=10 + number,
        )
    assert window.decision == "cut:both"
    assert window.pace is not None
    assert 18 <= window.pace.height <= 20


def test_equal_calls_in_flight_at_refusals_mean_a_level() -> None:
    window = at_level(256.0, pace=20.0)
    for number in range(ALIKE_TIMES + 1):
        window = refused(
            window,
            level=33,
            now_s=100.0 + 2 * number,
            accepted=1200 + 40 * number,
            throttled=10 + number,
        )
    assert (window.decision, window.permitted_calls) == ("cut:alike", 32)


def shared(height: float) -> Reach:
    """One that was refused in the midst of its hold once already, and kept to since."""
    return Reach(
        height=height, step=1.0, hold_s=8.0, doubling_s=0.25, age_s=3.0, known_s=8.0, disturbed=1
    )


def test_level_refused_during_its_hold_is_shared_and_yields() -> None:
    after = refused(replace(at_level(64.0), level=shared(64.0)), level=64)
    assert after.decision == "cut:shared"
    assert after.level.height == pytest.approx(SHARED_FACTOR * 63)
    assert after.level.hold_s == SHARED_HOLD_S


def test_pace_refused_during_its_hold_is_shared_and_yields() -> None:
    after = refused(replace(at_level(256.0), pace=shared(20.0)), level=40)
    assert after.decision == "cut:shared"
    assert after.pace is not None
    assert after.pace.height == pytest.approx(SHARED_FACTOR * 20, rel=0.03)
    assert after.pace.hold_s == SHARED_HOLD_S


def test_two_429s_of_a_kept_pace_measure_its_rate() -> None:
    after = refused(at_level(256.0, pace=20.0), level=40, accepted=1195, per_s=21.0)
    assert after.pace is not None
    assert after.pace.height == pytest.approx(PACE_SLACK * 195 / 10, rel=0.01)
    assert (after.decision, after.permitted_calls) == ("cut:rate", 256)


def test_refused_pace_is_the_limit_without_a_known_level() -> None:
    grown = after_time(open_window(256), elapsed_s=10.0, held=Held.LEVEL)
    kept = replace(at_level(256, pace=22.0), level=grown.level)
    window = refused(kept, level=30)
    assert window.decision == "cut:rate"
    assert window.pace is not None
    assert window.pace.height < 22.0
    assert window.permitted_calls == 256


def test_pace_that_grew_too_far_falls_in_between() -> None:
    """It falls between the accepted rate and the sent rate."""
    window = after_time(at_level(256.0, pace=20.0), elapsed_s=9.0, held=Held.PACE)
    after = refused(window, level=40, accepted=1200, per_s=40.0)
    assert after.pace is not None
    assert PACE_SLACK * 20 <= after.pace.height < 30


def test_attempts_sent_before_a_cut_belong_to_its_episode() -> None:
    window = at_level(256.0, pace=20.0)
    once = refused(window, level=40, now_s=100.0)
    again = refused(once, level=39, now_s=100.05)
    assert again.pace == once.pace


def test_429_long_after_its_episode_changes_nothing() -> None:
    once = refused(at_level(64.0), level=64)
    sent = Sent(number=1209, at_s=99.9, level=63, is_full=False, is_beyond=False)
    seen = Seen(now_s=109.0, in_flight=50, admitted=1400, throttled=11, sent_per_s=20.0)
    assert after_throttled(once, sent, seen, jitter=0.5) is once


def test_when_call_after_call_is_refused_the_gate_closes() -> None:
    window = at_level(256.0, pace=20.0)
    for number in range(CLOSING_CALLS + 1):
        assert window.gate.is_open
        window = refused(window, level=40 - number, now_s=100.0 + number, throttled=10 + number)
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


def test_reopened_windows_level_is_what_the_next_429_finds() -> None:
    window = replace(at_level(64.0, pace=20.0), is_stale=True)
    after = refused(window, level=33)
    assert (after.level.height, after.is_stale) == (32, False)


BRIEF_TRIP_S = 0.002


def next_door(window: Window) -> Window:
    """After 30 of 40 calls were refused within two milliseconds."""
    return burst(window, sent=40, refused=30, ended=0, span_s=BRIEF_TRIP_S)


def test_immediate_429_measures_no_rate_and_calls_continue_slowly() -> None:
    after = next_door(open_window(256))
    assert after.pace is None
    assert after.level.height == 100 + 40 - 1 - 30
    assert after.interval_s >= RESUME_DOUBLING_S / 10  # 10 were accepted
    later = after_time(replace(after, gate=OPEN), elapsed_s=RESUME_DOUBLING_S, held=Held.PACE)
    assert later.interval_s == pytest.approx(after.interval_s / 2)


def test_calls_that_wait_for_distant_answers_continue_at_once() -> None:
    assert burst(open_window(256), sent=40, refused=30, ended=0).resume is None


def test_calls_go_on_slowly_until_the_level_is_full() -> None:
    opened = replace(next_door(open_window(256)), gate=OPEN)
    assert after_time(opened, elapsed_s=0.01, held=Held.LEVEL).interval_s == 0.0


def test_calls_continue_slowly_until_the_pace_limits_them() -> None:
    opened = replace(next_door(at_level(256.0, pace=5.0)), gate=OPEN)
    assert after_time(opened, elapsed_s=0.01, held=Held.PACE).resume is None


def test_while_the_gate_is_closed_they_do_not_hasten() -> None:
    after = next_door(open_window(256))
    assert after_time(after, elapsed_s=0.05, held=Held.NOTHING).resume == after.resume


def test_neighbouring_rate_is_measured_since_an_earlier_429() -> None:
    after = next_door(replace(at_level(256.0), mark=Mark(at_s=99.5, accepted=899)))
    assert after.pace is not None
    assert 100 / 0.5 <= after.pace.height < 4 * 100 / 0.5  # in the round trip alone: 5,000 a second


def test_level_is_what_was_accepted_before_total_refusal() -> None:
    after = burst(open_window(256), sent=20, refused=20, ended=19, span_s=BRIEF_TRIP_S)
    assert after.decision == "close:refused"
    assert after.level.height == 80


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
        assert 1 <= window.permitted_calls <= ceiling
        assert 0.0 <= window.interval_s <= 20.0
