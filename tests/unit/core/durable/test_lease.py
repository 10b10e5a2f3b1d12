"""What a lease and a heartbeat say of another attempt."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.durable.lease import (
    Heartbeat,
    LeaseTimes,
    Watch,
    decode_heartbeat,
    decode_share,
    do_meet,
    encode_heartbeat,
    encode_lease,
)

TIMES = LeaseTimes(ttl_s=12.0, request_timeout_s=30.0)


@pytest.mark.parametrize("share", [None, 0, 7, 63])
def test_a_lease_says_for_which_share_it_is(share: int | None) -> None:
    assert decode_share(encode_lease("0123abcd", share)) == share


@pytest.mark.parametrize(
    "body", [b"", b"0123abcd", b"removal:00", b"share-7:", b"share-0064:", b"share-12345:", b"\xff"]
)
def test_any_other_body_is_for_the_whole_run(body: bytes) -> None:
    assert decode_share(body) is None


def test_whole_runs_lease_is_its_plain_token() -> None:
    assert encode_lease("0123abcd", None) == b"0123abcd"


def test_attempts_meet_at_one_share_or_the_whole_run() -> None:
    assert do_meet(3, 3)
    assert do_meet(None, 3)
    assert do_meet(3, None)
    assert do_meet(None, None)
    assert not do_meet(3, 4)


def test_earlier_versions_heartbeat_counts_as_not_run() -> None:
    old = decode_heartbeat(b'{"state":"running","beat":3}')
    assert old == Heartbeat(state="running", beat=3)
    assert old is not None
    assert not old.has_run
    new = Heartbeat(state="released", beat=4, has_run=True)
    assert decode_heartbeat(encode_heartbeat(new)) == new


def test_who_was_waited_for_by_another_is_over() -> None:
    watch = Watch(TIMES)
    watch.note_read(
        Heartbeat(state="running", beat=1, has_run=True), asked_at_s=0.0, answered_at_s=0.1
    )
    assert (watch.has_run, watch.is_over) == (True, False)
    watch.note_waited_for()
    assert watch.is_over


def test_who_only_waited_has_not_run() -> None:
    watch = Watch(TIMES)
    watch.note_read(Heartbeat(state="waiting", beat=1), asked_at_s=0.0, answered_at_s=0.1)
    assert not watch.has_run


RUNNING = Heartbeat(state="running", beat=1, has_run=True)


def watched(*reads: tuple[float, float]) -> Watch:
    """One that reads the same heartbeat each time: when each read began and ended."""
    watch = Watch(TIMES)
    for asked_at_s, answered_at_s in reads:
        watch.note_read(RUNNING, asked_at_s=asked_at_s, answered_at_s=answered_at_s)
    return watch


def test_silence_is_time_from_one_read_to_the_next() -> None:
    assert watched((0.0, 0.5), (2.0, 2.5)).silent_s == 1.5


@pytest.mark.parametrize("gap_s", [2.0, 10.0, 10_000.0])
def test_round_counts_for_one_interval_at_most(gap_s: float) -> None:
    assert watched((0.0, 0.5), (0.5 + gap_s, 1.0 + gap_s)).silent_s == TIMES.interval_s


@pytest.mark.parametrize("round_s", [TIMES.interval_s, 11.0, 90.0])
def test_silence_is_proven_after_same_rounds_on_any_store(round_s: float) -> None:
    reads = [(number * round_s, number * round_s) for number in range(8)]
    assert not watched(*reads[:7]).is_over
    assert watched(*reads).is_over


def test_heartbeat_begins_the_silence_anew() -> None:
    watch = watched(*[(2.0 * number, 2.0 * number) for number in range(7)])
    assert watch.heard_at_s is None
    spoken = Heartbeat(state="running", beat=2, has_run=True)
    watch.note_read(spoken, asked_at_s=14.0, answered_at_s=14.5)
    assert watch.heard_at_s == pytest.approx(14.5)
    assert (watch.silent_s, watch.rounds_left) == (0.0, 7)


def test_missed_round_counts_for_nothing() -> None:
    watch = watched((0.0, 0.0), (2.0, 2.0))
    watch.note_missed_round()
    watch.note_read(RUNNING, asked_at_s=4.0, answered_at_s=4.0)
    assert watch.silent_s == 2.0
    watch.note_read(RUNNING, asked_at_s=6.0, answered_at_s=6.0)
    assert watch.silent_s == 4.0


@pytest.mark.parametrize("ttl_s", [0.7, 6.0, 7.3, 12.0, 30.0, 1e9])
def test_silence_outlasts_the_right_to_pay(ttl_s: float) -> None:
    times = LeaseTimes(ttl_s=ttl_s, request_timeout_s=300.0)
    assert times.right_until_s(0.0) < times.ttl_s < times.silence_s


def test_silence_before_publication_outlasts_what_may_still_land() -> None:
    times = LeaseTimes(ttl_s=30.0, request_timeout_s=60.0, landing_s=60.0)
    assert times.silence_s - times.right_until_s(0.0) >= times.landing_s
