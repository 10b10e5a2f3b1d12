"""Send a paid sample: a few rows of a run ahead of the others, under the run's own lease and key.

The answers are journaled like any other, so the run finds them and does not pay again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.engine.durable.earlier_attempts import read_journaled_rows
from airflow_provider_aimlapi.engine.durable.lease import held_lease
from airflow_provider_aimlapi.engine.reporting.attempt_counts import AttemptCounts
from airflow_provider_aimlapi.engine.reporting.progress_log import progress_log
from airflow_provider_aimlapi.engine.reporting.reporter import Reporter
from airflow_provider_aimlapi.engine.run import open_calls
from airflow_provider_aimlapi.engine.runtime.ending import Ending
from airflow_provider_aimlapi.errors import RunInterrupted
from airflow_provider_aimlapi.storage.runs.lease_store import LeaseStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.engine.calls.feed import Feed
    from airflow_provider_aimlapi.engine.durable.collector import Collector
    from airflow_provider_aimlapi.engine.durable.lease import Lease
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.row import Row
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.engine.world import World


class Sample:
    """A row source: some rows of a run, and none of the others."""

    def __init__(self, prepared: Prepared, rows: Sequence[Row]) -> None:
        self.rows_max = len(rows)
        self._rows = rows
        self._shards = prepared.plan.shards

    async def feed_rows(self, feed: Feed, collector: Collector) -> None:
        """Hand over the rows; the shards stay open, because the run decides their other rows."""
        parts = {row.part for row in self._rows}
        for shard in self._shards:
            if shard.part in parts:
                collector.open_shard_now(shard)
        await feed.add_rows(list(self._rows))
        feed.note_all_read()


async def send_sample(
    prepared: Prepared, rows: Sequence[Row], settings: Settings, world: World
) -> None:
    """Send rows of a run whose plan is settled. When this returns, their answers are durable.

    Rows that another attempt has decided meanwhile are not sent again.

    Raises:
        AimlapiError: as for a run; what was paid for is kept for it.
    """
    if world.stop.is_requested:
        raise RunInterrupted("A stop was requested before the sample began.")
    reporter = Reporter(prepared, settings, world)
    attempt = _SampleAttempt(prepared, rows, reporter, settings, world)
    try:
        await attempt.send_under_lease()
    except Exception as error:
        await reporter.report_failure(error)
        raise
    await reporter.report_sample()


@dataclass(frozen=True, slots=True)
class _SampleAttempt:
    """An attempt of the run that sends a few of its rows, and reports to the run page as any other."""

    prepared: Prepared
    rows: Sequence[Row]
    reporter: Reporter
    settings: Settings
    world: World

    async def send_under_lease(self) -> None:
        prepared, world, reporter = self.prepared, self.world, self.reporter
        threads = world.clock.map_in_threads
        leases = LeaseStore(prepared.store, prepared.names, map_in_threads=threads)
        async with held_lease(leases, self.settings.lease_times, world) as lease:
            await reporter.report_begin(lease.epoch)
            await lease.wait_for_elders(partial(reporter.report_wait, "waiting"))
            # Otherwise another attempt has published the run while this one waited, and nothing is
            # left to send.
            if await world.scan(prepared.read_manifest) is None:
                ending = Ending()
                await lease.while_kept(self._send_rows(lease, ending), lost=ending.end_admission)

    async def _send_rows(self, lease: Lease, ending: Ending) -> None:
        prepared, world = self.prepared, self.world
        calls, earlier = await open_calls(prepared, lease, ending, self.settings, world)
        # Parts that became durable since the rows were chosen. Their rows are decided, or may be
        # sent again by the run only.
        decided = {entry.part for entry in earlier.parts} | set(earlier.reopened)
        parts = {row.part for row in self.rows}
        checked = prepared.with_check(world.stop.raise_if_requested)
        known = await world.scan(read_journaled_rows, checked, earlier, parts, world.clock)
        undecided = [
            row for row in self.rows if row.part not in decided and (row.part, row.row) not in known
        ]
        for row in undecided:
            earlier.restore_history(row, prepared.follow_ups)
        # The time left is that of the sample, which leaves most rows of the run undecided.
        target = calls.collector.rows_done + len(undecided)
        self.reporter.watch_counts(
            AttemptCounts(calls, rows=target, clock=world.clock), lease.released
        )
        log_lines = progress_log(calls, prepared, self.settings, world)
        companions = [self.reporter.as_companion(), log_lines]
        await calls.ask_all(Sample(prepared, undecided), companions=companions)
