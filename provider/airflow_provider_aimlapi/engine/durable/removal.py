"""Remove a run folder under a lease of its own; `core.durable.retention` gives the reasons. Blocking.

One case is not protected: a published run that is not visible may be shown again without this lease.
`_SUCCESS` is read before and after the manifest is deleted, but that can begin in between. So do not
remove a run while another task publishes to the same output path.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.keys import RunNames
from airflow_provider_aimlapi.core.durable.lease import Heartbeat
from airflow_provider_aimlapi.core.durable.object_sizes import MANIFEST_BYTES_MAX
from airflow_provider_aimlapi.core.durable.retention import REMOVAL_TOKEN, removal_stages, why_kept
from airflow_provider_aimlapi.errors import JournalUnreadable, StoreUnavailable
from airflow_provider_aimlapi.storage.output.changes import shown_run
from airflow_provider_aimlapi.storage.runs.journal_store import DELETERS
from airflow_provider_aimlapi.storage.runs.lease_store import LeaseStore
from airflow_provider_aimlapi.storage.stores.object_store import create_settled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.core.durable.retention import RunFolder
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.storage.output.run_folders import RunFolders

DELETIONS_BETWEEN_CHECKS = 128
"""They take seconds. An attempt that begins meanwhile waits for minutes before it acts."""
AN_ATTEMPT_BEGAN = "an attempt of it began; what was removed is paid for again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """The result of a removal.

    Attributes:
        objects: the number of deleted objects.
        size_bytes: their size.
        kept: the reason why the folder, or the rest of it, stays; None if it is gone.
    """

    objects: int = 0
    size_bytes: int = 0
    kept: str | None = None


def remove_run(folders: RunFolders, run_key: str, *, older_than_s: float, clock: Clock) -> Removal:
    """Remove a run folder if it may be removed now. It may be cut short anywhere and repeated.

    Raises:
        StorageError: the store failed. The objects that are left are sound.
    """
    folder = folders.folder_of_run(run_key)
    if folder is None:
        return Removal()
    reason = why_kept(folder, older_than_s=older_than_s, now_us=clock.wall_us())
    if reason is not None:
        return Removal(kept=reason)
    # No plan is left, so no attempt can be at work here. A lease would only make a new object.
    if folder.is_emptied:
        return _Deletion(folders, folder, epoch=None, clock=clock).delete_all_stages()
    leases = LeaseStore(folders.store, RunNames(run_key=run_key))
    try:
        epoch = leases.acquire_epoch(token=REMOVAL_TOKEN + secrets.token_hex(16))
    except JournalUnreadable as error:
        return Removal(kept=str(error))
    try:
        return _remove_as_it_is_now(folders, run_key, epoch, older_than_s, clock)
    finally:
        with suppress(StoreUnavailable):  # an attempt of this run then waits longer, nothing else
            leases.write_heartbeat(epoch, Heartbeat(state="released", beat=1))


def _remove_as_it_is_now(
    folders: RunFolders, run_key: str, epoch: int, older_than_s: float, clock: Clock
) -> Removal:
    """Read the folder again: an attempt that began before our lease is seen now; a later one waits."""
    folder = folders.folder_of_run(run_key)
    if folder is None:
        return Removal()
    reason = why_kept(folder, older_than_s=older_than_s, now_us=clock.wall_us())
    if reason is not None:
        return Removal(kept=reason)
    return _Deletion(folders, folder, epoch=epoch, clock=clock).delete_all_stages()


class _Deletion:
    """Deletes a folder's objects in order. `epoch` is our lease; None if no attempt can be at work."""

    def __init__(
        self, folders: RunFolders, folder: RunFolder, *, epoch: int | None, clock: Clock
    ) -> None:
        self._store = folders.store
        self._names = RunNames(run_key=folder.run_key)
        self._leases = LeaseStore(folders.store, self._names)
        self._folder = folder
        self._epoch = epoch
        self._clock = clock

    def delete_all_stages(self) -> Removal:
        """Remove chunk by chunk, and stop if an attempt of the run has begun meanwhile."""
        sizes = {found.name: found.size_bytes for found in self._folder.objects}
        objects = size_bytes = 0
        for names in self._chunks_of_names(sizes):
            # Before each chunk, not each object: the attempt that began waits longer than a chunk
            # takes.
            if self._is_superseded():
                return Removal(objects=objects, size_bytes=size_bytes, kept=AN_ATTEMPT_BEGAN)
            if names == [self._names.manifest_name]:
                if not self._delete_manifest():
                    return Removal(kept="it is being shown")
            else:
                self._clock.map_in_threads(self._store.delete, names, DELETERS)
            objects += len(names)
            size_bytes += sum(sizes[name] for name in names)
        return Removal(objects=objects, size_bytes=size_bytes)

    def _chunks_of_names(self, present: dict[str, int]) -> Iterator[list[str]]:
        for stage in removal_stages(self._names, present, kept_epoch=self._epoch):
            for start in range(0, len(stage), DELETIONS_BETWEEN_CHECKS):
                yield stage[start : start + DELETIONS_BETWEEN_CHECKS]

    def _is_superseded(self) -> bool:
        return self._epoch is not None and max(self._leases.list_epochs(), default=0) > self._epoch

    def _delete_manifest(self) -> bool:
        """Delete the manifest; write it again if another run is being shown or hidden meanwhile."""
        manifest = self._store.read(self._names.manifest_name, bytes_max=MANIFEST_BYTES_MAX)
        self._store.delete(self._names.manifest_name)
        # The same run is visible as when the folder was judged. So this one is not being shown.
        if shown_run(self._store) == self._folder.shown_run:
            return True
        if manifest is not None:
            create_settled(self._store, self._names.manifest_name, manifest)
        return False
