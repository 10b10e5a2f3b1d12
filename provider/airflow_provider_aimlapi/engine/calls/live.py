"""Answer rows by live calls: workers take a row, get a permit, send it, and have the answer judged.

`engine.run` gives the rows by a `RowSource` and receives the answers from the collector. It uses
`ask_all` and the counts, nothing else, so rows may be answered in another way.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Protocol

from airflow_provider_aimlapi.core.calls.completion import Reason
from airflow_provider_aimlapi.core.reporting.measures import ErrorCounts, LatencyCounts
from airflow_provider_aimlapi.core.verdicts.opening import OPENING_ROWS
from airflow_provider_aimlapi.engine.calls.allowances import Allowances
from airflow_provider_aimlapi.engine.calls.arrival_note import (
    leave_note,
    refuse_note,
    watch_arrival,
)
from airflow_provider_aimlapi.engine.calls.feed import Feed
from airflow_provider_aimlapi.engine.calls.judge import Judge
from airflow_provider_aimlapi.engine.calls.limiter import AdmissionEnded, Limiter
from airflow_provider_aimlapi.engine.calls.marks.marked_calls import MarkedCalls
from airflow_provider_aimlapi.engine.calls.run_budget import bound_budget, open_budget
from airflow_provider_aimlapi.engine.calls.sender import Sender, Unjudged
from airflow_provider_aimlapi.engine.calls.typed.answer_check import AnswerCheck
from airflow_provider_aimlapi.engine.calls.typed.form_trial import FormTrial, use_noted_form
from airflow_provider_aimlapi.engine.runtime.companions import bug_in, run_beside
from airflow_provider_aimlapi.engine.runtime.retry import persist_in_thread
from airflow_provider_aimlapi.errors import (
    ApiError,
    BudgetExhausted,
    RunInterrupted,
    StorageError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.engine.durable.collector import Collector
    from airflow_provider_aimlapi.engine.durable.earlier_answers import EarlierAnswers
    from airflow_provider_aimlapi.engine.durable.lease import Lease
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.row import Row
    from airflow_provider_aimlapi.engine.runtime.companions import Companion
    from airflow_provider_aimlapi.engine.runtime.ending import Ending
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.engine.world import World


_UNJUDGED = Reason("A bug prevented it from being read.", "A bug prevented it from being read.")


class RowSource(Protocol):
    """Where the rows of an attempt come from.

    Attributes:
        rows_max: the most rows that it has.
    """

    @property
    def rows_max(self) -> int: ...  # noqa: D102

    async def feed_rows(self, feed: Feed, collector: Collector) -> None:
        """Open shards in the collector, hand their undecided rows to the feed, finish the feed."""
        ...


class LiveCalls:
    """The calls of one attempt: its components, wired together, and its workers.

    Attributes:
        collector: receives each answer and outcome.
        limiter: grants permits.
        marks: puts cache marks into requests.
        budget: what the run may spend, and has spent.
        latencies: the time that each answered call took.
        errors: the failed calls, by kind.
    """

    def __init__(
        self,
        prepared: Prepared,
        earlier: EarlierAnswers,
        collector: Collector,
        *,
        lease: Lease,
        ending: Ending,
        settings: Settings,
        world: World,
    ) -> None:
        self._prepared = prepared
        self._epoch = lease.epoch
        self._ending = ending
        self._settings = settings
        self._world = world
        self.collector = collector
        self.latencies = LatencyCounts()
        self.errors = ErrorCounts()
        self.budget = open_budget(earlier, settings)
        self._feed = Feed(clock=world.clock, waiting_max=2 * settings.max_concurrency)
        self.limiter = Limiter(
            ceiling=settings.max_concurrency,
            budget=self.budget,
            may_pay=lease.may_pay,
            store_keeps_up=collector.keeps_up,
            allowances=Allowances.of_settings(settings, prepared.job.completion.max_tokens),
            starts_with_probe=settings.starts_with_probe,
            clock=world.clock,
            random=world.random,
        )
        self.marks = MarkedCalls(prepared, world.clock, is_wanted=settings.cache_prompt == "auto")
        self.marks.heed_earlier((*earlier.durable_tallies(), *earlier.journaled.values()))
        ending.register_closers(self._feed.close_feed, self.limiter.end_admission, self.marks.close)
        self._trial = FormTrial(
            prepared=prepared,
            clock=world.clock,
            has_new_rows=self._feed.has_new_rows,
        )
        self._judge = Judge(
            rows=prepared.plan.rows,
            was_answered=earlier.has_answers,
            failing_before=earlier.rows_failing(),
            follow_ups=prepared.follow_ups,
            trial=self._trial,
            arrival=watch_arrival(prepared, settings),
            settings=settings,
            world=world,
            collector=collector,
            feed=self._feed,
            limiter=self.limiter,
            ending=ending,
            count_failure=self._count_failure,
        )

    async def ask_all(self, source: RowSource, companions: Sequence[Companion] = ()) -> None:
        """Decide every row of the source, with the companions beside the calls.

        Raises:
            AimlapiError: why the run ended early; what was paid for is durable.
        """
        # Both read what earlier attempts have noted about the answers, so they come before the
        # first call.
        await self._refuse_dropped()
        await self._open_trial()
        left = self._prepared.plan.rows - self.collector.rows_done
        self.marks.expect_rows(min(source.rows_max, left))
        # An attempt that has nothing to send fetches no prices, and reads nothing of other shares.
        if self._ending.error is None and self.collector.rows_done < self._prepared.plan.rows:
            await bound_budget(
                self.budget,
                self._prepared,
                self._epoch,
                self._settings,
                self._world,
                head_bytes=self.marks.head_bytes,
            )
            await self.marks.fetch_prices(self.budget, self._world)
        async with AsyncExitStack() as connections:
            sender = await self._open_sender(connections)
            await self._work_all(sender, connections, source, companions)
        await self.collector.flush_rest()
        await self._note_dropped()
        if self._ending.error is not None:
            raise self._ending.error

    async def _work_all(
        self,
        sender: Sender,
        connections: AsyncExitStack,
        source: RowSource,
        companions: Sequence[Companion],
    ) -> None:
        """Let workers send rows until none is left or the run ends."""
        halt = self._ending.end_admission
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(
                run_beside(
                    self.collector.keep_durable(self.limiter.wake_waiters), "journal keeper", halt
                )
            )
            rows = source.feed_rows(self._feed, self.collector)
            helpers = [
                tasks.create_task(run_beside(rows, "reader of the input", halt)),
                tasks.create_task(run_beside(self._watch_stop(), "watch for a stop", halt)),
            ]
            # Before the workers, so that the page shows a run whose first calls take minutes.
            stops = [companion.start_in(tasks) for companion in companions]
            self._feed.workers = self._worker_count(source)
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._feed.workers):
                    workers.create_task(run_beside(self._work_on_rows(sender), "worker", halt))
            # Before the last segments are written: the store may need these descriptors.
            await run_beside(connections.aclose(), "closing of connections")
            for helper in helpers:
                helper.cancel()
            for stop in stops:
                stop()
            self.collector.note_finished()

    async def _open_sender(self, connections: AsyncExitStack) -> Sender:
        return Sender(
            run_key=self._prepared.names.run_key,
            epoch=self._epoch,
            client=await connections.enter_async_context(self._world.open_client()),
            limiter=self.limiter,
            budget=self.budget,
            latencies=self.latencies,
            opening=self._judge.opening,
            now_s=self._world.clock.now_s,
            wall_us=self._world.clock.wall_us,
            body_of=self.marks.body_of,
            check=self._answer_check(),
        )

    def _answer_check(self) -> AnswerCheck | None:
        validator = self._prepared.validator
        if validator is None:
            return None
        return AnswerCheck(validator=validator, clock=self._world.clock)

    def _worker_count(self, source: RowSource) -> int:
        """Return one worker per call in flight, but no more than rows; one waits for the source."""
        return max(1, min(self._settings.max_concurrency, source.rows_max))

    async def _watch_stop(self) -> None:
        await self._world.stop.wait_for_stop()
        self._ending.end_admission(
            RunInterrupted("A stop was requested. A retry continues from here.")
        )

    async def _work_on_rows(self, sender: Sender) -> None:
        """Take a row, send it, have the result judged, again and again."""
        while (row := await self._feed.take_row()) is not None:
            if not self._judge.may_send(row):
                continue
            try:
                await self._work_on(row, sender)
            except AdmissionEnded:
                # The row was not sent. It stays undecided, and a later attempt sends it.
                return
            except Unjudged as error:  # its answer may have come, and be paid for
                self._halt_for_bug(error.__cause__ or error)
                self._judge.keep_unread(row, error.answer, _UNJUDGED)
            except Exception as error:  # noqa: BLE001  # the worker ends; calls in flight return
                self._halt_for_bug(error)

    async def _work_on(self, row: Row, sender: Sender) -> None:
        follow_up = row.follow_up
        if follow_up is None and self._is_renewed_duplicate(row):
            return
        if self._trial.is_open:
            self._trial.note_sent(row)
        await self.marks.wait_for_lead(row)
        try:
            await self._call(row, sender)
        finally:
            self.marks.ended(row)

    async def _call(self, row: Row, sender: Sender) -> None:
        follow_up = row.follow_up
        is_raised = follow_up is not None and follow_up.is_raised
        try:
            answer, completion = await (sender.call_raised if is_raised else sender.make_call)(row)
        except ApiError as error:
            if self.marks.is_refused(row, error):
                self._count_failure(error)
                self._feed.put_back(row, 0.0)
                return
            self._judge.judge_failure(row, error)
            if self._trial.is_due:
                await self._change_form()
        except BudgetExhausted as error:
            # An answer that was cut off is a result, too. An invalid one is repaired with a new budget.
            if follow_up is not None and follow_up.answers.last.status == "truncated":
                self._judge.settle_with_last(row, follow_up)
            else:
                self._ending.end_admission(error)
        else:
            self.marks.answered(row, completion)
            self._judge.keep_completion(row, answer, completion)

    def _is_renewed_duplicate(self, row: Row) -> bool:
        """Use the present form for a row. Return whether another row makes the same request by now.

        The form may have changed while the row waited. A follow-up keeps the form of the answer that it
        is about.
        """
        maker, earlier_hash = self._prepared.maker, row.request_hash
        if row.form == maker.form:
            return False
        maker.renew_request(row)
        return self.collector.duplicates.renewed(row, earlier_hash)

    async def _open_trial(self) -> None:
        """Use the form that an earlier attempt changed to, or let this one change it."""
        maker = self._prepared.maker
        if maker.next_form is None:
            return
        await persist_in_thread(self._world.clock, use_noted_form, self._prepared)
        if maker.next_form is not None and not self._judge.was_answered:
            self._trial.is_open = True
            # The rows of the trial wait beside others.
            self._feed.waiting_max = max(self._feed.waiting_max, 2 * OPENING_ROWS)

    async def _change_form(self) -> None:
        try:
            await self._trial.change_form()
        except StorageError as error:
            self._ending.end_admission(error)

    def _halt_for_bug(self, error: BaseException) -> None:
        self._ending.end_admission(bug_in("work on a row", error))

    def _count_failure(self, error: ApiError) -> None:
        self.errors.add_error(type(error).__name__, error.status, str(error))

    async def _refuse_dropped(self) -> None:
        """Use no answers of an earlier attempt that were made without the instructions."""
        if self._judge.arrival.is_open and self._judge.was_answered:
            await persist_in_thread(self._world.clock, refuse_note, self._prepared)

    async def _note_dropped(self) -> None:
        """Mark this attempt's answers as unusable if they were made without the instructions."""
        self._judge.close_arrival()
        if self._judge.arrival.error_to_raise is not None:
            judgement = self._judge.arrival.judgement
            await persist_in_thread(self._world.clock, leave_note, self._prepared, judgement)
