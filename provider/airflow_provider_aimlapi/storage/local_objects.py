"""Objects on a local disk or a mounted share: complete or absent, at every instant.

Bytes go to a hidden neighbour first and reach the disk; only then do they get their name, by a
hard link (which fails when the name is taken) or by a rename (which replaces).
"""

from __future__ import annotations

import os
import shutil
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TEMPORARY_PREFIX = ".aimlapi-"
PIECE_BYTES = 1024 * 1024
"""Read at a time: Python sets memory aside for as much as it is asked for, not for what is there."""


class LocalObjects:
    """The objects of a local file system."""

    def read(self, path: str, bytes_max: int) -> bytes:
        """Return a file's first bytes."""
        with Path(path).open("rb") as file:
            pieces = iter(lambda: file.read(min(PIECE_BYTES, bytes_max - file.tell())), b"")
            return b"".join(pieces)

    def list(self, folder: str) -> list[str]:
        """All files below a folder, without those that are still being written."""
        if not Path(folder).exists():
            return []
        return list(files_below(folder))

    def create(self, path: str, data: bytes) -> None:
        """Create a file under a name that nobody has; FileExistsError when somebody does."""
        with _written_beside(path, data) as temporary:
            os.link(temporary, path)
            _flush_folder(path)

    def write(self, path: str, data: bytes) -> None:
        """Replace a file, or make it."""
        with _written_beside(path, data) as temporary:
            Path(temporary).replace(path)
            _flush_folder(path)

    def copy(self, source: str, target: str) -> None:
        """Replace a file by a copy of another."""
        with _copied_beside(target, source) as temporary:
            Path(temporary).replace(target)
            _flush_folder(target)

    def delete_at_once(self, paths: Sequence[str]) -> bool:  # noqa: ARG002  # what Objects asks for
        """A disk removes one file at a time."""
        return False

    def delete(self, path: str) -> None:
        """Remove a file."""
        Path(path).unlink(missing_ok=True)


def files_below(folder: str) -> Iterator[str]:
    """The paths of all files in a folder and the folders in it, linked ones too.

    Raises OSError for a folder that may not be read, rather than passing over it.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from files_below(entry.path)
            elif not entry.name.startswith(TEMPORARY_PREFIX):
                yield entry.path


@contextmanager
def _written_beside(path: str, data: bytes) -> Iterator[str]:
    with _beside(path) as temporary:
        with Path(temporary).open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary


@contextmanager
def _copied_beside(path: str, source: str) -> Iterator[str]:
    with _beside(path) as temporary:
        with Path(temporary).open("xb") as file, Path(source).open("rb") as original:
            shutil.copyfileobj(original, file)
            file.flush()
            os.fsync(file.fileno())
        yield temporary


@contextmanager
def _beside(path: str) -> Iterator[str]:
    """A fresh hidden name in the folder of `path`, which is made; the file is gone afterwards."""
    folder = Path(path).parent
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}"
    try:
        yield str(temporary)
    finally:
        temporary.unlink(missing_ok=True)


def _flush_folder(path: str) -> None:
    """Make a new name durable, where the system lets a folder be flushed."""
    if os.name != "posix":
        return
    descriptor = os.open(Path(path).parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
