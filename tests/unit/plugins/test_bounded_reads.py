"""Reads beside the server's threads: few at a time, none waited for without an end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Event
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.plugins.bounded_reads import BoundedReads
from airflow_provider_aimlapi.plugins.progress_source import ProgressSource
from airflow_provider_aimlapi.plugins.progress_unreadable import ServerBusy, StoreTooSlow

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON_S = 0.01


def source(dag_id: str, run_key: str = "ab" * 16) -> ProgressSource:
    return ProgressSource(
        dag_id=dag_id,
        team=None,
        output_path="/out",
        storage_conn_id=None,
        run_key=run_key,
        share=None,
    )


def data_of(source: ProgressSource) -> bytes:
    return source.dag_id.encode()


class HangingStore:
    """Reads that last until the test ends.

    Attributes:
        reads: the reads that began.
    """

    def __init__(self) -> None:
        self.reads: list[ProgressSource] = []
        self.go_on = Event()

    def read(self, source: ProgressSource) -> bytes:
        self.reads.append(source)
        self.go_on.wait()
        return data_of(source)


@pytest.fixture
def store() -> Iterator[HangingStore]:
    store = HangingStore()
    yield store
    store.go_on.set()


@contextmanager
def too_slow() -> Iterator[None]:
    with pytest.raises(StoreTooSlow):
        yield


def test_read_returns_what_the_store_returned() -> None:
    assert BoundedReads().result_of_read(source("a"), data_of) == b"a"
    assert BoundedReads().result_of_read(source("a"), lambda _: None) is None


def test_error_of_the_store_is_raised_to_the_request() -> None:
    def fail(_: ProgressSource) -> bytes:
        raise LookupError("no such bucket")

    reads = BoundedReads()
    for _ in range(20):  # an error gives its place back
        with pytest.raises(LookupError):
            reads.result_of_read(source("a"), fail)


def test_hanging_read_ends_the_request_in_time(store: HangingStore) -> None:
    reads = BoundedReads(timeout_s=SOON_S)
    with too_slow():
        reads.result_of_read(source("a"), store.read)


def test_second_request_waits_for_the_same_read(store: HangingStore) -> None:
    reads = BoundedReads(timeout_s=SOON_S)
    for _ in range(20):
        with too_slow():
            reads.result_of_read(source("a"), store.read)
    assert len(store.reads) == 1


def test_hanging_store_leaves_other_dags_their_pages(store: HangingStore) -> None:
    reads = BoundedReads(reads_max=3, reads_of_dag_max=2, timeout_s=SOON_S)
    for key in ("11" * 16, "22" * 16):
        with too_slow():
            reads.result_of_read(source("a", key), store.read)
    with pytest.raises(ServerBusy):
        reads.result_of_read(source("a", "33" * 16), store.read)
    assert reads.result_of_read(source("b"), data_of) == b"b"
    assert len(store.reads) == 2


def test_hanging_stores_never_start_more_threads(store: HangingStore) -> None:
    reads = BoundedReads(reads_max=2, timeout_s=SOON_S)
    for dag_id in "ab":
        with too_slow():
            reads.result_of_read(source(dag_id), store.read)
    for dag_id in "cdefgh":
        with pytest.raises(ServerBusy):
            reads.result_of_read(source(dag_id), store.read)
    assert len(store.reads) == 2


def test_request_beyond_those_that_wait_is_refused(store: HangingStore) -> None:
    reads = BoundedReads(waiting_max=2, timeout_s=60.0)
    begun = Barrier(3)

    def wait_in(dag_id: str) -> bytes | None:
        def read(source: ProgressSource) -> bytes:
            begun.wait()
            return store.read(source)

        return reads.result_of_read(source(dag_id), read)

    with ThreadPoolExecutor(2) as requests:
        waiting = [requests.submit(wait_in, dag_id) for dag_id in "ab"]
        begun.wait()
        with pytest.raises(ServerBusy):
            reads.result_of_read(source("c"), data_of)
        store.go_on.set()
        assert [each.result() for each in waiting] == [b"a", b"b"]
    assert reads.result_of_read(source("c"), data_of) == b"c"
