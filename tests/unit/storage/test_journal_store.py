"""Segments are never lost, never changed, and an unreadable one is never an empty one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_aimlapi.core.journal import Record
from airflow_provider_aimlapi.core.keys import RunNames
from airflow_provider_aimlapi.core.object_sizes import MIB, SEGMENT_BYTES_MAX
from airflow_provider_aimlapi.errors import JournalUnreadable, StoreUnavailable
from airflow_provider_aimlapi.storage.journal_store import TAKEN_NAMES_MAX, JournalStore
from tests.fakes.memory_store import MemoryStore

NAMES = RunNames(run_key="0" * 32)


def record(row: int, reason: str = "") -> Record:
    return Record(
        kind="rejected", row=row, request_hash="h", attempts=1, completed_at_us=1, reason=reason
    )


def replayed(journal: JournalStore, part: int) -> list[Record]:
    return list(journal.replay(journal.segments().get(part, [])))


def test_segment_of_our_own_epoch_is_refused_before_we_write() -> None:
    store = MemoryStore()
    store.create(NAMES.segment(0, 9, 3), b"planted")
    journal = JournalStore(store, NAMES, 9)
    with pytest.raises(JournalUnreadable, match=r"00000009-00000003.*remove it"):
        journal.segments()
    assert JournalStore(store, NAMES, 10).segments() == {0: [NAMES.segment(0, 9, 3)]}
    journal.append(0, [record(0)])
    assert len(journal.segments()[0]) == 2


def test_what_is_appended_is_replayed_in_the_order_of_epoch_and_sequence() -> None:
    store = MemoryStore()
    old, new = JournalStore(store, NAMES, 9), JournalStore(store, NAMES, 99_999_999)
    new.append(0, [record(2)])
    old.append(0, [record(0), record(1)])
    old.append(1, [record(7)])
    old.append(0, [record(5)])
    assert [entry.row for entry in replayed(new, 0)] == [0, 1, 5, 2]
    assert replayed(new, 1) == [record(7)]
    assert replayed(new, 2) == []


def test_a_name_taken_by_an_unclear_write_is_passed_over() -> None:
    store = MemoryStore()
    store.create(NAMES.segment(0, 1, 0), b"an earlier try, whose answer never came")
    journal = JournalStore(store, NAMES, 1)
    journal.append(0, [record(3)])
    assert [entry.row for entry in replayed(journal, 0)] == [3]


def test_large_records_are_split_into_segments_that_can_be_read() -> None:
    """The longest answer has 32 MiB; a segment of a slow store's backlog may gather many."""
    store = MemoryStore()
    journal = JournalStore(store, NAMES, 1)
    records = [record(row, "x" * (25 * MIB)) for row in range(5)]
    journal.append(0, records)
    assert [len(data) <= SEGMENT_BYTES_MAX for data in store.objects.values()] == [True] * 3
    assert replayed(journal, 0) == records


def test_name_after_name_taken_is_another_writer() -> None:
    store = MemoryStore()
    for sequence in range(TAKEN_NAMES_MAX):
        store.create(NAMES.segment(0, 1, sequence), b"another's")
    with pytest.raises(JournalUnreadable, match="Another process"):
        JournalStore(store, NAMES, 1).append(0, [record(3)])


def test_appending_from_threads_loses_nothing() -> None:
    store = MemoryStore()
    journal = JournalStore(store, NAMES, 1)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda row: journal.append(0, [record(row)]), range(100)))
    assert sorted(entry.row for entry in replayed(journal, 0)) == list(range(100))


def test_a_damaged_segment_gives_what_stands_before_the_damage() -> None:
    store = MemoryStore()
    journal = JournalStore(store, NAMES, 1)
    journal.append(0, [record(0), record(1, "x" * 100)])
    journal.append(0, [record(2)])
    (name, _) = journal.segments()[0]
    store.objects[name] = store.objects[name][:-3]
    assert [entry.row for entry in replayed(journal, 0)] == [0, 2]


def test_a_segment_that_was_listed_and_cannot_be_read_is_never_an_empty_one() -> None:
    store = MemoryStore()
    journal = JournalStore(store, NAMES, 1)
    journal.append(0, [record(0)])
    listed = journal.segments()[0]
    store.objects.clear()
    with pytest.raises(StoreUnavailable, match="was listed"):
        list(journal.replay(listed))
