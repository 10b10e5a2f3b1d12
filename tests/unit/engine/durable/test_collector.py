"""What the collector makes durable, when, and what it does if the store refuses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.calls.completion import (
    CallRecord,
    Completion,
    Reason,
    accepted_outcome,
    rejected_outcome,
)
from airflow_provider_aimlapi.core.durable.journal import rejection_record
from airflow_provider_aimlapi.engine.durable.collector import Collector
from airflow_provider_aimlapi.engine.durable.journal_upkeep import JournalUpkeep
from airflow_provider_aimlapi.engine.runtime.ending import Ending
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import StoreUnsafe, TooManyRejections, TooManyTruncations
from airflow_provider_aimlapi.storage.runs.journal_store import JournalStore
from tests.fakes.memory_store import MemoryStore
from tests.fakes.prepared_run import PreparedRun, answer_to
from tests.fakes.virtual_loop import run_virtual

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.completion import Outcome


class RefusingStore(MemoryStore):
    """Creates no segment while it refuses."""

    is_refusing = False

    def create(self, name: str, data: bytes) -> bool:
        if self.is_refusing and "/journal/" in name:
            raise StoreUnsafe("403")
        return super().create(name, data)


class Case:
    """A collector of a run, whose only shard is open."""

    def __init__(
        self, *texts: str, allowed: int = 0, store: MemoryStore | None = None, **settings: float
    ) -> None:
        self.run = PreparedRun(list(texts), store=store or MemoryStore())
        self.ending = Ending()
        journal = JournalStore(self.run.store, self.run.prepared.names, 1)
        self.collector = Collector(
            self.run.prepared,
            JournalUpkeep(journal, self.run.clock, lambda: 0.0),
            settings=Settings(
                max_rejected_rows=allowed,
                max_truncated_rows=allowed,
                **settings,  # type: ignore[arg-type]
            ),
            ending=self.ending,
            clock=self.run.clock,
        )
        self.collector.take_over(self.run.earlier())
        self.collector.open_shard_now(self.run.prepared.plan.shards[0])

    def answer(self, *indices: int) -> None:
        """Keep an answer to each of these rows."""
        for index in indices:
            row = self.run.row(index)
            outcome = accepted_outcome(Completion(text="hi", status="ok"), row.call_record(1))
            self.collector.keep_outcome(0, outcome, answer_to(row))

    def finish(self, after_s: float = 0.0) -> None:
        """Let the collector work for a while, then end it."""

        async def main() -> None:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.collector.keep_durable(lambda: None))
                await asyncio.sleep(after_s)
                self.collector.note_finished()
            await self.collector.flush_rest()

        run_virtual(main())

    def stored(self, folder: str) -> list[str]:
        return [name for name in self.run.store.objects if f"/{folder}/" in name]


def rejection_to(index: int) -> Outcome:
    call = CallRecord(row=index, attempts=1, request_hash="0" * 64, completed_at_us=1)
    return rejected_outcome(Reason("no", "no"), call)


def test_whole_shard_becomes_a_part_without_a_journal() -> None:
    case = Case("a", "b")
    case.answer(0, 1)
    case.finish(after_s=5.0)
    assert [entry.part for entry in case.collector.parts] == [0]
    assert (len(case.stored("parts")), case.stored("journal")) == (1, [])


def test_open_shard_stays_in_the_journal() -> None:
    case = Case("a", "b")
    case.answer(0)
    case.finish(after_s=5.0)
    assert (case.stored("parts"), len(case.stored("journal"))) == ([], 1)
    assert case.run.earlier().rows_decided() == (1, 0)


def test_answers_at_risk_hold_back_calls_until_durable() -> None:
    case = Case("a", "b", "c", unflushed_rows_max=1, max_concurrency=1)
    case.answer(0, 1)
    assert not case.collector.keeps_up(1)
    case.finish()
    assert case.collector.keeps_up(1)


def test_refused_journal_ends_the_run_and_loses_nothing_later() -> None:
    store = RefusingStore()
    case = Case("a", "b", store=store)
    store.is_refusing = True
    case.answer(0)
    case.finish(after_s=5.0)
    assert isinstance(case.ending.error, StoreUnsafe)
    store.is_refusing = False
    run_virtual(case.collector.flush_rest())
    assert len(case.stored("journal")) == 1


def test_one_rejection_too_many_ends_the_run() -> None:
    case = Case("a", "b", "c", allowed=1)
    for index in (0, 1):
        outcome = rejection_to(index)
        case.collector.keep_outcome(0, outcome, rejection_record(outcome))
    assert isinstance(case.ending.error, TooManyRejections)
    assert case.collector.rejections_left == 0


def test_one_truncated_answer_too_many_ends_the_run() -> None:
    """The first one was journaled by an earlier attempt."""
    case = Case("a", "b", "c", allowed=1)
    cut_off = Completion(text="hi", status="truncated")
    first, second = (
        accepted_outcome(cut_off, case.run.row(index).call_record(1)) for index in range(2)
    )
    case.collector.keep_earlier(0, first)
    assert case.ending.error is None
    case.collector.keep_outcome(0, second)
    assert isinstance(case.ending.error, TooManyTruncations)


def test_earlier_outcome_counts_as_reused_and_is_not_journaled() -> None:
    case = Case("a", "b")
    outcome = accepted_outcome(Completion(text="hi", status="ok"), case.run.row(0).call_record(1))
    case.collector.keep_earlier(0, outcome)
    case.finish()
    assert (case.collector.rows_done, case.collector.rows_reused) == (1, 1)
    assert case.stored("journal") == []
