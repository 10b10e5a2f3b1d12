"""The operations that FsspecStore needs of a file system. Its errors pass through unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class Objects(Protocol):
    """The operations of ObjectStore. They raise the file system's own errors.

    All names are relative to one root, and `core.durable.object_names.is_object_name` holds for them.
    """

    def can_hold(self, name: str) -> bool:
        """Return whether the file system takes a name as that of one object, and nothing else."""
        ...

    def read(self, name: str, bytes_max: int) -> bytes:
        """Return an object's first bytes, at most `bytes_max`. Raise if there is no object."""
        ...

    def read_end(self, name: str, bytes_max: int) -> bytes:
        """Return an object's last bytes, at most `bytes_max`. Raise if there is no object."""
        ...

    def list_beside(self, left_out: str) -> list[str]:
        """Return the names of all objects outside of one folder of the root, as in `list`."""
        ...

    def list(self, folder: str) -> list[str]:
        """Return the names of all objects below a folder, unsorted; [] if there is no folder.

        Args:
            folder: "" for the root. The result may contain names that no object of ours has.
        """
        ...

    def create(self, name: str, data: bytes) -> None:
        """Create an object atomically. Raise an error that means "exists" if the name is taken."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write an object atomically, replacing one of the same name."""
        ...

    def copy(self, source: str, target: str) -> None:
        """Write the bytes of `source` to `target` atomically, replacing what is there."""
        ...

    def delete_at_once(self, names: Sequence[str]) -> bool:
        """Remove objects with one request. Return False if there is no such request."""
        ...

    def delete(self, name: str) -> None:
        """Remove an object. May raise if it does not exist."""
        ...
