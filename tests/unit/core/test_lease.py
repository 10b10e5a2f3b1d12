"""What a lease and a heartbeat say of another attempt."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.lease import (
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


def test_a_lease_of_the_whole_run_is_its_token_as_it_always_was() -> None:
    assert encode_lease("0123abcd", None) == b"0123abcd"


def test_attempts_meet_at_the_same_share_or_where_one_is_at_the_whole_run() -> None:
    assert do_meet(3, 3)
    assert do_meet(None, 3)
    assert do_meet(3, None)
    assert do_meet(None, None)
    assert not do_meet(3, 4)


def test_a_heartbeat_of_an_earlier_version_has_not_run_as_far_as_anybody_knows() -> None:
    old = decode_heartbeat(b'{"state":"running","beat":3}')
    assert old == Heartbeat(state="running", beat=3)
    assert old is not None
    assert not old.has_run
    new = Heartbeat(state="released", beat=4, has_run=True)
    assert decode_heartbeat(encode_heartbeat(new)) == new


def test_who_was_waited_for_by_another_is_over() -> None:
    watch = Watch(TIMES)
    watch.see(Heartbeat(state="running", beat=1, has_run=True), asked_at_s=0.0, answered_at_s=0.1)
    assert (watch.has_run, watch.is_over) == (True, False)
    watch.excuse()
    assert watch.is_over


def test_who_only_waited_has_not_run() -> None:
    watch = Watch(TIMES)
    watch.see(Heartbeat(state="waiting", beat=1), asked_at_s=0.0, answered_at_s=0.1)
    assert not watch.has_run
