"""Puts a published run where plain readers look: one run at a time at each output path.

Two runs with different keys know nothing of each other, so the right to write there is leased, by
the same rules as the right to pay. Whoever asks last is the last to write; the other lets go,
waits, and leaves in place what it finds.

These are the only objects that are written over, so a lease alone does not protect them: a write
that was held up by a freeze arrives late, over the newer run's. Who was superseded while it wrote
therefore writes what is in place once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.keys import PublicationNames, RunNames
from airflow_provider_aimlapi.engine.durable.lease import Superseded, held_lease
from airflow_provider_aimlapi.engine.runtime.patient_store import patient
from airflow_provider_aimlapi.errors import (
    InvalidSpec,
    JournalUnreadable,
    RunStopped,
    StoreUnavailable,
    StoreUnsafe,
)
from airflow_provider_aimlapi.logs import logger
from airflow_provider_aimlapi.storage.output.changes import run_in_place
from airflow_provider_aimlapi.storage.output.visible_files import is_complete, publish
from airflow_provider_aimlapi.storage.runs.journal_store import DELETERS, remove_segments
from airflow_provider_aimlapi.storage.runs.lease_store import LeaseStore
from airflow_provider_aimlapi.storage.runs.run_objects import read_manifest, read_plan

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_aimlapi.core.durable.lease import LeaseTimes
    from airflow_provider_aimlapi.core.durable.manifest import Manifest
    from airflow_provider_aimlapi.engine.durable.lease import Lease
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.world import World
    from airflow_provider_aimlapi.errors import AimlapiError
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

log = logger(__name__)

PLACINGS_MAX = 3
"""Each shows the run whole. If a listing lacks a file of it each time, it hides that file."""
LISTING_PAUSE_S = 5.0
LAPSES_MAX = 10
"""How often the right to write may be lost to a store that is away for half a minute."""


class _Lapsed(RunStopped):
    """The lease could not be renewed in time; nobody newer is known to have begun."""


class Placing:
    """One attempt's way of putting its run in place.

    Args:
        is_ours: whether this very attempt completed the run. Another one's completion is put in
            place too, but not over a run that came into place since this attempt began.
        report: called with the seconds that a wait for other attempts takes at the most.
    """

    def __init__(
        self,
        prepared: Prepared,
        manifest: Manifest,
        *,
        is_ours: bool,
        times: LeaseTimes,
        world: World,
        report: Callable[[float], Awaitable[None]],
    ) -> None:
        self._store = patient(prepared.store, world.clock, world.stop.check)
        self._report = report
        self._prepared = prepared
        self._manifest = manifest
        self._is_ours = is_ours
        self._times = times
        self._world = world
        self._clock = world.clock
        self._leases = LeaseStore(prepared.store, PublicationNames(), spread=world.clock.spread)
        self._lost: AimlapiError | None = None
        self._was_superseded = False
        self._may_arrive_late = False

    async def finish(self) -> None:
        """Show the run to plain readers, then give its journal up. Any attempt may do it again.

        Raises:
            StoreUnavailable, StoreUnsafe: when the store fails, or a listing lacks what was written.
            RunInterrupted: when asked to stop. A later attempt goes on from there.
            InvalidSpec: another run came into place, and `on_existing` says that it stays; or a file
                is in the way that no run has put there.
            JournalUnreadable: what has to be put in place is damaged.
        """
        written = 0
        while not await self._world.scan(self._is_settled):
            if written == PLACINGS_MAX:
                raise StoreUnsafe(
                    f"Run {self._prepared.names.run_key} was put in place {PLACINGS_MAX} times, but a "
                    f"listing of {self._store.uri('')} still lacks some of its files. Either the "
                    f"store's listings lag, or another program removes files there: see to that. The "
                    f"run is complete, and a retry puts it in place without a call."
                )
            if await self._has_written_under_lease():
                written += 1
                if written > 1:
                    await self._world.stop.pause(LISTING_PAUSE_S)
        await self._world.scan(self._give_up_journal)

    async def _has_written_under_lease(self) -> bool:
        """Show the run, or let a newer attempt do so and wait for it; whether this one did."""
        async with held_lease(self._leases, self._times, self._world) as lease:
            self._lost = None
            try:
                await lease.wait_for_elders(self._report)
                for _ in range(LAPSES_MAX):
                    if await self._has_published(lease):
                        return True
                    await lease.renew()
            except Superseded:
                self._was_superseded = True
                await lease.release()  # before the wait: the newer attempt waits for it
                await lease.follow(lambda: None)
                return False
        raise StoreUnavailable(
            f"The store was away {LAPSES_MAX} times while the run was put in place. A retry goes on."
        )

    async def _has_published(self, lease: Lease) -> bool:
        """Write what plain readers see; False when the lease could not be renewed in time."""
        work = self._world.scan(self._publish, lease)
        try:
            await lease.while_kept(work, lost=self._let_go)
        except _Lapsed:
            return False
        return True

    def _let_go(self, reason: AimlapiError) -> None:
        self._lost = reason

    def _is_settled(self) -> bool:
        """Whether nothing is left to do at the output path. Blocking."""
        if self._may_arrive_late:
            return False
        found = run_in_place(self._store)
        if found == self._prepared.names.run_key:
            return is_complete(self._store, self._manifest)
        return found is not None and self._staying(found) is not None

    def _staying(self, found: str) -> Manifest | None:
        """The manifest of another run that was found in place, if it stays there.

        `_SUCCESS` may name a run that is not there: such a one does not stay.

        Raises:
            InvalidSpec: see `finish`.
        """
        ours = self._prepared.names.run_key
        if self._prepared.job.on_existing == "error":
            raise InvalidSpec(
                f"Run {ours} is complete, but run {found} came into place at "
                f"{self._store.uri('')} meanwhile. With on_existing='replace', a retry "
                f"puts this one in its place."
            )
        came_meanwhile = found != self._prepared.in_place
        if not (came_meanwhile and (self._was_superseded or not self._is_ours)):
            return None
        manifest = _published(self._store, found)
        if manifest is not None:
            log.warning("Run %s was put in place after run %s, and stays there.", found, ours)
        return manifest

    def _publish(self, lease: Lease) -> None:
        """Write what plain readers are to see, as long as the lease is ours. Blocking."""

        def check() -> None:
            if self._lost is not None:
                raise self._lost
            if not lease.may_pay():
                raise _Lapsed

        def check_all() -> None:
            self._world.stop.check()
            check()

        store = patient(self._prepared.store, self._clock, check_all)
        if not self._is_settled():
            manifest = self._to_be_shown()
            self._may_arrive_late = True
            publish(
                store,
                manifest,
                epoch=lease.epoch,
                spread=self._clock.spread,
                own=self._prepared.names.run_key,
            )
            check()  # the last write, too, may have come late
        self._may_arrive_late = False
        LeaseStore(self._store, PublicationNames()).forget_before(lease.epoch)

    def _to_be_shown(self) -> Manifest:
        found = run_in_place(self._store)
        if found in (None, self._prepared.names.run_key):
            return self._manifest
        return self._staying(found) or self._manifest

    def _give_up_journal(self) -> None:
        """Also when the parts were in place before: an attempt may have been killed just before this.

        And one that froze may have written a segment when it woke.
        """
        journal = self._prepared.names.journal
        segments = self._store.list(journal)
        if segments:
            remove_segments(self._store, segments, self._clock.spread)
            left = self._store.list(journal)
            self._clock.spread(self._store.delete, left, DELETERS)  # which says why it fails again


def _published(store: ObjectStore, run_key: str) -> Manifest | None:
    """Another run's manifest; None when it is not there, or is none of that run's plan."""
    names = RunNames(run_key=run_key)
    try:
        plan = read_plan(store, names)
        return None if plan is None else read_manifest(store, names, plan)
    except JournalUnreadable:
        return None
