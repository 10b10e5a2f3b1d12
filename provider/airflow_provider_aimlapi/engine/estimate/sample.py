"""A paid sample: a few rows of a run asked for ahead of the others, under the run's own lease and key.

What they bring is journaled like any answer, so the run finds it and does not pay again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.engine.durable.earlier_attempts import find_remains, known_rows
from airflow_provider_aimlapi.engine.durable.lease import held_lease
from airflow_provider_aimlapi.engine.reporting.reporter import Reporter
from airflow_provider_aimlapi.engine.run import RunAttempt
from airflow_provider_aimlapi.engine.runtime.ending import Ending
from airflow_provider_aimlapi.errors import RunInterrupted
from airflow_provider_aimlapi.storage.runs.journal_store import JournalStore
from airflow_provider_aimlapi.storage.runs.lease_store import LeaseStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.engine.durable.lease import Lease
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.row import Row
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.engine.world import World


class SampleAttempt(RunAttempt):
    """An attempt that asks for some rows and leaves the others to the run."""

    rows: Sequence[Row] = ()

    def _worker_count(self) -> int:
        return min(super()._worker_count(), max(1, len(self.rows)))

    async def _read(self) -> None:
        """Hand the sample's rows to the workers; nothing else is read."""
        parts = {row.part for row in self.rows}
        for shard in self._prepared.plan.shards:
            if shard.part in parts:
                self.collector.open_at_once(shard)
        await self._feed.fill(list(self.rows))
        self._feed.finish()


async def ask_sample(
    prepared: Prepared, rows: Sequence[Row], settings: Settings, world: World
) -> None:
    """Ask for rows of a run whose plan is settled. When this returns, their answers are durable.

    Rows that another attempt has decided meanwhile are not asked again.

    Raises:
        AimlapiError: as for a run; what was paid for is kept for it.
    """
    if world.stop.is_requested:
        raise RunInterrupted("The sample was asked to stop before it began.")
    leases = LeaseStore(prepared.store, prepared.names, spread=world.clock.spread)
    async with held_lease(leases, settings.lease_times, world) as lease:
        await lease.wait_for_elders()
        if await world.scan(prepared.read_manifest) is None:
            ending = Ending()
            work = _ask(prepared, rows, lease, ending, settings, world)
            await lease.while_kept(work, lost=ending.halt)


async def _ask(
    prepared: Prepared,
    rows: Sequence[Row],
    lease: Lease,
    ending: Ending,
    settings: Settings,
    world: World,
) -> None:
    journal = JournalStore(prepared.store, prepared.names, lease.epoch)
    checked = prepared.checked(world.stop.check)
    remains = await world.scan(
        find_remains, checked, world.clock, retry_rejected=settings.retry_rejected
    )
    decided = {entry.part for entry in remains.parts} | set(remains.reopened)
    attempt = SampleAttempt(prepared, journal, remains, lease, ending, settings, world)
    parts = {row.part for row in rows}
    known = await world.scan(known_rows, checked, remains, parts, world.clock)
    attempt.rows = [
        row for row in rows if row.part not in decided and (row.part, row.row) not in known
    ]
    for row in attempt.rows:
        remains.remind(row)
    await attempt.ask_all(Reporter(prepared, settings, world))
