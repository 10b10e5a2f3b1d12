"""What this provider asks of an object store, and how it makes sure that the store keeps to it.

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
    """Named byte strings under a root, shared with other writers. Safe to call from threads.

    A name is one for which `core.durable.object_names.is_object_name` holds. Every method raises StoreUnsafe
    for any other, because a path could make something else of it, and no listing shows one.

    Every method raises StoreUnavailable when the store did not answer or nobody knows what it
    did, and StoreUnsafe when a person must act (no permission, no such bucket).
    """

    def uri(self, name: str) -> str:
        """Where an object is, for people: without a connection id or credentials."""
        ...

    def read(self, name: str, *, bytes_max: int) -> bytes | None:
        """Return an object's bytes; None only when the store says that it is certainly not there.

        Args:
            bytes_max: the most that a run stores under such a name, see `core.durable.object_sizes`. At
                most one byte more is loaded.

        Raises:
            JournalUnreadable: the object is larger, so no run has written it.
        """
        ...

    def read_end(self, name: str, *, bytes_max: int) -> bytes | None:
        """Return the last bytes of an object, of any size; None as for `read`."""
        ...

    def list_visible(self) -> list[str]:
        """Return the names outside of `core.durable.keys.RUNS_FOLDER`, at any depth, sorted.

        What earlier runs have stored in that folder is not gone through.
        """
        ...

    def list(self, prefix: str) -> list[str]:
        """The names that begin with `prefix` ("" or ending in "/"), at any depth, sorted.

        Asked of the store each time, never of a cache.
        """
        ...

    def create(self, name: str, data: bytes) -> bool:
        """Write an object if, at that instant, there is none; of many writers one succeeds.

        Returns:
            False when something exists there. It may be our own, if an answer was lost and the
            request sent again: see `create_settled`.

        Raises:
            StoreUnavailable: also when the outcome is unclear.
        """
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write an object, replacing what is there; a reader sees the old one or the new one."""
        ...

    def copy(self, source: str, target: str) -> None:
        """Copy an object within the store, replacing what is there, as `write` does."""
        ...

    def delete(self, name: str) -> None:
        """Remove an object; one that is not there is fine."""
        ...

    def delete_all(self, names: Sequence[str]) -> None:
        """Remove objects, by as few requests as the store needs, in no order.

        One that the store would not remove may be left without an error: list, and `delete` it.
        """
        ...


def check_name(name: str, *, is_taken: bool, root_uri: str) -> None:
    """Refuse a name that could mean something else than one object below the root.

    Args:
        is_taken: whether the store itself takes it for the name of one object.

    Raises:
        StoreUnsafe: naming it, without any character that could act on a terminal or a log.
    """
    if not (is_taken and is_object_name(name)):
        raise StoreUnsafe(
            f"{name[:NAME_SHOWN_MAX]!a} is no name of an object below {root_uri}: names are relative, "
            f"without empty segments, '.', '..', backslashes, control characters or versions. "
            f"Nothing was read or written."
        )


def check_size(size_bytes: int, *, bytes_max: int, uri: str) -> None:
    """Refuse an object that is larger than its kind can be.

    Raises:
        JournalUnreadable: naming the object, the limit and the fix.
    """
    if size_bytes > bytes_max:
        raise JournalUnreadable(
            f"{uri} is larger than {bytes_max:,} bytes, which no run writes there. Another program "
            f"has put it there: remove it, or choose another output_path."
        )


def create_settled(store: ObjectStore, name: str, data: bytes) -> bool:
    """Create an object and settle what an unclear answer left open, by reading it back.

    Returns:
        True when what stands there is byte for byte `data`; False when it is another's.

    Raises:
        StoreUnavailable: when nothing stands there although the store would not create it, or
            reading back fails.
    """
    unclear: StoreUnavailable | None = None
    try:
        if store.create(name, data):
            return True
    except StoreUnavailable as error:
        unclear = error
    try:
        found = store.read(name, bytes_max=len(data))
    except JournalUnreadable:  # larger than ours
        return False
    if found is None:
        raise unclear or StoreUnavailable(
            f"{store.uri(name)} could not be created because it exists, yet it is not there"
        )
    return found == data


def probe(store: ObjectStore, scratch_name: str) -> None:
    """Find out, before money is spent, whether a store can be written, and safely.

    Args:
        scratch_name: a name that no other run uses; nothing is left there.

    Raises:
        StoreUnsafe: when the object can be created twice, does not read back, or may not be
            written, read, listed or deleted; the text names the path and the permission.
        StoreUnavailable: when the store does not answer.
    """
    try:
        _probe_creation(store, scratch_name)
    except StorageError:
        with suppress(StorageError):  # what went wrong first is what the user must hear
            store.delete(scratch_name)
        raise
    store.delete(scratch_name)


def _probe_creation(store: ObjectStore, scratch_name: str) -> None:
    uri = store.uri(scratch_name)
    if not create_settled(store, scratch_name, PROBE_BYTES):
        raise StoreUnsafe(f"{uri} did not read back as it was written")
    if store.create(scratch_name, PROBE_BYTES + b"Second.\n"):
        raise StoreUnsafe(
            f'{uri} could be created twice: this store ignores "only if absent", so two workers '
            f"could both pay for the same rows. Use a store that keeps to it (AWS S3, Google "
            f"Cloud Storage, Azure Blob, Cloudflare R2, Ceph 18 or newer, a local disk)."
        )
    if not _holds_probe(store, scratch_name):
        raise StoreUnsafe(f"{uri} did not read back as it was written")
    folder = scratch_name.rpartition("/")[0]
    if scratch_name not in store.list(f"{folder}/" if folder else ""):
        raise StoreUnsafe(
            f"{uri} was written, but a listing does not show it: a store whose listings lag "
            f"cannot be used."
        )


def _holds_probe(store: ObjectStore, scratch_name: str) -> bool:
    try:
        return store.read(scratch_name, bytes_max=len(PROBE_BYTES)) == PROBE_BYTES
    except JournalUnreadable:
        return False
