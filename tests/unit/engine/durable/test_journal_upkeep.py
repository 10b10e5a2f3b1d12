"""Upkeep removes nothing that a newer attempt may need, and never ends what runs beside it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.core.durable.journal import Record
from airflow_provider_aimlapi.core.durable.keys import RunNames
from airflow_provider_aimlapi.engine.durable.earlier_attempts import find_earlier_answers
from airflow_provider_aimlapi.engine.durable.journal_upkeep import JournalUpkeep
from airflow_provider_aimlapi.errors import StoreUnavailable
from airflow_provider_aimlapi.storage.runs.journal_store import JournalStore, SegmentGone
from tests.fakes.memory_store import MemoryStore
from tests.fakes.prepared_run import PreparedRun, answer_to
from tests.fakes.virtual_loop import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = RunNames(run_key="0" * 32)
MERGED = NAMES.segment_name(0, 1, 0, 7)


class Upkeep:
    """Upkeep of one part with eight segments.

    Attributes:
        renewed_at_s: when the lease's newest renewal began.
    """

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.renewed_at_s = 0.0
        self.journal = JournalStore(store, NAMES, 1)
        for number in range(8):
            record = Record(
                kind="failed", row=1, request_hash="", attempts=number, completed_at_us=1
            )
            self.journal.append_records(0, [record])
        self.upkeep = JournalUpkeep(self.journal, VirtualClock(), lambda: self.renewed_at_s)

    async def merge(self, *, is_open: Callable[[int], bool] = lambda _: True) -> list[str]:
        """Do one round; return the segments that are left."""
        async with asyncio.TaskGroup() as tasks:
            self.upkeep.begin_merging(tasks, [0], is_open)
            self.upkeep.begin_merging(tasks, [0], is_open)
        return sorted(self.store.objects)


class FailingStore(MemoryStore):
    """Refuses merged segments and removals."""

    is_failing = False

    def create(self, name: str, data: bytes) -> bool:
        if self.is_failing:
            raise StoreUnavailable("503")
        return super().create(name, data)


def test_replaced_segments_stay_until_a_later_renewal() -> None:
    async def work() -> None:
        run = Upkeep(MemoryStore())
        await asyncio.sleep(10.0)
        assert len(await run.merge()) == 9
        run.renewed_at_s = 9.0
        assert len(await run.merge()) == 9
        run.renewed_at_s = 10.0
        assert await run.merge() == [MERGED]

    run_virtual(work())


def test_part_that_is_not_open_is_left_alone() -> None:
    async def work() -> None:
        run = Upkeep(MemoryStore())
        assert len(await run.merge(is_open=lambda _: False)) == 8

    run_virtual(work())


def test_failed_merge_is_logged_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        store = FailingStore()
        run = Upkeep(store)
        store.is_failing = True
        with caplog.at_level(logging.INFO):
            for _ in range(3):
                assert len(await run.merge()) == 8
        store.is_failing = False
        assert MERGED in await run.merge()

    run_virtual(work())
    assert len(caplog.messages) == 1


class MergingStore(MemoryStore):
    """Merges a part's first eight segments and removes them when one of them is read.

    Attributes:
        creates: whether the merged one is created.
    """

    def __init__(self, *, creates: bool) -> None:
        super().__init__()
        self.creates = creates

    def read(self, name: str, *, bytes_max: int) -> bytes | None:
        if "/journal/" in name:
            eight = [each for each in self.list("") if "/journal/" in each][:8]
            if len(eight) == 8:
                data = b"".join(self.objects.pop(each) for each in eight)
                if self.creates:
                    self.objects[f"{eight[0]}-{eight[-1][-8:]}"] = data
        return super().read(name, bytes_max=bytes_max)


def interrupted(run: PreparedRun) -> PreparedRun:
    journal = JournalStore(run.store, run.prepared.names, 1)
    for index in range(8):
        journal.append_records(0, [answer_to(run.row(index))])
    return run


def test_reader_finds_what_is_merged_meanwhile() -> None:
    run = interrupted(PreparedRun(["a"] * 9, store=MergingStore(creates=True)))
    remains = run.earlier()
    assert remains.rows_decided() == (8, 0)
    assert [len(names) for names in remains.segments.values()] == [1]


def test_segment_that_is_gone_is_not_paid_for_again() -> None:
    run = interrupted(PreparedRun(["a"] * 9, store=MergingStore(creates=False)))
    with pytest.raises(SegmentGone):
        find_earlier_answers(run.prepared, run.clock, retry_rejected=False)
