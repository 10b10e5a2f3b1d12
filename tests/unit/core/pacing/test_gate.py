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


def test_a_call_that_is_not_refused_in_time_opens_it() -> None:
    probing = SHUT.probed(101.0)
    assert not probing.at(101.4).is_open
    assert probing.at(101.5).is_open


def test_a_refusal_shuts_it_for_a_share_of_the_time_it_was_shut_and_never_for_long() -> None:
    early = SHUT.probed(101.0).refused(101.0, now_s=101.1)
    assert early.next_s == 101.1 + PROBE_S_MIN
    late = SHUT.probed(9_000.0).refused(9_000.0, now_s=9_000.1)
    assert late.next_s == 9_000.1 + PROBE_S_MAX
    assert not late.at(1e9).is_open


def test_what_was_sent_before_the_call_that_looks_says_nothing() -> None:
    probing = SHUT.probed(101.0)
    assert probing.refused(100.9, now_s=101.1) is probing
    assert SHUT.answered(99.0) is SHUT


def test_after_failures_only_an_answer_opens_it_whenever_its_call_was_sent() -> None:
    shut = OPEN.closed(100.0, patience_s=0.0, needs_answer=True).probed(101.0)
    assert not shut.at(1e9).is_open
    assert shut.answered(99.0).is_open


def test_a_pause_ends_by_itself_and_what_was_sent_before_it_does_not_lengthen_it() -> None:
    paused = OPEN.paused(100.0, until_s=100.1)
    assert not paused.admits(100.05)
    assert paused.refused(99.9, now_s=100.05) is paused
    assert paused.at(100.1).is_open
