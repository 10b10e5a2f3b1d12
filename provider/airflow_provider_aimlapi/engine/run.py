"""A run, from the input's rows to the published manifest. Read this file first.

    read → plan → admit → send → judge → write → commit

`prepare` reads and plans, and refuses what is wrong before money is spent. The reader fills the
feed. Each of a fixed set of workers takes a row, is admitted by the limiter, sends, and has what
came back judged (`engine.calls.judge`): a completion goes to the collector, a failure back to the feed
to wait (holding no permit), into a rejection, or ends the run. A refusal (401 to 405) is held back until
another row shows whose it is (`engine.calls.refused_rows`). The collector journals what was paid for and writes
each shard's part once it is whole. When all parts are durable, the manifest publishes them.

However a run ends, admission stops first, calls in flight are drained, and what they brought is
journaled: the next attempt takes up from there.

A run may be divided into shares, ranges of its parts, each for a task of its own. A share is asked for
in just this way, as if it were a run, under a lease of its own; only it is not published. The task
that asks for the whole run does that, and asks for what the shares have left.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.reporting.run_summary import Report
from airflow_provider_aimlapi.core.verdicts.rejections import Rejections
from airflow_provider_aimlapi.engine.calls.arrival_note import (
    leave_note,
    refuse_note,
    watch_arrival,
)
from airflow_provider_aimlapi.engine.calls.feed import Feed
from airflow_provider_aimlapi.engine.calls.given_limits import GivenLimits
from airflow_provider_aimlapi.engine.calls.judge import Judging
from airflow_provider_aimlapi.engine.calls.limiter import AdmissionEnded, Limiter
from airflow_provider_aimlapi.engine.calls.price_lookup import look_up_call_price
from airflow_provider_aimlapi.engine.calls.reader import Reader
from airflow_provider_aimlapi.engine.calls.sender import Sender
from airflow_provider_aimlapi.engine.durable.collector import Collector
from airflow_provider_aimlapi.engine.durable.earlier_attempts import find_remains
from airflow_provider_aimlapi.engine.durable.lease import Superseded, held_lease
from airflow_provider_aimlapi.engine.durable.publish import commit, read_committed
from airflow_provider_aimlapi.engine.durable.share_budget import limit_to_part
from airflow_provider_aimlapi.engine.durable.visible_run import Placing
from airflow_provider_aimlapi.engine.prepare import prepare, prepare_share
from airflow_provider_aimlapi.engine.reporting.attempt_counts import Measured
from airflow_provider_aimlapi.engine.reporting.lineage import lineage_of
from airflow_provider_aimlapi.engine.reporting.progress_log import ProgressLog
from airflow_provider_aimlapi.engine.reporting.reporter import Reporter
from airflow_provider_aimlapi.engine.runtime.companions import beside, bug_in
from airflow_provider_aimlapi.engine.runtime.ending import Ending
from airflow_provider_aimlapi.engine.runtime.retry import persist
from airflow_provider_aimlapi.errors import (
    ApiError,
    BudgetExhausted,
    RunInterrupted,
    WireViolation,
)
from airflow_provider_aimlapi.storage.runs.journal_store import JournalStore
from airflow_provider_aimlapi.storage.runs.lease_store import LeaseStore

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.durable.manifest import Manifest
    from airflow_provider_aimlapi.engine.durable.earlier_answers import Remains
    from airflow_provider_aimlapi.engine.durable.lease import Lease
    from airflow_provider_aimlapi.engine.job import Job
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.row import Row
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.engine.world import World


async def run(job: Job, settings: Settings, world: World, share: int | None = None) -> Report:
    """Map a completion over the input's rows and publish the result.

    Args:
        share: whose rows are asked for; nothing is published then. None for the whole run.

    Raises:
        SetupError: before money was spent. Other errors of `errors`: what was paid for is kept.
    """
    started_s = world.clock.now_s()
    prepared = await _prepare(job, world, share)
    world.tell_lineage(lineage_of(prepared))
    reporter = Reporter(prepared, settings, world)
    try:
        manifest, attempt = await _ask_and_publish(prepared, reporter, settings, world)
    except Exception as error:
        await reporter.failed(error)
        raise
    await reporter.completed(manifest)
    return Report(
        run_key=prepared.names.run_key,
        share=share,
        manifest=prepared.store.uri(prepared.names.manifest),
        output_path=prepared.store.uri(""),
        tally=manifest.tally,
        reused=attempt.collector.rows_reused if attempt else manifest.tally.rows,
        requests=attempt.limiter.requests if attempt else 0,
        throttled=attempt.limiter.throttled if attempt else 0,
        elapsed_s=world.clock.now_s() - started_s,
        files=len(manifest.parts),
        size_bytes=sum(entry.size_bytes for entry in manifest.parts),
        bound_by=attempt.limiter.bound_by if attempt else "",
        bound_sentence=attempt.limiter.bound_sentence() if attempt else "",
    )


async def _prepare(job: Job, world: World, share: int | None) -> Prepared:
    check = world.stop.check
    if share is None:
        return await world.scan(prepare, job, world.open_store, world.clock, check=check)
    return await world.scan(prepare_share, job, world.open_store, world.clock, share, check=check)


async def _ask_and_publish(
    prepared: Prepared, reporter: Reporter, settings: Settings, world: World
) -> tuple[Manifest, RunAttempt | None]:
    manifest, attempt = prepared.manifest, None
    if manifest is None:
        manifest, attempt = await _under_lease(prepared, reporter, settings, world)
    if prepared.share is None:
        if attempt is not None:
            await reporter.publishing()
        await Placing(
            prepared,
            manifest,
            is_ours=attempt is not None,
            times=settings.publication_times,
            world=world,
            report=partial(reporter.waits, "publishing"),
        ).finish()
    return manifest, attempt


async def _under_lease(
    prepared: Prepared, reporter: Reporter, settings: Settings, world: World
) -> tuple[Manifest, RunAttempt | None]:
    """Become the attempt that may pay, and ask; or let a newer attempt do so, and wait for it."""
    if world.stop.is_requested:  # a lease would only make a healthy attempt let go of its own
        raise RunInterrupted("The run was asked to stop before it began.")
    leases = LeaseStore(prepared.store, prepared.names, prepared.share, spread=world.clock.spread)
    async with held_lease(leases, settings.lease_times, world) as lease:
        try:
            await reporter.begin(lease.epoch)
            await lease.wait_for_elders(partial(reporter.waits, "waiting"))
            manifest = await world.scan(prepared.read_manifest)
            if manifest is not None:
                return manifest, None
            ending = Ending()
            work = _ask_and_commit(prepared, lease, ending, reporter, settings, world)
            return await lease.while_kept(work, lost=ending.halt)
        except Superseded:
            await lease.release()  # before the wait: the newer attempt waits for it
            await reporter.superseded()
            scanned = prepared.checked(world.stop.check)
            manifest = await lease.follow(lambda: read_committed(scanned, world.clock))
            if manifest is None:
                raise
            return manifest, None


async def _ask_and_commit(
    prepared: Prepared,
    lease: Lease,
    ending: Ending,
    reporter: Reporter,
    settings: Settings,
    world: World,
) -> tuple[Manifest, RunAttempt]:
    journal = JournalStore(prepared.store, prepared.names, lease.epoch)
    remains = await world.scan(
        find_remains,
        prepared.checked(world.stop.check),
        world.clock,
        retry_rejected=settings.retry_rejected,
    )
    attempt = RunAttempt(prepared, journal, remains, lease, ending, settings, world)
    reporter.watch(attempt.measured)
    await attempt.ask_all(reporter)
    return await persist(world.clock, commit, prepared, attempt.collector.parts), attempt


class RunAttempt:
    """One attempt's parts, wired together, and the loop that each worker goes round."""

    def __init__(
        self,
        prepared: Prepared,
        journal: JournalStore,
        remains: Remains,
        lease: Lease,
        ending: Ending,
        settings: Settings,
        world: World,
    ) -> None:
        self._prepared, self._epoch, self._ending = prepared, lease.epoch, ending
        self._settings, self._world = settings, world
        clock, rows = world.clock, prepared.plan.rows
        self._budget = budget = remains.budget(settings.budget_nano_usd)
        self._feed = Feed(clock=clock, waiting_max=2 * settings.max_concurrency)
        self.collector = Collector(
            prepared,
            journal,
            settings=settings,
            rejections=Rejections(allowed=settings.rejections_allowed(prepared.run_plan.rows)),
            ending=ending,
            clock=clock,
        )
        self.collector.take_over(remains)
        self.limiter = Limiter(
            ceiling=settings.max_concurrency,
            budget=budget,
            may_pay=lease.may_pay,
            store_keeps_up=self.collector.keeps_up,
            given=GivenLimits.of(settings, prepared.job.completion.max_tokens),
            looks_first=settings.looks_first,
            clock=clock,
            random=world.random,
        )
        ending.closes(self._feed.close, self.limiter.close)
        self._reader = Reader(
            prepared, remains, collector=self.collector, feed=self._feed, clock=clock
        )
        self._progress = ProgressLog(
            rows=rows, collector=self.collector, limiter=self.limiter, budget=budget, clock=clock
        )
        self.measured = Measured(
            rows=rows, collector=self.collector, limiter=self.limiter, budget=budget, clock=clock
        )
        self._judging = Judging(
            rows=rows,
            was_answered=remains.has_answers,
            arrival=watch_arrival(prepared, settings),
            settings=settings,
            world=world,
            collector=self.collector,
            feed=self._feed,
            limiter=self.limiter,
            ending=ending,
            count_failure=self.measured.failed,
        )

    async def ask_all(self, reporter: Reporter) -> None:
        """Decide every row that is not decided yet.

        Raises:
            AimlapiError: why the run ended early; what was paid for is durable.
        """
        await self._refuse_dropped()
        await self._price_calls()
        async with AsyncExitStack() as connections:
            sender = await self._open_sender(connections)
            await self._work_all(sender, connections, reporter)
        await self.collector.flush_rest()
        await self._note_dropped()
        if self._ending.error is not None:
            raise self._ending.error

    async def _work_all(
        self, sender: Sender, connections: AsyncExitStack, reporter: Reporter
    ) -> None:
        """Let workers ask for rows until none is left or the run ends, with companions beside them."""
        async with asyncio.TaskGroup() as tasks:
            companions = self._start_companions(tasks, reporter)
            self._feed.workers = self._worker_count()
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._feed.workers):
                    workers.create_task(beside(self._work(sender), "worker", self._ending.halt))
            # Before the last segments are written: the store may need these descriptors.
            await beside(connections.aclose(), "closing of connections")
            for companion in companions:
                companion.cancel()
            reporter.let_go()
            self.collector.finish()

    async def _open_sender(self, connections: AsyncExitStack) -> Sender:
        return Sender(
            run_key=self._prepared.names.run_key,
            epoch=self._epoch,
            client=await connections.enter_async_context(self._world.open_client()),
            limiter=self.limiter,
            budget=self._budget,
            latencies=self.measured.latencies,
            opening=self._judging.opening,
            now_s=self._world.clock.now_s,
            wall_us=self._world.clock.wall_us,
        )

    def _start_companions(
        self, tasks: asyncio.TaskGroup, reporter: Reporter
    ) -> list[asyncio.Task[None]]:
        """Start what runs beside the calls; return those to cancel when the last call has ended."""
        halt, interval_s = self._ending.halt, self._settings.progress_interval_s
        tasks.create_task(beside(self.collector.keep(self.limiter.wake), "journal keeper", halt))
        tasks.create_task(beside(reporter.publish_always(), "progress page"))
        return [
            tasks.create_task(beside(self._read(), "reader of the input", halt)),
            tasks.create_task(beside(self._watch_stop(), "watch for a stop", halt)),
            tasks.create_task(beside(self._progress.write_every(interval_s), "progress log")),
        ]

    async def _refuse_dropped(self) -> None:
        """Use no answers of an earlier attempt that were made without the instructions."""
        judging = self._judging
        if judging.arrival.is_open and judging.was_answered:
            await persist(self._world.clock, refuse_note, self._prepared)

    async def _note_dropped(self) -> None:
        """Mark this attempt's answers as unusable if they were made without the instructions."""
        self._judging.close_arrival()
        if self._judging.arrival.error is not None:
            judgement = self._judging.arrival.judgement
            await persist(self._world.clock, leave_note, self._prepared, judgement)

    def _has_rows_left(self) -> bool:
        return self.collector.rows_done < self._prepared.plan.rows

    async def _price_calls(self) -> None:
        """With a budget, and rows left to ask for: learn what a call may cost at most."""
        if self._settings.max_cost_usd is None or self._ending.error is not None:
            return
        if self._has_rows_left():
            world, completion = self._world, self._prepared.job.completion
            prepared = self._prepared.checked(world.stop.check)
            await world.scan(limit_to_part, self._budget, prepared, self._epoch, world.clock)
            self._budget.price = await look_up_call_price(self._world.ask_prices, completion)

    def _worker_count(self) -> int:
        """As many as may be in flight, but no more than rows; one at least waits for the reader."""
        return max(1, min(self._settings.max_concurrency, self._prepared.plan.rows))

    async def _read(self) -> None:
        await self._reader.read(self._prepared.plan.shards)

    async def _watch_stop(self) -> None:
        await self._world.stop.wait()
        self._ending.halt(RunInterrupted("The run was asked to stop. A retry takes up from here."))

    async def _work(self, sender: Sender) -> None:
        """Take a row, send it, have the result judged, again and again."""
        while (row := await self._feed.take()) is not None:
            if not self._judging.may_send(row):
                continue
            try:
                await self._work_on(row, sender)
            except AdmissionEnded:
                return
            except Exception as error:  # noqa: BLE001  # its answer may have come, and be paid for
                self._ending.halt(bug_in("work on a row", error))
                self._judging.keep_unread(row, WireViolation("A bug kept it from being read."))

    async def _work_on(self, row: Row, sender: Sender) -> None:
        try:
            answer, completion = await sender.attempt(row)
        except ApiError as error:
            self._judging.failed(row, error)
        except BudgetExhausted as error:
            self._ending.halt(error)
        else:
            self._judging.answered(row, answer, completion)
