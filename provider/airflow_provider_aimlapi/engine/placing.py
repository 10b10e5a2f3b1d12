"""Puts a published run where plain readers look: one run at a time at each output path.

Two runs with different keys know nothing of each other, so the right to write there is leased, by
the same rules as the right to pay. Whoever asks last is the last to write; the other lets go,
waits, and leaves in place what it finds.

These are the only objects that are written over, so a lease alone does not protect them: a write
that was held up by a freeze arrives late, over the newer run's. Who was superseded while it wrote
therefore writes what is in place once more.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.keys import PublicationNames, RunNames
from airflow_provider_aimlapi.engine.lease import Lease, Superseded
from airflow_provider_aimlapi.engine.retry import persist
from airflow_provider_aimlapi.errors import InvalidSpec, JournalUnreadable, RunStopped
from airflow_provider_aimlapi.logs import logger
from airflow_provider_aimlapi.storage.changes import run_in_place
from airflow_provider_aimlapi.storage.lease_store import LeaseStore
from airflow_provider_aimlapi.storage.publication import is_complete, publish
from airflow_provider_aimlapi.storage.run_objects import read_manifest, read_plan

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.lease import LeaseTimes
    from airflow_provider_aimlapi.core.manifest import Manifest
    from airflow_provider_aimlapi.engine.clock import Clock
    from airflow_provider_aimlapi.engine.prepare import Prepared
    from airflow_provider_aimlapi.engine.stop import StopSignal
    from airflow_provider_aimlapi.errors import AimlapiError
    from airflow_provider_aimlapi.storage.object_store import ObjectStore

log = logger(__name__)

DELETERS = 16
DELETED_AT_ONCE = 100


class _Lapsed(RunStopped):
    """The lease could not be renewed in time; nobody newer is known to have begun."""


class Placing:
    """One attempt's way of putting its run in place.

    Args:
        is_ours: whether this very attempt completed the run. Another one's completion is put in
            place too, but not over a run that came into place since this attempt began.
    """

    def __init__(
        self,
        prepared: Prepared,
        manifest: Manifest,
        *,
        is_ours: bool,
        times: LeaseTimes,
        clock: Clock,
        stop: StopSignal,
    ) -> None:
        self._prepared = prepared
        self._manifest = manifest
        self._is_ours = is_ours
        self._times = times
        self._clock = clock
        self._stop = stop
        self._leases = LeaseStore(prepared.store, PublicationNames())
        self._lost: AimlapiError | None = None
        self._was_superseded = False
        self._may_arrive_late = False

    async def finish(self) -> None:
        """Show the run to plain readers, then give its journal up. Any attempt may do it again.

        Raises:
            StoreUnavailable, StoreUnsafe: when the store fails.
            RunInterrupted: when asked to stop while another run is being put in place.
            InvalidSpec: another run came into place, and `on_existing` says that it stays; or a file
                is in the way that no run has put there.
            JournalUnreadable: what has to be put in place is damaged.
        """
        while not await persist(self._clock, self._is_settled):
            await self._under_lease()
        await persist(self._clock, _give_up_journal, self._prepared, self._clock)

    async def _under_lease(self) -> None:
        epoch = await persist(self._clock, self._leases.acquire, token=secrets.token_hex(16))
        lease = Lease(self._leases, epoch, times=self._times, clock=self._clock, stop=self._stop)
        self._lost = None
        try:
            await lease.wait_for_elders()
            while not await self._has_published(lease):
                await lease.renew()
        except Superseded:
            self._was_superseded = True
            await lease.release()
            await lease.follow(lambda: None)
        finally:
            await lease.release()

    async def _has_published(self, lease: Lease) -> bool:
        """Write what plain readers see; False when the lease could not be renewed in time."""
        work = persist(self._clock, self._publish, lease)
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
        found = run_in_place(self._prepared.store)
        if found == self._prepared.names.run_key:
            return is_complete(self._prepared.store, self._manifest)
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
                f"{self._prepared.store.uri('')} meanwhile. With on_existing='replace', a retry "
                f"puts this one in its place."
            )
        came_meanwhile = found != self._prepared.in_place
        if not (came_meanwhile and (self._was_superseded or not self._is_ours)):
            return None
        manifest = _published(self._prepared.store, found)
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

        check()
        if not self._is_settled():
            manifest = self._to_be_shown()
            self._may_arrive_late = True
            publish(
                self._prepared.store,
                manifest,
                epoch=lease.epoch,
                spread=self._clock.spread,
                own=self._prepared.names.run_key,
                check=check,
            )
            check()  # the last write, too, may have come late
        self._may_arrive_late = False
        self._leases.forget_before(lease.epoch)

    def _to_be_shown(self) -> Manifest:
        found = run_in_place(self._prepared.store)
        if found in (None, self._prepared.names.run_key):
            return self._manifest
        return self._staying(found) or self._manifest


def _published(store: ObjectStore, run_key: str) -> Manifest | None:
    """Another run's manifest; None when it is not there, or is none of that run's plan."""
    names = RunNames(run_key=run_key)
    try:
        plan = read_plan(store, names)
        return None if plan is None else read_manifest(store, names, plan)
    except JournalUnreadable:
        return None


def _give_up_journal(prepared: Prepared, clock: Clock) -> None:
    """Also when the parts were in place before: an attempt may have been killed just before this.

    And one that froze may have written a segment when it woke.
    """
    store = prepared.store
    segments = store.list(prepared.names.journal)
    if segments:
        clock.spread(store.delete_all, _pieces(segments), DELETERS)
        left = store.list(prepared.names.journal)
        clock.spread(store.delete, left, DELETERS)  # which says why, should it fail again


def _pieces(names: list[str]) -> list[list[str]]:
    starts = range(0, len(names), DELETED_AT_ONCE)
    return [names[start : start + DELETED_AT_ONCE] for start in starts]
