from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.pacing.send_rate import (
    PACE_SLACK_S,
    SPAN_CALLS,
    SPAN_S,
    SendRate,
    Spacing,
)


def test_rate_is_calls_over_the_time_they_took() -> None:
    rate = SendRate(0.0)
    for tenth in range(1, 101):
        rate.note_sent(tenth / 10, 20 * tenth)
    assert rate.per_s(10.0, 2_000) == pytest.approx(200.0)


def test_rate_follows_a_change_within_two_spans() -> None:
    rate = SendRate(0.0)
    for tenth in range(1, 101):
        rate.note_sent(tenth / 10, 20 * tenth)
    for tenth in range(1, 11):
        rate.note_sent(10 + tenth / 10, 2_000 + 40 * tenth)
    assert rate.per_s(11.0, 2_400) == pytest.approx(400.0)


def test_few_calls_move_no_mark() -> None:
    rate = SendRate(0.0)
    rate.note_sent(2 * SPAN_S, SPAN_CALLS - 1)
    assert rate.per_s(4 * SPAN_S, SPAN_CALLS) == pytest.approx(SPAN_CALLS / (4 * SPAN_S))


def spaced(interval_s: float) -> Spacing:
    spacing = Spacing(0.0)
    spacing.follow_interval(interval_s, 0.0)
    return spacing


def test_call_without_a_pace_is_never_early() -> None:
    spacing = spaced(0.0)
    spacing.note_sent(1.0)
    assert not spacing.is_early(0.0)


def test_call_waits_for_the_interval_after_the_last() -> None:
    spacing = spaced(0.5)
    spacing.note_sent(1.0)
    assert spacing.is_early(1.25)
    assert not spacing.is_early(1.5)


def test_late_loop_catches_up_by_the_slack() -> None:
    spacing = spaced(0.5)
    spacing.note_sent(3.0)
    assert spacing.next_s == pytest.approx(3.5 - PACE_SLACK_S)


def test_calls_due_count_the_intervals_that_passed() -> None:
    spacing = spaced(0.5)
    spacing.note_sent(0.0)
    assert [spacing.calls_due(now_s) for now_s in (0.25, 0.5, 1.0, 2.25)] == [1, 1, 2, 4]


def test_shorter_interval_is_followed_at_once() -> None:
    spacing = spaced(10.0)
    spacing.note_sent(0.0)
    spacing.follow_interval(0.5, 1.0)
    assert spacing.next_s == 1.5
    spacing.follow_interval(20.0, 1.0)
    assert spacing.next_s == 1.5
