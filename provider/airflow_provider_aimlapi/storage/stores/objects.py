"""What FsspecStore asks of a file system, by name; foreign errors pass through untouched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class Objects(Protocol):
    """The calls of ObjectStore, raising whatever the file system raises.

    All names are relative to one root, and `core.durable.object_names.is_object_name` holds for them.
    """

    def can_hold(self, name: str) -> bool:
        """Return whether the file system takes a name for that of one object, and no other."""
        ...

    def read(self, name: str, bytes_max: int) -> bytes:
        """Return an object's first bytes, `bytes_max` or fewer; raises when there is no object."""
        ...

    def read_end(self, name: str, bytes_max: int) -> bytes:
        """Return an object's last bytes, `bytes_max` or fewer; raises when there is no object."""
        ...

    def list_beside(self, left_out: str) -> list[str]:
        """Return the names of all objects outside of one folder of the root, as `list` does."""
        ...

    def list(self, folder: str) -> list[str]:
        """Return the names of all objects below a folder, unsorted; [] when it is not there.

        Args:
            folder: "" for the root. Names that no object of ours has may be among the result.
        """
        ...

    def create(self, name: str, data: bytes) -> None:
        """Atomically create; raises what means "exists" when something is there."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Atomically replace."""
        ...

    def copy(self, source: str, target: str) -> None:
        """Atomically replace `target` by the bytes of `source`."""
        ...

    def delete_at_once(self, names: Sequence[str]) -> bool:
        """Remove by one request; False where there is no such request, and nothing was done."""
        ...

    def delete(self, name: str) -> None:
        """Remove; may raise when it is not there."""
        ...
