"""Which runs may have visible parts at an output path. Every function may raise StorageError.

Before a run is put in place of another, a *change* is created: which run comes, and which one goes. It
carries the epoch of the lease of the output path under which that happens. The newest change names the
only two runs whose parts plain readers may see, whatever instant a process was killed at. `_SUCCESS`
says whether the coming run has come.
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
    """The body of `_SUCCESS`: which run is in place, and where to read more about it."""

    run_key: RunKey
    manifest: ObjectName
    parts: Count
    rows: Count


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A run that takes the place of another.

    Attributes:
        run_key: of the run that comes; None where no run has ever come.
        replaces: the run whose parts go; None for none.
    """

    run_key: RunKey | None
    replaces: RunKey | None = None

    def then(self, run_key: str) -> Change:
        """The change to a run after this one; the same change where that run comes already."""
        replaces = self.replaces if run_key == self.run_key else self.run_key
        return Change(run_key=run_key, replaces=replaces)

    @property
    def run_keys(self) -> tuple[str, ...]:
        """The runs whose parts may be visible."""
        return tuple(key for key in (self.run_key, self.replaces) if key is not None)


def read_success(store: ObjectStore) -> Success | None:
    """What `_SUCCESS` says; None when there is none, or it is another tool's."""
    try:
        body = store.read(SUCCESS_NAME, bytes_max=SMALL_BYTES_MAX)
        if body is None:
            return None
        return decode_stored(body, Success, what=SUCCESS_NAME, bytes_max=SMALL_BYTES_MAX)
    except JournalUnreadable:  # another tool's, which is often empty
        return None


def run_in_place(store: ObjectStore) -> str | None:
    """The key of the run that `_SUCCESS` names; None when there is none, or it is another tool's."""
    success = read_success(store)
    return None if success is None else success.run_key


def newest_change(store: ObjectStore) -> Change:
    """The newest change. Where there is none that can be read, what `_SUCCESS` says stands for it.

    A change of a later epoch than the newest lease was made under no lease, and does not count.
    """
    names = store.list(f"{NAMES.folder}/")
    newest_lease = max((parse_lease_name(name) or 0 for name in names), default=0)
    epochs = sorted(parse_change_name(name) or 0 for name in names)
    while epochs and (epoch := epochs.pop()):
        change = _read_change(store, epoch) if epoch <= newest_lease else None
        if change is not None:
            return change
    return Change(run_key=run_in_place(store))


def create_change(store: ObjectStore, epoch: int, change: Change) -> None:
    """Note a change before it begins, under the lease of the output path with this epoch.

    Raises:
        JournalUnreadable: another change of this epoch is there, which the lease's owner has not made.
    """
    name = NAMES.change(epoch)
    if not create_settled(store, name, msgspec.json.encode(change)):
        raise JournalUnreadable(
            f"{store.uri(name)} was written by another program. Remove it; a retry of the task then "
            f"puts the run in place, and pays for nothing."
        )


def forget_changes(store: ObjectStore, epoch: int) -> None:
    """Remove the changes before this one, once what it says has come true."""
    for name in store.list(NAMES.changes):
        if (parse_change_name(name) or epoch) < epoch:
            store.delete(name)


def _read_change(store: ObjectStore, epoch: int) -> Change | None:
    name = NAMES.change(epoch)
    try:
        data = store.read(name, bytes_max=SMALL_BYTES_MAX)
        if data is None:
            return None
        return decode_stored(data, Change, what=name, bytes_max=SMALL_BYTES_MAX)
    except JournalUnreadable:
        return None
