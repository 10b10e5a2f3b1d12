"""Show a published run to plain readers: one run at a time at each output path.

Two runs with different keys know nothing of each other. So the right to write the visible files is
leased, by the same rules as the right to pay. If two runs are shown at once, the one that took its
lease last is written last. The other one stops writing, waits, and leaves what it then finds.

Only the visible files are ever overwritten. A lease alone does not protect them, because a write
that a freeze has held up may arrive late, over the newer run's. So an attempt that lost its lease
while it wrote shows the run that should be visible once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.keys import PublicationNames, RunNames
from airflow_provider_aimlapi.engine.durable.lease import Superseded, held_lease
from airflow_provider_aimlapi.engine.runtime.patient_store import patient_store
from airflow_provider_aimlapi.errors import (
    InvalidSpec,
    JournalUnreadable,
    RunStopped,
    StoreUnavailable,
    StoreUnsafe,
)
from airflow_provider_aimlapi.logs import logger
from airflow_provider_aimlapi.storage.output.visible_output import VisibleOutput
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

SHOWN_MAX = 3
"""The run is shown whole each time. If a listing lacks one of its files each time, the listing hides
that file, and a fourth time would not help."""
LISTING_PAUSE_S = 5.0
"""A listing that lags catches up in this time. Without a pause, three tries would take an instant."""
LAPSES_MAX = 10
"""The right to write lapses when the store is unavailable for half a minute. After ten lapses the
attempt ends, so that a retry can be scheduled instead."""


class _Lapsed(RunStopped):
    """The lease could not be renewed in time; no newer attempt is known to have begun."""


class VisibleRun:
    """Shows one attempt's run.

    Args:
        is_ours: whether this attempt has published the run. A run that another attempt has published
            is shown too, but not over a run that was shown since this attempt began.
        report: called with the most seconds that a wait for other attempts may take.
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
        self._store = patient_store(prepared.store, world.clock, world.stop.raise_if_requested)
        self._output = VisibleOutput(self._store, world.clock.map_in_threads)
        self._report = report
        self._prepared = prepared
        self._manifest = manifest
        self._is_ours = is_ours
        self._times = times
        self._world = world
        self._clock = world.clock
        self._leases = LeaseStore(
            prepared.store, PublicationNames(), map_in_threads=world.clock.map_in_threads
        )
        self._lost: AimlapiError | None = None  # why the right to write is lost
        self._was_superseded = False
        self._may_arrive_late = False  # a write of this attempt may be on its way still

    async def show_run(self) -> None:
        """Show the run to plain readers, then remove its journal. Any attempt may do it again.

        Raises:
            StoreUnavailable, StoreUnsafe: the store fails, or a listing lacks what was written.
            RunInterrupted: a stop was requested. A later attempt continues from there.
            InvalidSpec: another run was shown meanwhile, and `on_existing` keeps it; or a file is in
                the way that no run has written.
            JournalUnreadable: a staged part is missing or damaged.
        """
        shown = 0
        # Checked again after each time, because a write of ours may have arrived late, or not at all.
        while not await self._world.scan(self._is_settled):
            if shown == SHOWN_MAX:
                raise StoreUnsafe(
                    f"Run {self._prepared.names.run_key} was copied to its visible names {SHOWN_MAX} "
                    f"times, but a listing of {self._store.uri('')} still lacks some of them. Either "
                    f"the store's listings lag, or another program removes files there. Stop that, "
                    f"then retry the task. The run is complete, and the retry makes no call."
                )
            if await self._has_shown_under_lease():
                shown += 1
                if shown > 1:
                    await self._world.stop.pause_until_stop(LISTING_PAUSE_S)
        await self._world.scan(self._remove_journal)

    async def _has_shown_under_lease(self) -> bool:
        """Show the run, or wait for a newer attempt to do so; return whether this one did."""
        async with held_lease(self._leases, self._times, self._world) as lease:
            self._lost = None
            try:
                await lease.wait_for_elders(self._report)
                for _ in range(LAPSES_MAX):
                    if await self._has_shown(lease):
                        return True
                    await lease.renew_right()
            except Superseded:
                self._was_superseded = True
                await lease.release_lease()  # before the wait: the newer attempt waits for it
                # There is no result to read: what became visible is checked by the caller.
                await lease.follow_newer(lambda: None)
                return False
        raise StoreUnavailable(
            f"The store was unavailable {LAPSES_MAX} times while the run was copied to its visible "
            f"names. A retry of the task continues from there."
        )

    async def _has_shown(self, lease: Lease) -> bool:
        """Write the visible files; return False if the lease could not be renewed in time."""
        work = self._world.scan(self._write_visible, lease)
        try:
            await lease.while_kept(work, lost=self._note_lost)
        except _Lapsed:
            return False
        return True

    def _note_lost(self, reason: AimlapiError) -> None:
        self._lost = reason

    def _is_settled(self) -> bool:
        """Return whether nothing is left to do at the output path. Blocking."""
        # What a listing shows now may be overwritten by our own late write.
        if self._may_arrive_late:
            return False
        shown = self._output.shown_run()
        if shown == self._prepared.names.run_key:
            return self._output.is_complete(self._manifest)
        return shown is not None and self._manifest_of_staying(shown) is not None

    def _manifest_of_staying(self, shown: str) -> Manifest | None:
        """Return the manifest of the other run that is shown, if that run stays.

        It stays if it was shown since this attempt began, and this attempt did not publish its own
        run or was superseded. A run that `_SUCCESS` names without a manifest does not stay.

        Raises:
            InvalidSpec: see `show_run`.
        """
        ours = self._prepared.names.run_key
        if self._prepared.job.on_existing == "error":
            raise InvalidSpec(
                f"Run {ours} is complete, but run {shown} became visible at "
                f"{self._store.uri('')} meanwhile. Set on_existing='replace' and retry the task: the "
                f"retry shows this run instead, and makes no call."
            )
        # The run that was shown at the start is the one that this run replaces. Another one was shown
        # later: it stays if it is newer than this attempt's own result.
        is_later = shown != self._prepared.shown_at_start
        if not (is_later and (self._was_superseded or not self._is_ours)):
            return None
        manifest = _published_manifest(self._store, shown)
        if manifest is not None:
            log.warning("Run %s was shown after run %s, and stays visible.", shown, ours)
        return manifest

    def _write_visible(self, lease: Lease) -> None:
        """Write the visible files, as long as the lease is ours. Blocking."""

        def check_lease() -> None:
            if self._lost is not None:
                raise self._lost
            if not lease.may_pay():
                raise _Lapsed

        def check_all() -> None:
            self._world.stop.raise_if_requested()
            check_lease()

        # Once more, under the lease: another attempt may have shown the run while this one waited.
        if not self._is_settled():
            manifest = self._manifest_to_show()
            # Set before the first write, and kept if an error leaves this method before the last
            # check.
            self._may_arrive_late = True
            store = patient_store(self._prepared.store, self._clock, check_all)
            VisibleOutput(store, self._clock.map_in_threads).show_run(
                manifest, epoch=lease.epoch, own=self._prepared.names.run_key
            )
            check_lease()  # the last write may have arrived after the lease was lost, too
        self._may_arrive_late = False
        LeaseStore(self._store, PublicationNames()).forget_before(lease.epoch)

    def _manifest_to_show(self) -> Manifest:
        shown = self._output.shown_run()
        if shown in (None, self._prepared.names.run_key):
            return self._manifest
        return self._manifest_of_staying(shown) or self._manifest

    def _remove_journal(self) -> None:
        """Remove what is left of the journal. Blocking.

        That includes the journal of a run that was visible before: an attempt may have been killed
        just before this step, and one that froze may have written a segment when it woke.
        """
        journal = self._prepared.names.journal_prefix
        segments = self._store.list(journal)
        if segments:
            remove_segments(self._store, segments, self._clock.map_in_threads)
            # Some removals may have failed. This time the error is raised, so that a retry removes
            # the rest.
            left = self._store.list(journal)
            self._clock.map_in_threads(
                self._store.delete, left, DELETERS
            )  # raises what keeps them there


def _published_manifest(store: ObjectStore, run_key: str) -> Manifest | None:
    """Return another run's manifest; None if it is absent, or is not of that run's plan."""
    names = RunNames(run_key=run_key)
    try:
        plan = read_plan(store, names)
        return None if plan is None else read_manifest(store, names, plan)
    except JournalUnreadable:
        return None
