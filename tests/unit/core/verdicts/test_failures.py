from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.verdicts.failures import (
    EARLIER_S_MIN,
    OUTAGE_S,
    PAUSE_S,
    STALL_CALLS,
    Silence,
    earlier_since_us,
    failing_since_us,
    outlasts_outage,
)

NOW_US = 1_790_000_000_000_000
S = 1_000_000


def silence_of(*failures: tuple[float, float], delay_s: float = 0.0) -> Silence:
    """A silence of calls by when they were sent and failed."""
    silence = Silence()
    for sent_s, now_s in failures:
        silence.note_failure(sent_s=sent_s, now_s=now_s)
        silence.note_wait(delay_s)
    return silence


def test_a_silence_begins_with_a_failure() -> None:
    assert silence_of().length_s == 0
    assert silence_of((0, 700)).length_s == 0


def test_failures_one_after_another_add_up() -> None:
    assert silence_of((0, 1), (30, 31), (60, 61)).length_s == 60
    assert silence_of((0, 300), (310, 610), (620, 920)).length_s == 620


def test_time_without_allowed_calls_does_not_count() -> None:
    assert silence_of((0, 1), (700, 701)).length_s == 1 + PAUSE_S


def test_a_stall_is_several_calls_one_after_another() -> None:
    silence = silence_of((0, 300), (300, 600), (600, 900))
    assert not silence.is_stall(600)
    calls = [(300 * n, 300 * (n + 1)) for n in range(STALL_CALLS + 1)]
    assert silence_of(*calls).is_stall(600)


def test_stall_of_quick_failures_lasts_the_configured_time() -> None:
    silence = silence_of(*[(30 * n, 30 * n + 1) for n in range(21)])
    assert silence.is_stall(600)
    assert not silence.is_stall(601)


def test_no_call_is_so_slow_that_stall_never_comes() -> None:
    assert silence_of((0, 3600), (3600, 3600 + OUTAGE_S)).is_stall(600)


def test_a_pause_that_was_asked_for_counts() -> None:
    assert silence_of((0, 1), (301, 302), delay_s=300.0).length_s == 301


def test_calls_beside_each_other_count_once() -> None:
    assert silence_of((0, 300), (0, 301), (0, 302)).length_s == 2


def test_an_answer_ends_a_silence() -> None:
    silence = silence_of((0, 1), (30, 31))
    silence.end_silence()
    assert (silence.length_s, silence.since_s) == (0, None)


def test_rest_without_any_call_counts_as_a_whole() -> None:
    silence = Silence()
    for now_s in (5.0, 10.0, 905.0):
        silence.note_rest(now_s)
    assert silence.length_s == 900


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e3)), max_size=30))
def test_a_silence_is_never_longer_than_its_time(calls: list[tuple[float, float]]) -> None:
    ends = sorted((sent_s + took_s, sent_s) for sent_s, took_s in calls)
    silence = silence_of(*[(sent_s, now_s) for now_s, sent_s in ends])
    assert 0 <= silence.length_s <= (ends[-1][0] - ends[0][0] if ends else 0) + 1e-6


def test_a_first_failure_begins_a_row_s_trouble() -> None:
    assert failing_since_us(0, 0, NOW_US, trouble_us=0) == NOW_US


def test_a_later_failure_continues_it() -> None:
    since_us = failing_since_us(NOW_US - 900 * S, NOW_US - 600 * S, NOW_US, trouble_us=0)
    assert since_us == NOW_US - 900 * S


def test_an_answer_to_another_row_begins_it_anew() -> None:
    since_us, failed_us = NOW_US - 900 * S, NOW_US - 600 * S
    assert failing_since_us(since_us, failed_us, NOW_US, trouble_us=failed_us) == NOW_US


@pytest.mark.parametrize(
    ("since_us", "failed_us"),
    [
        (NOW_US - 9_000 * S, NOW_US - 4_000 * S),
        (NOW_US + S, NOW_US + 2 * S),
        (NOW_US - S, NOW_US - 2 * S),
    ],
)
def test_a_time_that_cannot_be_so_begins_anew(since_us: int, failed_us: int) -> None:
    """Long ago, in the future, or not in order, as a journal of another program may say."""
    assert failing_since_us(since_us, failed_us, NOW_US, trouble_us=NOW_US - 3_600 * S) == NOW_US


def test_short_trouble_of_an_earlier_attempt_does_not_count() -> None:
    assert earlier_since_us(NOW_US, NOW_US + int(EARLIER_S_MIN) * S - 1) == 0
    assert earlier_since_us(NOW_US, NOW_US + int(EARLIER_S_MIN) * S) == NOW_US


def test_outage_of_twenty_minutes_explains_both_ends_of_itself() -> None:
    assert not outlasts_outage(NOW_US, NOW_US + 1200 * S)
    assert outlasts_outage(NOW_US, NOW_US + int(OUTAGE_S) * S)
