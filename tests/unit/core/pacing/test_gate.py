from __future__ import annotations

from airflow_provider_aimlapi.core.pacing.gate import OPEN, PROBE_S_MAX, PROBE_S_MIN

SHUT = OPEN.closed_at(100.0, patience_s=0.5)


def test_an_open_gate_admits_and_hears_nothing() -> None:
    assert OPEN.admits_call(0.0)
    assert OPEN.after_refusal(1.0, now_s=2.0) is OPEN
    assert OPEN.after_answer(1.0) is OPEN
    assert OPEN.at_time(1e9) is OPEN


def test_a_shut_gate_admits_one_call_after_a_moment() -> None:
    assert not SHUT.admits_call(100.0)
    assert SHUT.admits_call(100.0 + PROBE_S_MIN)
    assert not SHUT.after_probe(100.3).admits_call(1e9)


def test_call_that_is_not_refused_in_time_opens_it() -> None:
    probing = SHUT.after_probe(101.0)
    assert not probing.at_time(101.4).is_open
    assert probing.at_time(101.5).is_open


def test_refusal_shuts_the_gate_for_a_bounded_time() -> None:
    """The time is a part of how long it was shut."""
    early = SHUT.after_probe(101.0).after_refusal(101.0, now_s=101.1)
    assert early.next_s == 101.1 + PROBE_S_MIN
    late = SHUT.after_probe(9_000.0).after_refusal(9_000.0, now_s=9_000.1)
    assert late.next_s == 9_000.1 + PROBE_S_MAX
    assert not late.at_time(1e9).is_open


def test_calls_before_the_probe_mean_nothing() -> None:
    probing = SHUT.after_probe(101.0)
    assert probing.after_refusal(100.9, now_s=101.1) is probing
    assert SHUT.after_answer(99.0) is SHUT


def test_only_an_answer_opens_the_gate_after_failures() -> None:
    """It does not matter when its call was sent."""
    shut = OPEN.closed_at(100.0, patience_s=0.0, needs_answer=True).after_probe(101.0)
    assert not shut.at_time(1e9).is_open
    assert shut.after_answer(99.0).is_open


def test_pause_ends_by_itself_unaffected_by_earlier_calls() -> None:
    paused = OPEN.paused_until(100.0, until_s=100.1)
    assert not paused.admits_call(100.05)
    assert paused.after_refusal(99.9, now_s=100.05) is paused
    assert paused.at_time(100.1).is_open
