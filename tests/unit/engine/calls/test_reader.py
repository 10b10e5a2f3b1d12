"""What the reader sends, and what it decides without a call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.engine.calls.reader import Reader
from tests.fakes.prepared_run import PreparedRun, ScriptedApi, answer_to, rejection_of
from tests.fakes.virtual_loop import run_virtual

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.engine.row import Row


@dataclass
class Receiver:
    """Feed and collector in one: keeps what it receives.

    Attributes:
        sent: rows for the workers.
        decided: outcomes without a call.
        reused: outcomes of earlier attempts.
        opened: the parts that were opened.
    """

    sent: list[Row] = field(default_factory=list)
    decided: list[Outcome] = field(default_factory=list)
    reused: list[Outcome] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)
    is_finished: bool = False

    async def open_shard(self, shard: Any) -> None:
        self.opened.append(shard.part)

    async def add_rows(self, rows: list[Row]) -> None:
        self.sent += rows

    def finish(self) -> None:
        self.is_finished = True

    def keep_outcome(self, _part: int, outcome: Outcome) -> None:
        self.decided.append(outcome)

    def keep_earlier(self, _part: int, outcome: Outcome) -> None:
        self.reused.append(outcome)


def read(run: PreparedRun, *, retry_rejected: bool = False) -> Receiver:
    receiver = Receiver()
    both: Any = receiver
    earlier = run.earlier(retry_rejected=retry_rejected)

    async def main() -> None:
        await Reader(run.prepared, earlier, run.world(ScriptedApi())).feed_rows(both, both)

    run_virtual(main())
    assert receiver.is_finished
    return receiver


def test_all_rows_of_a_new_run_are_sent() -> None:
    received = read(PreparedRun(["a", "b", "c"]))
    assert [row.name for row in received.sent] == [(0, 0), (0, 1), (0, 2)]
    assert received.opened == [0]


def test_null_is_skipped_without_a_call() -> None:
    received = read(PreparedRun(["a", None, "c"]))
    assert [row.row for row in received.sent] == [0, 2]
    assert [(one.row, one.status) for one in received.decided] == [(1, "skipped")]


def test_answered_row_is_reused() -> None:
    run = PreparedRun(["a", "b"])
    run.journal(answer_to(run.row(0)))
    received = read(run)
    assert [one.row for one in received.reused] == [0]
    assert [row.row for row in received.sent] == [1]


def test_rejected_row_is_sent_again_with_its_cost() -> None:
    run = PreparedRun(["a", "b"])
    run.journal(answer_to(run.row(1)), rejection_of(run.row(0), cost_nano_usd=70))
    received = read(run, retry_rejected=True)
    assert [(row.row, row.unread_cost_nano_usd) for row in received.sent] == [(0, 70)]
