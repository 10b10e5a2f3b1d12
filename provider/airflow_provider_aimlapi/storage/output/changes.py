"""Which runs may have visible parts at an output path. Every function may raise StorageError.

Before a run replaces another, a *change* is created. It names the new run and the old run, and carries
the epoch of the lease of the output path. The newest change names the only two runs whose parts plain
readers may see, at whatever moment a process was killed. `_SUCCESS` shows that the new run is
complete.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.durable.bounds import Count, RunKey
from airflow_provider_aimlapi.core.durable.keys import (
    SUCCESS_NAME,
    PublicationNames,
    parse_change_name,
    parse_lease_name,
)
from airflow_provider_aimlapi.core.durable.object_names import ObjectName
from airflow_provider_aimlapi.core.durable.object_sizes import SMALL_BYTES_MAX
from airflow_provider_aimlapi.core.durable.stored_json import decode_stored
from airflow_provider_aimlapi.errors import JournalUnreadable
from airflow_provider_aimlapi.storage.stores.object_store import create_settled

if TYPE_CHECKING:
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

NAMES = PublicationNames()


class Success(msgspec.Struct, frozen=True, kw_only=True):
    """The content of `_SUCCESS`: the run that is shown, and where its details are."""

    run_key: RunKey
    manifest: ObjectName
    parts: Count
    rows: Count


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A run that replaces another.

    Attributes:
        run_key: the new run; None if there has never been one.
        replaces: the old run; None for none.
    """

    run_key: RunKey | None
    replaces: RunKey | None = None

    def change_to(self, run_key: str) -> Change:
        """Return the change to a run after this one; this change if it already names the run."""
        replaces = self.replaces if run_key == self.run_key else self.run_key
        return Change(run_key=run_key, replaces=replaces)

    @property
    def run_keys(self) -> tuple[str, ...]:
        """The runs whose parts may be visible."""
        return tuple(key for key in (self.run_key, self.replaces) if key is not None)


def read_success(store: ObjectStore) -> Success | None:
    """Return the content of `_SUCCESS`; None if it is missing, or another tool's."""
    try:
        body = store.read(SUCCESS_NAME, bytes_max=SMALL_BYTES_MAX)
        if body is None:
            return None
        return decode_stored(body, Success, what=SUCCESS_NAME, bytes_max=SMALL_BYTES_MAX)
    except JournalUnreadable:  # another tool's file, which is often empty
        return None


def shown_run(store: ObjectStore) -> str | None:
    """Return the key of the run that `_SUCCESS` names; None if it is missing, or another tool's."""
    success = read_success(store)
    return None if success is None else success.run_key


def newest_change(store: ObjectStore) -> Change:
    """Return the newest change. If none can be read, `_SUCCESS` takes its place.

    A change with a later epoch than the newest lease was made without a lease, and does not count.
    """
    names = store.list(f"{NAMES.folder}/")
    newest_lease = max((parse_lease_name(name) or 0 for name in names), default=0)
    epochs = sorted(parse_change_name(name) or 0 for name in names)
    while epochs and (epoch := epochs.pop()):
        change = _read_change(store, epoch) if epoch <= newest_lease else None
        if change is not None:
            return change
    return Change(run_key=shown_run(store))


def create_change(store: ObjectStore, epoch: int, change: Change) -> None:
    """Record a change before it begins, under the lease of the output path with this epoch.

    Raises:
        JournalUnreadable: there is another change of this epoch, which is not the lease owner's.
    """
    name = NAMES.change_name(epoch)
    if not create_settled(store, name, msgspec.json.encode(change)):
        raise JournalUnreadable(
            f"Remove an object that was written by another program, and retry the task: "
            f"{store.uri(name)}. The retry shows the run, and pays for nothing."
        )


def forget_changes(store: ObjectStore, epoch: int) -> None:
    """Remove the changes before this one, once it has been carried out."""
    for name in store.list(NAMES.changes):
        # A name that is no change's is left alone.
        if (parse_change_name(name) or epoch) < epoch:
            store.delete(name)


def _read_change(store: ObjectStore, epoch: int) -> Change | None:
    name = NAMES.change_name(epoch)
    try:
        data = store.read(name, bytes_max=SMALL_BYTES_MAX)
        if data is None:
            return None
        return decode_stored(data, Change, what=name, bytes_max=SMALL_BYTES_MAX)
    except JournalUnreadable:
        return None
