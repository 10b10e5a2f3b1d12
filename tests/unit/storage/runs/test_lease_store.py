"""Each epoch has one owner."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_aimlapi.core.durable.keys import RunNames
from airflow_provider_aimlapi.core.durable.object_sizes import SMALL_BYTES_MAX
from airflow_provider_aimlapi.errors import JournalUnreadable, StoreUnavailable
from airflow_provider_aimlapi.storage.runs.lease_store import LEASES_MAX, LeaseStore
from tests.fakes.memory_store import MemoryStore

NAMES = RunNames(run_key="0" * 32)


def test_epochs_begin_at_one_and_grow() -> None:
    store = MemoryStore()
    assert [LeaseStore(store, NAMES).acquire_epoch(token=f"t{n}") for n in range(3)] == [1, 2, 3]
    store.objects[NAMES.lease_name(12_345_678)] = b"far ahead"
    assert LeaseStore(store, NAMES).acquire_epoch(token="t") == 12_345_679
    assert store.objects[NAMES.lease_name(2)] == b"t1"


def test_last_epoch_is_no_epoch_to_begin_at() -> None:
    store = MemoryStore()
    store.objects[NAMES.lease_name(99_999_999)] = b"planted"
    with pytest.raises(JournalUnreadable, match=r"remove the leases.*99,999,999"):
        LeaseStore(store, NAMES).acquire_epoch(token="t")
    assert len(store.objects) == 1


def test_more_leases_than_tries_are_refused() -> None:
    store = MemoryStore()
    for epoch in range(1, LEASES_MAX + 2):
        store.objects[NAMES.lease_name(epoch)] = b"planted"
    with pytest.raises(JournalUnreadable, match="10,001 leases"):
        LeaseStore(store, NAMES).list_epochs()


def test_lease_and_heartbeat_that_are_too_large_say_nothing() -> None:
    store = MemoryStore()
    store.objects[NAMES.lease_name(1)] = b"share-0003:" + bytes(SMALL_BYTES_MAX)
    store.objects[NAMES.heartbeat_name(1)] = (
        b" " * SMALL_BYTES_MAX + b'{"state":"released","beat":1}'
    )
    leases = LeaseStore(store, NAMES, 3)
    assert leases.share_of(1) is None
    assert leases.read_heartbeat(1) is None
    assert leases.list_epochs() == [1]


def test_simultaneous_requests_each_get_their_own_epoch() -> None:
    store = MemoryStore()
    with ThreadPoolExecutor(16) as threads:
        epochs = list(
            threads.map(lambda n: LeaseStore(store, NAMES).acquire_epoch(token=f"t{n}"), range(16))
        )
    assert sorted(epochs) == list(range(1, 17))
    assert {store.objects[NAMES.lease_name(epoch)] for epoch in epochs} == {
        f"t{n}".encode() for n in range(16)
    }


class AnswersLost(MemoryStore):
    """Does what it is asked, and never says so."""

    def create(self, name: str, data: bytes) -> bool:
        super().create(name, data)
        raise StoreUnavailable("the answer was lost")


def test_lease_with_a_lost_answer_is_ours() -> None:
    store = AnswersLost()
    assert LeaseStore(store, NAMES).acquire_epoch(token="mine") == 1
    assert LeaseStore(store, NAMES).acquire_epoch(token="yours") == 2


class ReadsRefused(AnswersLost):
    """For a while what was done cannot be seen either.

    Attributes:
        is_dark: while it lasts.
    """

    is_dark = True

    def read(self, name: str, *, bytes_max: int) -> bytes | None:
        if self.is_dark:
            raise StoreUnavailable("no answer")
        return super().read(name, bytes_max=bytes_max)


@pytest.mark.parametrize("share", [None, 3])
def test_lease_whose_writing_was_unclear_is_taken_up_again(share: int | None) -> None:
    store = ReadsRefused()
    leases = LeaseStore(store, NAMES, share)
    with pytest.raises(StoreUnavailable):
        leases.acquire_epoch(token="mine")
    store.is_dark = False
    assert leases.acquire_epoch(token="mine") == 1
    assert leases.list_epochs() == [1]


def test_lease_of_another_at_unclear_epoch_is_not_taken() -> None:
    store = ReadsRefused()
    leases = LeaseStore(store, NAMES)
    with pytest.raises(StoreUnavailable):
        leases.acquire_epoch(token="mine")
    store.is_dark = False
    store.objects[NAMES.lease_name(1)] = b"another's"
    assert leases.acquire_epoch(token="mine") == 2


def test_share_sees_its_own_and_whole_run_attempts_alone() -> None:
    store = MemoryStore()
    first, second, whole = (LeaseStore(store, NAMES, share) for share in (0, 1, None))
    assert [
        leases.acquire_epoch(token="t") for leases in (first, second, first, whole, second)
    ] == [
        1,
        2,
        3,
        4,
        5,
    ]
    assert first.list_epochs() == [1, 3, 4]
    assert second.list_epochs() == [2, 4, 5]
    assert whole.list_epochs() == [1, 2, 3, 4, 5]
    assert [whole.share_of(epoch) for epoch in range(1, 6)] == [0, 1, 0, None, 1]
