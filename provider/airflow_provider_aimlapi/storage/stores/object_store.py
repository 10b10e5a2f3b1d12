"""The operations that the provider needs of an object store, and checks that a store performs them.

No store is implemented here. All names are relative to one root and separated by "/".
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from airflow_provider_aimlapi.core.durable.object_names import is_object_name
from airflow_provider_aimlapi.errors import (
    JournalUnreadable,
    StorageError,
    StoreUnavailable,
    StoreUnsafe,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME_SHOWN_MAX = 200
PROBE_BYTES = b"Made to see whether this store can create only what is absent. May be deleted.\n"


class ObjectStore(Protocol):
    """Named byte strings below a root, shared with other writers. Safe to call from threads.

    A name is one for which `core.durable.object_names.is_object_name` holds. Every method raises
    StoreUnsafe for any other name, because as a path it could mean something else, and no listing
    shows it.

    Every method raises StoreUnavailable if the store did not answer, or if the result is unknown. It
    raises StoreUnsafe if a person must act (no permission, no such bucket).
    """

    def uri(self, name: str) -> str:
        """Return an object's location, to be read by people: without connection id or credentials."""
        ...

    def read(self, name: str, *, bytes_max: int) -> bytes | None:
        """Return an object's bytes; None only if the store states that it does not exist.

        Args:
            bytes_max: the most that a run stores under such a name, see `core.durable.object_sizes`.
                At most one byte more is loaded.

        Raises:
            JournalUnreadable: the object is larger, so no run has written it.
        """
        ...

    def read_end(self, name: str, *, bytes_max: int) -> bytes | None:
        """Return the last bytes of an object of any size; None as for `read`."""
        ...

    def list_visible(self) -> list[str]:
        """Return the names outside of `core.durable.keys.RUNS_FOLDER`, at any depth, sorted.

        The objects of earlier runs in that folder are not listed.
        """
        ...

    def list(self, prefix: str) -> list[str]:
        """Return the names that begin with `prefix` ("" or ending in "/"), at any depth, sorted.

        The store is queried each time, never a cache.
        """
        ...

    def create(self, name: str, data: bytes) -> bool:
        """Write an object if there is none at that moment. Only one of several writers succeeds.

        Returns:
            False if there is an object. It may be our own, if an answer was lost and the request was
            sent again: see `create_settled`.

        Raises:
            StoreUnavailable: also if the result is unknown.
        """
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write an object, replacing an old one. A reader sees the old one or the new one."""
        ...

    def copy(self, source: str, target: str) -> None:
        """Copy an object within the store, replacing an old one, as in `write`."""
        ...

    def delete(self, name: str) -> None:
        """Remove an object. It need not exist."""
        ...

    def delete_all(self, names: Sequence[str]) -> None:
        """Remove objects with as few requests as possible, in any order.

        An object that the store did not remove may be left without an error. List, and `delete` it.
        """
        ...


def check_name(name: str, *, is_taken: bool, root_uri: str) -> None:
    """Refuse a name that could mean anything but one object below the root.

    Args:
        is_taken: whether the store itself takes it as the name of one object.

    Raises:
        StoreUnsafe: it could. The text shows the name without characters that a terminal or a log
            could act on.
    """
    if not (is_taken and is_object_name(name)):
        raise StoreUnsafe(
            f"{name[:NAME_SHOWN_MAX]!a} is not the name of an object below {root_uri}: names are relative, "
            f"without empty segments, '.', '..', backslashes, control characters or versions. "
            f"Nothing was read or written."
        )


def check_size(size_bytes: int, *, bytes_max: int, uri: str) -> None:
    """Refuse an object that is larger than its kind can be.

    Raises:
        JournalUnreadable: it is. The text names the object, the limit and the fix.
    """
    if size_bytes > bytes_max:
        raise JournalUnreadable(
            f"Remove an object of another program, or choose another output_path: {uri} is larger "
            f"than {bytes_max:,} bytes, which no run writes there."
        )


def create_settled(store: ObjectStore, name: str, data: bytes) -> bool:
    """Create an object. If the answer is unclear, read the object to find out what happened.

    Returns:
        True if the stored object is `data`, byte for byte; False if it is another writer's.

    Raises:
        StoreUnavailable: there is no object although the store would not create it, or reading
            fails.
    """
    unclear: StoreUnavailable | None = None
    try:
        if store.create(name, data):
            return True
    except StoreUnavailable as error:
        unclear = error
    try:
        # The creation may have succeeded although its answer was lost. The bytes show whose object
        # it is.
        found = store.read(name, bytes_max=len(data))
    except JournalUnreadable:  # larger than `data`
        return False
    if found is None:
        raise unclear or StoreUnavailable(
            f"{store.uri(name)} could not be created because it exists, yet it cannot be read"
        )
    return found == data


def probe_store(store: ObjectStore, scratch_name: str) -> None:
    """Check, before money is spent, that a store can be written, and safely.

    Args:
        scratch_name: a name that no other run uses. Nothing is left there.

    Raises:
        StoreUnsafe: the object can be created twice, is not read as it was written, or may not be
            written, read, listed or deleted. The text names the path and the permission.
        StoreUnavailable: the store does not answer.
    """
    try:
        _probe_creation(store, scratch_name)
    except StorageError:
        with suppress(StorageError):  # the first error is the one that the user must see
            store.delete(scratch_name)
        raise
    store.delete(scratch_name)


def _probe_creation(store: ObjectStore, scratch_name: str) -> None:
    uri = store.uri(scratch_name)
    # 1. It is read as written. 2. It cannot be created twice. 3. The failed creation has not
    # changed it. 4. A listing shows it at once.
    if not create_settled(store, scratch_name, PROBE_BYTES):
        raise StoreUnsafe(f"{uri} was not read as it was written")
    if store.create(scratch_name, PROBE_BYTES + b"Second.\n"):
        raise StoreUnsafe(
            f'Use a store that creates objects "only if absent": {uri} could be created twice, so '
            f"two workers could both pay for the same rows. AWS S3, Google Cloud Storage, Azure "
            f"Blob, Cloudflare R2, Ceph 18 or newer and local disks support it."
        )
    if not _holds_probe(store, scratch_name):
        raise StoreUnsafe(f"{uri} was not read as it was written")
    folder = scratch_name.rpartition("/")[0]
    if scratch_name not in store.list(f"{folder}/" if folder else ""):
        raise StoreUnsafe(
            f"{uri} was written, but a listing does not show it: a store with delayed listings "
            f"cannot be used."
        )


def _holds_probe(store: ObjectStore, scratch_name: str) -> bool:
    try:
        return store.read(scratch_name, bytes_max=len(PROBE_BYTES)) == PROBE_BYTES
    except JournalUnreadable:
        return False
