"""The longer of the seeded bugs: copies of real functions, each with one thing done wrong."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.engine.durable.earlier_attempts import find_earlier_answers
from airflow_provider_aimlapi.engine.durable.lease import Lease, Superseded, held_lease
from airflow_provider_aimlapi.engine.run import _complete_rows, _complete_under_lease
from airflow_provider_aimlapi.engine.runtime.ending import Ending
from airflow_provider_aimlapi.engine.runtime.retry import persist_in_thread
from airflow_provider_aimlapi.errors import AimlapiError, StorageError
from airflow_provider_aimlapi.storage.runs.lease_store import LeaseStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.core.durable.journal import Record
    from airflow_provider_aimlapi.core.durable.manifest import Manifest
    from airflow_provider_aimlapi.engine.calls.live import LiveCalls
    from airflow_provider_aimlapi.engine.durable.collector import Collector
    from airflow_provider_aimlapi.engine.durable.earlier_answers import EarlierAnswers
    from airflow_provider_aimlapi.engine.durable.paid_answers import PaidAnswers
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.reporting.reporter import Reporter
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.engine.world import World
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

TAKEN_BACK_MAX = 20
_keep = Lease.keep_right


async def take_back_the_lease(
    prepared: Prepared, reporter: Reporter, settings: Settings, world: World
) -> tuple[Manifest, LiveCalls | None]:
    """Become the newest attempt again, instead of following the newer one."""
    for _ in range(TAKEN_BACK_MAX):
        leases = LeaseStore(prepared.store, prepared.names)
        with suppress(Superseded):
            async with held_lease(leases, settings.lease_times, world) as lease:
                await lease.wait_for_elders()
                manifest = await persist_in_thread(world.clock, prepared.read_manifest)
                if manifest is not None:
                    return manifest, None
                ending = Ending()
                work = _complete_rows(prepared, lease, ending, reporter, settings, world)
                return await lease.while_kept(work, lost=ending.end_admission)
    raise AssertionError("no end of taking back")


def early_answers() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return replacements for `_complete_under_lease` and `find_earlier_answers`.

    They read the answers of earlier attempts only once, while one of them may still be running.
    """
    read: dict[int, EarlierAnswers] = {}

    async def under_lease(
        prepared: Prepared, reporter: Reporter, settings: Settings, world: World
    ) -> tuple[Manifest, LiveCalls | None]:
        read[id(prepared.data_set)] = await persist_in_thread(
            world.clock, find_earlier_answers, prepared, world.clock, retry_rejected=False
        )
        return await _complete_under_lease(prepared, reporter, settings, world)

    return under_lease, lambda prepared, *_, **__: read[id(prepared.data_set)]


class _ListedBefore:
    """A store whose listing of one prefix is out of date."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store = store
        self._prefix = prefix
        self._names = store.list(prefix)

    def list(self, prefix: str) -> list[str]:
        return self._names if prefix == self._prefix else self._store.list(prefix)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def find_answers_parts_first(
    prepared: Prepared, clock: Clock, *, retry_rejected: bool
) -> EarlierAnswers:
    """List the parts before the journal, not after it."""
    stale: Any = _ListedBefore(prepared.store, prepared.names.parts_prefix)
    return find_earlier_answers(
        replace(prepared, store=stale), clock, retry_rejected=retry_rejected
    )


async def keep_until_cancelled(self: Lease, lost: Callable[[AimlapiError], None]) -> None:
    """Cancel the keeper at once, instead of letting it finish."""
    keeper = asyncio.current_task()
    assert keeper is not None
    self.let_go = keeper.cancel  # type: ignore[assignment, method-assign]
    await _keep(self, lost)


async def flush_acknowledging_early(self: Collector) -> None:
    """Make room when a batch is passed on, not when it is durable."""
    batch, self._pending = self._pending, []
    self._unflushed -= len(batch)
    self._on_durable()
    by_part: dict[int, list[Record]] = {}
    for part, record in batch:
        by_part.setdefault(part, []).append(record)
    for part in list(by_part):
        try:
            await persist_in_thread(self._clock, self._segments.append_records, part, by_part[part])
        except StorageError:
            left = [entry for entry in batch if entry[0] in by_part]
            self._pending = left + self._pending
            self._unflushed += len(left)
            raise
        by_part.pop(part)


def find_without_hash(self: PaidAnswers, part: int, row: int, _request_hash: str) -> Any:
    """Take a journaled answer without comparing its request."""
    return self._read_outcome(part, row)
