"""Send a paid sample: a few rows of a run ahead of the others, under the run's own lease and key.

The answers are journaled like any other, so the run finds them and does not pay again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.engine.durable.earlier_attempts import read_journaled_rows
from airflow_provider_aimlapi.engine.durable.lease import held_lease
from airflow_provider_aimlapi.engine.reporting.progress_log import progress_log
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
        feed.finish()


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
    leases = LeaseStore(prepared.store, prepared.names, map_in_threads=world.clock.map_in_threads)
    async with held_lease(leases, settings.lease_times, world) as lease:
        await lease.wait_for_elders()
        if await world.scan(prepared.read_manifest) is None:
            ending = Ending()
            work = _send(prepared, rows, lease, ending, settings, world)
            await lease.while_kept(work, lost=ending.halt)


async def _send(
    prepared: Prepared,
    rows: Sequence[Row],
    lease: Lease,
    ending: Ending,
    settings: Settings,
    world: World,
) -> None:
    calls, earlier = await open_calls(prepared, lease, ending, settings, world)
    decided = {entry.part for entry in earlier.parts} | set(earlier.reopened)
    parts = {row.part for row in rows}
    checked = prepared.checked(world.stop.check)
    known = await world.scan(read_journaled_rows, checked, earlier, parts, world.clock)
    undecided = [
        row for row in rows if row.part not in decided and (row.part, row.row) not in known
    ]
    for row in undecided:
        earlier.restore_history(row, prepared.follow_ups)
    log_lines = progress_log(calls, prepared, settings, world)
    await calls.ask_all(Sample(prepared, undecided), companions=[log_lines])
