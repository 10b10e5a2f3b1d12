"""What the reader sends, and what it decides without a call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aimlapi.engine.calls.reader import Reader
from airflow_provider_aimlapi.engine.reuse.duplicates import Duplicates
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
    asks_once: bool = True
    duplicates: Duplicates = field(init=False)

    def __post_init__(self) -> None:
        self.duplicates = Duplicates(
            is_on=self.asks_once, rows=9, validator=None, keep=self.keep_outcome
        )

    def wake(self) -> None:
        raise AssertionError("no reader waits here")

    async def open_shard(self, shard: Any, on_full: Any) -> None:  # noqa: ARG002  # never full
        self.opened.append(shard.part)

    async def add_rows(self, rows: list[Row]) -> None:
        self.sent += rows

    def note_all_read(self) -> None:
        self.is_finished = True

    def keep_outcome(self, _part: int, outcome: Outcome) -> None:
        self.decided.append(outcome)

    def keep_earlier(self, _part: int, outcome: Outcome) -> None:
        self.reused.append(outcome)


def read(run: PreparedRun, *, retry_rejected: bool = False) -> Receiver:
    receiver = Receiver(asks_once=run.job.ask_once)
    both: Any = receiver
    earlier = run.earlier(retry_rejected=retry_rejected)

    async def main() -> None:
        await Reader(run.prepared, earlier, run.world(ScriptedApi())).feed_rows(both, both)

    run_virtual(main())
    assert receiver.is_finished
    return receiver


def test_all_rows_of_a_new_run_are_sent() -> None:
    received = read(PreparedRun(["a", "b", "c"]))
    assert [row.row_position for row in received.sent] == [(0, 0), (0, 1), (0, 2)]
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


def test_row_that_repeats_another_one_is_not_sent() -> None:
    received = read(PreparedRun(["a", "b", "a", "c", "a"]))
    assert [row.row for row in received.sent] == [0, 1, 3]
    assert [row.row for row in received.sent[0].duplicates or ()] == [2, 4]


def test_each_row_is_sent_with_ask_once_off() -> None:
    received = read(PreparedRun(["a", "a"], changes={"ask_once": False}))
    assert [row.row for row in received.sent] == [0, 1]


@pytest.mark.parametrize("answered", [0, 2])
def test_journaled_answer_serves_its_duplicates(answered: int) -> None:
    """A sample may have paid for the last of them."""
    run = PreparedRun(["a", "b", "a"])
    run.journal(answer_to(run.row(answered)))
    received = read(run)
    assert [row.row for row in received.sent] == [1]
    assert [one.row for one in received.reused] == [answered]
    (duplicate,) = received.decided
    assert (duplicate.row, duplicate.same_as) == (2 - answered, f"0:{answered}")
