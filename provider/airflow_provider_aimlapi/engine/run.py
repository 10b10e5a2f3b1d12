"""Process a run, from the input's rows to the published manifest. Read this file first.

    1. read     list the input, read its footers and rows     engine/prepare.py, engine/calls/reader.py
    2. plan     split it into shards, refuse what is wrong    engine/prepare.py
    3. admit    wait for a permit: window, limits, budget     engine/calls/feed.py, engine/calls/limiter.py
    4. send     make one call, with one deadline              engine/calls/sender.py
    5. judge    keep the answer, send again, reject, or end   engine/calls/judge.py
    6. write    journal the answer, stage each whole part     engine/durable/collector.py
    7. publish  create the manifest, then show the parts      engine/durable/{publish,visible_run}.py

Steps 1 and 2 spend nothing. Steps 3 to 6 need a lease, because only one attempt may pay for a row
(`engine/durable/lease.py`). Workers repeat them (`engine/calls/live.py`) for each row that earlier
attempts have not paid for (`engine/durable/earlier_attempts.py`). However a run ends, admission ends
first, then the calls in flight return, and their answers are journaled for the next attempt.
A share is a range of parts. It is processed like a run, and the task of the whole run publishes it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.engine.calls.live import LiveCalls
from airflow_provider_aimlapi.engine.calls.reader import Reader
from airflow_provider_aimlapi.engine.durable.collector import Collector
from airflow_provider_aimlapi.engine.durable.earlier_attempts import find_earlier_answers
from airflow_provider_aimlapi.engine.durable.journal_upkeep import upkeep_under
from airflow_provider_aimlapi.engine.durable.lease import Superseded, held_lease
from airflow_provider_aimlapi.engine.durable.publish import publish_run, read_published
from airflow_provider_aimlapi.engine.durable.visible_run import VisibleRun
from airflow_provider_aimlapi.engine.prepare import prepare_run, prepare_share
from airflow_provider_aimlapi.engine.replaced_run import warn_of_replaced
from airflow_provider_aimlapi.engine.reporting.attempt_counts import AttemptCounts
from airflow_provider_aimlapi.engine.reporting.lineage import lineage_of
from airflow_provider_aimlapi.engine.reporting.progress_log import progress_log
from airflow_provider_aimlapi.engine.reporting.reporter import Reporter
from airflow_provider_aimlapi.engine.reporting.summary import summary_of
from airflow_provider_aimlapi.engine.runtime.ending import Ending
from airflow_provider_aimlapi.engine.runtime.retry import persist_in_thread
from airflow_provider_aimlapi.errors import RunInterrupted
from airflow_provider_aimlapi.storage.runs.lease_store import LeaseStore

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.durable.manifest import Manifest
    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary
    from airflow_provider_aimlapi.engine.durable.earlier_answers import EarlierAnswers
    from airflow_provider_aimlapi.engine.durable.lease import Lease
    from airflow_provider_aimlapi.engine.job import Job
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.engine.world import World


async def run(job: Job, settings: Settings, world: World, share: int | None = None) -> RunSummary:
    """Map a completion over the input's rows and publish the result.

    Args:
        share: the share whose rows are sent; nothing is published then. None for the whole run.

    Raises:
        SetupError: before money was spent. Other errors of `errors`: what was paid for is kept.
    """
    started_s = world.clock.now_s()
    prepared = await _prepare_attempt(job, world, share)
    await warn_of_replaced(prepared.replaced, world)
    world.emit_lineage(lineage_of(prepared))
    reporter = Reporter(prepared, settings, world)
    try:
        manifest, calls = await _complete_and_show(prepared, reporter, settings, world)
    except Exception as error:
        await reporter.report_failure(error)
        raise
    await reporter.report_completion(manifest)
    elapsed_s = world.clock.now_s() - started_s
    return await summary_of(prepared, manifest, calls, world, elapsed_s=elapsed_s)


async def _prepare_attempt(job: Job, world: World, share: int | None) -> Prepared:
    check = world.stop.raise_if_requested
    if share is None:
        return await world.scan(prepare_run, job, world.open_store, world.clock, check=check)
    return await world.scan(prepare_share, job, world.open_store, world.clock, share, check=check)


async def _complete_and_show(
    prepared: Prepared, reporter: Reporter, settings: Settings, world: World
) -> tuple[Manifest, LiveCalls | None]:
    """Publish the run unless an attempt has done so, and show it; of a share, complete its parts."""
    manifest, calls = prepared.manifest, None
    if manifest is None:
        manifest, calls = await _complete_under_lease(prepared, reporter, settings, world)
    if prepared.share is None:
        if calls is not None:
            await reporter.report_publishing()
        await VisibleRun(
            prepared,
            manifest,
            is_ours=calls is not None,
            times=settings.publication_times,
            world=world,
            report=partial(reporter.report_wait, "publishing"),
        ).show_run()
    return manifest, calls


async def _complete_under_lease(
    prepared: Prepared, reporter: Reporter, settings: Settings, world: World
) -> tuple[Manifest, LiveCalls | None]:
    """Become the attempt that may pay, and complete the run; or wait for a newer one to do so."""
    if world.stop.is_requested:  # a lease would only make a healthy attempt let go of its own
        raise RunInterrupted("A stop was requested before the run began.")
    threads = world.clock.map_in_threads
    leases = LeaseStore(prepared.store, prepared.names, prepared.share, map_in_threads=threads)
    async with held_lease(leases, settings.lease_times, world) as lease:
        try:
            await reporter.report_begin(lease.epoch)
            await lease.wait_for_elders(partial(reporter.report_wait, "waiting"))
            manifest = await world.scan(prepared.read_manifest)
            if manifest is not None:
                return manifest, None
            ending = Ending()
            work = _complete_rows(prepared, lease, ending, reporter, settings, world)
            return await lease.while_kept(work, lost=ending.end_admission)
        except Superseded:
            await lease.release_lease()  # before the wait: the newer attempt waits for it
            await reporter.report_superseded()
            scanned = prepared.with_check(world.stop.raise_if_requested)
            manifest = await lease.follow_newer(lambda: read_published(scanned, world.clock))
            if manifest is None:
                raise
            return manifest, None


async def _complete_rows(
    prepared: Prepared,
    lease: Lease,
    ending: Ending,
    reporter: Reporter,
    settings: Settings,
    world: World,
) -> tuple[Manifest, LiveCalls]:
    """Send the rows that no earlier attempt has decided, and publish."""
    calls, earlier = await open_calls(prepared, lease, ending, settings, world)
    counts = AttemptCounts(calls, rows=prepared.plan.rows, clock=world.clock)
    reporter.watch_counts(counts, lease.released)
    await calls.ask_all(
        Reader(prepared, earlier, world),
        companions=(reporter.as_companion(), progress_log(calls, prepared, settings, world)),
    )
    return await persist_in_thread(world.clock, publish_run, prepared, calls.collector.parts), calls


async def open_calls(
    prepared: Prepared, lease: Lease, ending: Ending, settings: Settings, world: World
) -> tuple[LiveCalls, EarlierAnswers]:
    """Read what earlier attempts have left, and wire up the calls for the rest.

    Raises:
        JournalUnreadable, StoreUnavailable: what is there cannot be read.
    """
    # Only under the lease: before, an older attempt may still add to what is read here.
    earlier = await world.scan(
        find_earlier_answers,
        prepared.with_check(world.stop.raise_if_requested),
        world.clock,
        retry_rejected=settings.retry_rejected,
    )
    collector = Collector(
        prepared,
        upkeep_under(lease, prepared, world.clock),
        settings=settings,
        ending=ending,
        clock=world.clock,
    )
    collector.take_over(earlier)
    calls = LiveCalls(
        prepared, earlier, collector, lease=lease, ending=ending, settings=settings, world=world
    )
    return calls, earlier
