"""Segments are never lost, never changed, and an unreadable one is never an empty one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aimlapi.core.durable.journal import Record
from airflow_provider_aimlapi.core.durable.keys import RunNames
from airflow_provider_aimlapi.core.durable.object_sizes import MIB, SEGMENT_BYTES_MAX
from airflow_provider_aimlapi.errors import JournalUnreadable
from airflow_provider_aimlapi.storage.runs.journal_store import (
    TAKEN_NAMES_MAX,
    JournalStore,
    SegmentGone,
    list_segments,
    replay_segments,
)
from tests.fakes.memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NAMES = RunNames(run_key="0" * 32)


def record(row: int, reason: str = "") -> Record:
    return Record(
        kind="rejected", row=row, request_hash="h", attempts=1, completed_at_us=1, reason=reason
    )


def map_in_threads(call: Callable[[Any], Any], items: Iterable[Any], threads: int) -> list[Any]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(call, items))


def listed(store: MemoryStore, parts: list[int] | None = None) -> dict[int, list[str]]:
    return list_segments(store, NAMES, parts, map_in_threads)


def replayed(store: MemoryStore, part: int) -> list[Record]:
    return list(replay_segments(store, listed(store).get(part, []), map_in_threads))


def test_segment_of_our_epoch_is_refused_before_a_write() -> None:
    store = MemoryStore()
    store.create(NAMES.segment_name(0, 9, 3), b"planted")
    with pytest.raises(JournalUnreadable, match=r"Remove an object.*00000009-00000003"):
        JournalStore(store, NAMES, 9).take_over(listed(store))
    JournalStore(store, NAMES, 10).take_over(listed(store))
    assert listed(store) == {0: [NAMES.segment_name(0, 9, 3)]}


def test_records_are_replayed_by_epoch_and_sequence() -> None:
    store = MemoryStore()
    old, new = JournalStore(store, NAMES, 9), JournalStore(store, NAMES, 99_999_999)
    new.append_records(0, [record(2)])
    old.append_records(0, [record(0), record(1)])
    old.append_records(1, [record(7)])
    old.append_records(0, [record(5)])
    assert [entry.row for entry in replayed(store, 0)] == [0, 1, 5, 2]
    assert replayed(store, 1) == [record(7)]
    assert replayed(store, 2) == []


def test_name_taken_by_an_unclear_write_is_passed_over() -> None:
    store = MemoryStore()
    store.create(NAMES.segment_name(0, 1, 0), b"an earlier try, whose answer never came")
    journal = JournalStore(store, NAMES, 1)
    journal.append_records(0, [record(3)])
    assert [entry.row for entry in replayed(store, 0)] == [3]


def test_large_records_are_split_into_readable_segments() -> None:
    """The longest answer has 32 MiB; a segment of a slow store's backlog may gather many."""
    store = MemoryStore()
    journal = JournalStore(store, NAMES, 1)
    records = [record(row, "x" * (25 * MIB)) for row in range(5)]
    journal.append_records(0, records)
    assert [len(data) <= SEGMENT_BYTES_MAX for data in store.objects.values()] == [True] * 3
    assert replayed(store, 0) == records


def test_name_after_name_taken_is_another_writer() -> None:
    store = MemoryStore()
    for sequence in range(TAKEN_NAMES_MAX):
        store.create(NAMES.segment_name(0, 1, sequence), b"another's")
    with pytest.raises(JournalUnreadable, match="Another process"):
        JournalStore(store, NAMES, 1).append_records(0, [record(3)])


def test_appending_from_threads_loses_nothing() -> None:
    store = MemoryStore()
    journal = JournalStore(store, NAMES, 1)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda row: journal.append_records(0, [record(row)]), range(100)))
    assert sorted(entry.row for entry in replayed(store, 0)) == list(range(100))


def test_a_damaged_segment_gives_what_stands_before_the_damage() -> None:
    store = MemoryStore()
    journal = JournalStore(store, NAMES, 1)
    journal.append_records(0, [record(0), record(1, "x" * 100)])
    journal.append_records(0, [record(2)])
    (name, _) = listed(store)[0]
    store.objects[name] = store.objects[name][:-3]
    assert [entry.row for entry in replayed(store, 0)] == [0, 2]


def test_listed_segment_that_cannot_be_read_is_never_empty() -> None:
    store = MemoryStore()
    journal = JournalStore(store, NAMES, 1)
    journal.append_records(0, [record(0)])
    names = listed(store)[0]
    store.objects.clear()
    with pytest.raises(SegmentGone, match="was listed"):
        list(replay_segments(store, names, map_in_threads))


def test_parts_are_listed_by_themselves() -> None:
    store = MemoryStore()
    for part in (0, 1, 12):
        JournalStore(store, NAMES, 1).append_records(part, [record(part)])
    assert listed(store, [1, 12, 123]) == {
        part: [NAMES.segment_name(part, 1, 0)] for part in (1, 12)
    }


def test_durable_part_takes_segments_up_to_its_epoch() -> None:
    """Nothing else goes: no newer segment, no other part's, no lease, plan, part or manifest."""
    store = MemoryStore()
    others = [
        NAMES.lease_name(1),
        NAMES.plan_name,
        NAMES.part_name(0),
        NAMES.part_name(0, 2),
        NAMES.manifest_name,
    ]
    others += [
        NAMES.heartbeat_name(1),
        NAMES.progress_name,
        NAMES.segment_name(1, 1, 0),
        NAMES.segment_name(0, 3, 0),
    ]
    others += [NAMES.segment_name(10, 1, 0), NAMES.segment_name(0, 1, 7)]
    for name in others[:-1]:
        store.create(name, b"")
    JournalStore(store, NAMES, 1).append_records(0, [record(0)])
    journal = JournalStore(store, NAMES, 2)
    journal.take_over(listed(store))
    store.create(others[-1], b"")  # which a frozen attempt wrote when it woke
    for row in range(3):
        journal.append_records(0, [record(row)])
    journal.give_up(0, 2, map_in_threads)
    assert sorted(store.objects) == sorted(others)


def test_part_of_older_attempt_leaves_newer_segments() -> None:
    store = MemoryStore()
    JournalStore(store, NAMES, 1).append_records(0, [record(0)])
    journal = JournalStore(store, NAMES, 2)
    journal.take_over(listed(store))
    journal.append_records(0, [record(1)])
    journal.give_up(0, 1, map_in_threads)
    assert sorted(store.objects) == [NAMES.segment_name(0, 2, 0)]
    journal.give_up(0, 2, map_in_threads)
    assert store.objects == {}
