"""Merging changes the number of segments, and nothing that a reader finds in them."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.core.durable import segments as rules
from airflow_provider_aimlapi.core.durable.journal import Record
from airflow_provider_aimlapi.core.durable.keys import RunNames
from airflow_provider_aimlapi.core.durable.segments import uncovered_segments
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.errors import StoreUnavailable
from airflow_provider_aimlapi.storage.runs import segment_merging
from airflow_provider_aimlapi.storage.runs.journal_store import (
    JournalStore,
    SegmentGone,
    list_again,
    list_segments,
    replay_segments,
)
from tests.fakes.memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = RunNames(run_key="0" * 32)
spread = SystemClock().map_in_threads


class UnclearStore(MemoryStore):
    """Creates of merged segments fail: with an effect, without one, or not.

    Attributes:
        fates: of the next ones, "lost" or "unclear".
    """

    def __init__(self) -> None:
        super().__init__()
        self.fates: list[str] = []

    def create(self, name: str, data: bytes) -> bool:
        fate = self.fates.pop() if self.fates and name.count("-") > 1 else ""
        if fate == "lost":
            raise StoreUnavailable("503")
        result = super().create(name, data)
        if fate == "unclear":
            raise StoreUnavailable("no answer")
        return result


def write(journal: JournalStore, numbers: Sequence[int], part: int = 0) -> None:
    for number in numbers:
        record = Record(
            kind="failed", row=7, request_hash="", attempts=number, completed_at_us=number
        )
        journal.append_records(part, [record])


def merge(journal: JournalStore, part: int = 0) -> list[str]:
    """Merge all that can be; return what was replaced."""
    replaced: list[str] = []
    while group := journal.next_group(part):
        replaced += journal.merge_group(part, group, spread)
    return replaced


def read(store: MemoryStore, part: int = 0) -> list[int]:
    names = list_segments(store, NAMES, [part], spread).get(part, [])
    return [record.attempts for record in replay_segments(store, uncovered_segments(names), spread)]


def test_merged_segments_hold_the_same_records() -> None:
    store = MemoryStore()
    journal = JournalStore(store, NAMES, 3)
    write(journal, range(1, 21))
    write(journal, range(100, 103), part=1)
    journal.remove_replaced(0, merge(journal), spread)
    numbers = [(0, 7), (8, 15), (16, 16), (17, 17), (18, 18), (19, 19)]
    expected = [NAMES.segment_name(0, 3, first, last) for first, last in numbers]
    assert store.list(NAMES.segments_of(0)) == expected
    assert read(store) == list(range(1, 21))
    assert len(store.list(NAMES.segments_of(1))) == 3


def test_merged_segments_are_merged_themselves() -> None:
    store = MemoryStore()
    journal = JournalStore(store, NAMES, 1)
    for number in range(1, 601):
        write(journal, [number])
        journal.remove_replaced(0, merge(journal), spread)
        assert len(store.objects) <= 7 * 4
    assert read(store) == list(range(1, 601))


def test_replaced_segments_stay_until_they_are_removed() -> None:
    store = MemoryStore()
    journal = JournalStore(store, NAMES, 1)
    write(journal, range(1, 9))
    replaced = merge(journal)
    assert sorted(store.objects) == sorted([*replaced, NAMES.segment_name(0, 1, 0, 7)])
    assert read(store) == list(range(1, 9))


@pytest.mark.parametrize("fate", ["lost", "unclear"])
def test_failed_merge_is_repeated_under_its_name(fate: str) -> None:
    store = UnclearStore()
    journal = JournalStore(store, NAMES, 1)
    write(journal, range(1, 9))
    store.fates = [fate]
    if fate == "lost":
        with pytest.raises(StoreUnavailable):
            merge(journal)
    write(journal, range(9, 12))
    journal.remove_replaced(0, merge(journal), spread)
    assert min(store.objects) == NAMES.segment_name(0, 1, 0, 7)
    assert len(store.objects) == 4
    assert read(store) == list(range(1, 12))


def test_damaged_segment_hides_nothing_behind_it() -> None:
    """Neither it nor what is older is merged, now or later."""
    store = MemoryStore()
    journal = JournalStore(store, NAMES, 1)
    write(journal, range(1, 9))
    damaged = NAMES.segment_name(0, 1, 3)
    store.objects[damaged] = store.objects[damaged][:-1]
    assert merge(journal) == []
    write(journal, range(9, 17))
    journal.remove_replaced(0, merge(journal), spread)
    assert read(store) == [1, 2, 3, 5, 6, 7, 8, *range(9, 17)]


def test_another_object_under_the_name_ends_merging() -> None:
    store = MemoryStore()
    journal = JournalStore(store, NAMES, 1)
    write(journal, range(1, 9))
    store.create(NAMES.segment_name(0, 1, 0, 7), b"another's")
    assert merge(journal) == []
    assert len(store.objects) == 9


def test_segments_that_are_too_large_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    journal = JournalStore(store, NAMES, 1)
    write(journal, [1])
    size_bytes = len(store.objects[NAMES.segment_name(0, 1, 0)])
    monkeypatch.setattr(rules, "SEGMENT_BYTES_MAX", 20 * size_bytes)
    for number in range(2, 101):
        write(journal, [number])
        journal.remove_replaced(0, merge(journal), spread)
    assert {len(data) for data in store.objects.values()} == {size_bytes, 8 * size_bytes}
    assert len(store.objects) == 100 // 8 + 100 % 8
    assert read(store) == list(range(1, 101))


def test_durable_part_takes_merged_segments_too() -> None:
    store = MemoryStore()
    journal = JournalStore(store, NAMES, 1)
    write(journal, range(1, 13))
    merge(journal)
    journal.give_up(0, 1, spread)
    assert store.objects == {}
    assert journal.next_group(0) == ()


@pytest.mark.parametrize("seed", range(20))
def test_any_removals_leave_each_record_once(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where creates are lost or unclear, and a kill comes between any two removals."""
    monkeypatch.setattr(rules, "MERGED_AT_ONCE", 2 + seed % 3)
    random = Random(seed)  # noqa: S311  # the same each time
    store = UnclearStore()
    journal = JournalStore(store, NAMES, 1)
    for number in range(1, 41):
        write(journal, [number])
        store.fates = random.choices(["", "lost", "unclear"], k=4)
        try:
            replaced = merge(journal)
        except StoreUnavailable:
            continue
        finally:
            assert read(store) == list(range(1, number + 1))
        for name in random.sample(replaced, random.randint(0, len(replaced))):
            store.delete(name)
            assert read(store) == list(range(1, number + 1))


def test_segment_that_was_merged_is_listed_again() -> None:
    store = MemoryStore()
    journal = JournalStore(store, NAMES, 1)
    write(journal, range(1, 10))
    before = store.list(NAMES.segments_of(0))
    journal.remove_replaced(0, merge(journal), spread)
    again = list_again(store, NAMES, 0, before, spread)
    assert again == [NAMES.segment_name(0, 1, 0, 7), NAMES.segment_name(0, 1, 8)]


def test_segment_that_is_nowhere_is_no_empty_one() -> None:
    store = MemoryStore()
    journal = JournalStore(store, NAMES, 1)
    write(journal, range(1, 10))
    before = store.list(NAMES.segments_of(0))
    store.delete(before[4])
    with pytest.raises(SegmentGone):
        list_again(store, NAMES, 0, before, spread)


def test_register_forgets_a_part() -> None:
    own = segment_merging.OwnSegments()
    for number in range(8):
        own.note_segment(0, NAMES.segment_name(0, 1, number), number, b"")
    own.forget_part(0)
    assert own.next_group(0) == ()
