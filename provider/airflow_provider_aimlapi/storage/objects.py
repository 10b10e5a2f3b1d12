"""What FsspecStore asks of a file system, by full path; foreign errors pass through untouched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class Objects(Protocol):
    """The calls of ObjectStore on full paths, raising whatever the file system raises."""

    def read(self, path: str, bytes_max: int) -> bytes:
        """Return an object's first bytes, `bytes_max` or fewer; raises when there is no object."""
        ...

    def list(self, folder: str) -> list[str]:
        """The paths of all files below a folder, unsorted; [] for a folder that is not there."""
        ...

    def create(self, path: str, data: bytes) -> None:
        """Atomically create; raises what means "exists" when something is there."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Atomically replace."""
        ...

    def copy(self, source: str, target: str) -> None:
        """Atomically replace `target` by the bytes of `source`."""
        ...

    def delete_at_once(self, paths: Sequence[str]) -> bool:
        """Remove by one request; False where there is no such request, and nothing was done."""
        ...

    def delete(self, path: str) -> None:
        """Remove; may raise when it is not there."""
        ...
