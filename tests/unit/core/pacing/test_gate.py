from __future__ import annotations

from airflow_provider_aimlapi.core.pacing.gate import OPEN, PROBE_S_MAX, PROBE_S_MIN

SHUT = OPEN.closed(100.0, patience_s=0.5)


def test_an_open_gate_admits_and_hears_nothing() -> None:
    assert OPEN.admits(0.0)
    assert OPEN.refused(1.0, now_s=2.0) is OPEN
    assert OPEN.answered(1.0) is OPEN
    assert OPEN.at(1e9) is OPEN


def test_a_shut_gate_admits_one_call_after_a_moment() -> None:
    assert not SHUT.admits(100.0)
    assert SHUT.admits(100.0 + PROBE_S_MIN)
    assert not SHUT.probed(100.3).admits(1e9)


def test_call_that_is_not_refused_in_time_opens_it() -> None:
    probing = SHUT.probed(101.0)
    assert not probing.at(101.4).is_open
    assert probing.at(101.5).is_open


def test_refusal_shuts_the_gate_for_a_bounded_time() -> None:
    """The time is a part of how long it was shut."""
    early = SHUT.probed(101.0).refused(101.0, now_s=101.1)
    assert early.next_s == 101.1 + PROBE_S_MIN
    late = SHUT.probed(9_000.0).refused(9_000.0, now_s=9_000.1)
    assert late.next_s == 9_000.1 + PROBE_S_MAX
    assert not late.at(1e9).is_open


def test_calls_before_the_probe_mean_nothing() -> None:
    probing = SHUT.probed(101.0)
    assert probing.refused(100.9, now_s=101.1) is probing
    assert SHUT.answered(99.0) is SHUT


def test_only_an_answer_opens_the_gate_after_failures() -> None:
    """It does not matter when its call was sent."""
    shut = OPEN.closed(100.0, patience_s=0.0, needs_answer=True).probed(101.0)
    assert not shut.at(1e9).is_open
    assert shut.answered(99.0).is_open


def test_pause_ends_by_itself_unaffected_by_earlier_calls() -> None:
    paused = OPEN.paused(100.0, until_s=100.1)
    assert not paused.admits(100.05)
    assert paused.refused(99.9, now_s=100.05) is paused
    assert paused.at(100.1).is_open
