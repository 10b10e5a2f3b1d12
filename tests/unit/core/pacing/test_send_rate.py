from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.pacing.send_rate import SPAN_CALLS, SPAN_S, SendRate


def test_rate_is_calls_over_the_time_they_took() -> None:
    rate = SendRate(0.0)
    for tenth in range(1, 101):
        rate.note(tenth / 10, 20 * tenth)
    assert rate.per_s(10.0, 2_000) == pytest.approx(200.0)


def test_rate_follows_a_change_within_two_spans() -> None:
    rate = SendRate(0.0)
    for tenth in range(1, 101):
        rate.note(tenth / 10, 20 * tenth)
    for tenth in range(1, 11):
        rate.note(10 + tenth / 10, 2_000 + 40 * tenth)
    assert rate.per_s(11.0, 2_400) == pytest.approx(400.0)


def test_few_calls_move_no_mark() -> None:
    rate = SendRate(0.0)
    rate.note(2 * SPAN_S, SPAN_CALLS - 1)
    assert rate.per_s(4 * SPAN_S, SPAN_CALLS) == pytest.approx(SPAN_CALLS / (4 * SPAN_S))
