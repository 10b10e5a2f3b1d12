"""What becomes of a row after each kind of result."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.core.arrival.first_answers import ArrivalCheck
from airflow_provider_aimlapi.core.calls.completion import Completion
from airflow_provider_aimlapi.core.money.budget import Budget
from airflow_provider_aimlapi.engine.calls import judge as judge_module
from airflow_provider_aimlapi.engine.calls.feed import Feed
from airflow_provider_aimlapi.engine.calls.judge import Judge
from airflow_provider_aimlapi.engine.calls.limiter import Limiter
from airflow_provider_aimlapi.engine.calls.sender import Unjudged
from airflow_provider_aimlapi.engine.calls.typed.form_trial import FormTrial
from airflow_provider_aimlapi.engine.durable.collector import Collector
from airflow_provider_aimlapi.engine.durable.journal_upkeep import JournalUpkeep
from airflow_provider_aimlapi.engine.runtime.ending import Ending
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import (
    AccessRefused,
    ApiUnavailable,
    RequestRejected,
    Throttled,
    WireViolation,
)
from airflow_provider_aimlapi.storage.runs.journal_store import JournalStore
from tests.fakes.prepared_run import COMPLETION, PreparedRun, ScriptedApi
from tests.fakes.virtual_loop import run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.core.durable.journal import Record
    from airflow_provider_aimlapi.errors import ApiError

HI = Completion(text="hi", status="ok")


class Case:
    """The judge of a run of two rows, with all that it acts on. Make it on a running loop."""

    def __init__(self) -> None:
        self.run = PreparedRun(["a", "b"])
        settings, clock = Settings(max_rejected_rows=2), self.run.clock
        self.ending, self.failures = Ending(), list[str]()
        self.feed = Feed(clock=clock, waiting_max=2)
        journal = JournalStore(self.run.store, self.run.prepared.names, 1)
        self.collector = Collector(
            self.run.prepared,
            JournalUpkeep(journal, clock, lambda: 0.0),
            settings=settings,
            ending=self.ending,
            clock=clock,
        )
        self.collector.open_shard_now(self.run.prepared.plan.shards[0])
        self.judge = Judge(
            rows=2,
            was_answered=True,
            failing_before=set(),
            follow_ups=self.run.prepared.follow_ups,
            trial=FormTrial(
                prepared=self.run.prepared, clock=clock, has_new_rows=self.feed.has_new_rows
            ),
            arrival=ArrivalCheck(model="m", is_open=False),
            settings=settings,
            world=self.run.world(ScriptedApi()),
            collector=self.collector,
            feed=self.feed,
            limiter=Limiter(ceiling=2, budget=Budget(), clock=clock, random=Random(1)),  # noqa: S311
            ending=self.ending,
            count_failure=lambda error: self.failures.append(type(error).__name__),
        )

    @property
    def journaled(self) -> list[Record]:
        """The records that wait for the next segment."""
        return [record for _, record in self.collector._pending]


def judged(act: Callable[[Case], None]) -> Case:
    """Make a case, and do something with it, on a virtual loop."""

    async def main() -> Case:
        case = Case()
        act(case)
        return case

    return run_virtual(main())


def failed(error: ApiError, **row: int) -> Case:
    """The case after a call of its first row has failed."""

    def act(case: Case) -> None:
        first = case.run.row(0)
        for name, value in row.items():
            setattr(first, name, value)
        case.judge.judge_failure(first, error)

    return judged(act)


def test_completion_is_kept_and_journaled() -> None:
    case = judged(lambda case: case.judge.keep_completion(case.run.row(0), COMPLETION, HI))
    assert (case.collector.rows_done, case.collector.counts.completed_rows) == (1, 1)
    assert [(one.kind, one.body) for one in case.journaled] == [("answer", COMPLETION.body)]


@pytest.mark.parametrize(
    "error",
    [
        Throttled("HTTP 429", status=429),
        ApiUnavailable("HTTP 503", status=503),
        RequestRejected("HTTP 400", status=400),
    ],
)
def test_failure_that_may_pass_puts_the_row_back(error: ApiError) -> None:
    case = failed(error)
    assert (len(case.feed._waiting), case.collector.rows_done) == (1, 0)
    assert case.failures == [type(error).__name__]
    assert case.ending.error is None


def test_second_rejection_decides_the_row() -> None:
    case = failed(RequestRejected("HTTP 400", status=400), rejections=2)
    assert (case.collector.counts.rows_by_status()["rejected"], len(case.feed._waiting)) == (1, 0)
    assert [one.kind for one in case.journaled] == ["rejected"]


def test_unreadable_answer_is_journaled_from_the_exception() -> None:
    error = WireViolation("no JSON", answer=COMPLETION, cost_nano_usd=9)
    case = failed(error, violations=1)
    assert [(one.kind, one.body) for one in case.journaled] == [("unread", COMPLETION.body)]
    assert len(case.feed._waiting) == 1


def test_refusal_holds_the_row() -> None:
    case = failed(AccessRefused("HTTP 403", remedy="", status=403))
    assert len(case.judge.refused) == 1
    assert case.collector.rows_done == 0


def test_refusal_without_an_answer_ends_the_run() -> None:
    case = failed(AccessRefused("no route", remedy=""))
    assert isinstance(case.ending.error, AccessRefused)


def test_bug_before_the_record_carries_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise TypeError("a bug")

    monkeypatch.setattr(judge_module, "accepted_outcome", broken)
    with pytest.raises(Unjudged) as raised:
        judged(lambda case: case.judge.keep_completion(case.run.row(0), COMPLETION, HI))
    assert raised.value.answer == COMPLETION
