"""Objects on a local disk or a mounted share, which are complete or absent at every moment.

Bytes are written to a hidden file in the same folder and flushed to the disk. Only then the file gets its
name: by a hard link, which fails if the name is taken, or by a rename, which replaces. Links below the
root are not followed, see `storage.access.local_files`.
"""

from __future__ import annotations

import os
import shutil
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.storage.access.local_files import (
    TEMPORARY_PREFIX,
    Folder,
    folder_below,
    make_root,
    open_root,
    walk_files,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

PIECE_BYTES = 1024 * 1024
"""Bytes per read. Python allocates as much memory as is requested, not as much as the file has."""


class LocalObjects:
    """The objects below a folder of a local file system.

    Args:
        root: its path. Links in it are resolved once, in the constructor.
    """

    def __init__(self, root: str) -> None:
        self._root = os.path.realpath(root or "/")

    def can_hold(self, name: str) -> bool:  # noqa: ARG002  # `Objects` requires it
        """Return True: on a disk, a name means nothing but itself."""
        return True

    def read(self, name: str, bytes_max: int) -> bytes:
        """Return a file's first bytes."""
        with self._folder_of(name) as (folder, last), folder.open_file(last) as file:
            # Reading 0 bytes returns b"", so the pieces end at `bytes_max` as well as at the
            # file's end.
            pieces = iter(lambda: file.read(min(PIECE_BYTES, bytes_max - file.tell())), b"")
            return b"".join(pieces)

    def read_end(self, name: str, bytes_max: int) -> bytes:
        """Return a file's last bytes."""
        with self._folder_of(name) as (folder, last), folder.open_file(last) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - bytes_max))
            return file.read(bytes_max)

    def list_beside(self, left_out: str) -> list[str]:
        """Return all ordinary files outside of a folder of the root."""
        return self._files_below("", left_out)

    def _files_below(self, folder: str, left_out: str | None = None) -> list[str]:
        try:
            return [
                name
                for name, entry in walk_files(self._root, folder, left_out)
                if entry.is_file(follow_symlinks=False)
            ]
        except FileNotFoundError:
            return []

    def list(self, folder: str) -> list[str]:
        """Return all ordinary files below a folder, without those that are still being written."""
        return self._files_below(folder)

    def create(self, name: str, data: bytes) -> None:
        """Create a file. Raise FileExistsError if its name is taken."""
        with self._written_beside(name, data) as (folder, temporary, last):
            # The name is durable only once the folder is flushed. From then on a paid answer
            # counts as kept.
            folder.link_file(temporary, last)
            folder.flush_names()

    def write(self, name: str, data: bytes) -> None:
        """Write a file, replacing one of the same name."""
        with self._written_beside(name, data) as (folder, temporary, last):
            folder.replace_file(temporary, last)
            folder.flush_names()

    def copy(self, source: str, target: str) -> None:
        """Write a copy of a file, replacing one of the target's name."""
        with (
            self._folder_of(source) as (source_folder, source_last),
            source_folder.open_file(source_last) as original,
            self._folder_of(target, is_made=True) as (folder, last),
            _temporary_file(folder) as (temporary, file),
        ):
            shutil.copyfileobj(original, file)
            _flush_and_close(file)
            folder.replace_file(temporary, last)
            folder.flush_names()

    def delete_at_once(self, names: Sequence[str]) -> bool:  # noqa: ARG002  # `Objects` requires it
        """Return False: a disk removes one file at a time."""
        return False

    def delete(self, name: str) -> None:
        """Remove a file."""
        with self._folder_of(name) as (folder, last):
            folder.unlink_file(last)

    @contextmanager
    def _folder_of(self, name: str, *, is_made: bool = False) -> Iterator[tuple[Folder, str]]:
        """Open the folder of an object. Return it with the object's name in it."""
        *names, last = name.split("/")
        root = make_root(self._root) if is_made else open_root(self._root)
        with folder_below(root, names, is_made=is_made) as folder:
            yield folder, last

    @contextmanager
    def _written_beside(self, name: str, data: bytes) -> Iterator[tuple[Folder, str, str]]:
        with (
            self._folder_of(name, is_made=True) as (folder, last),
            _temporary_file(folder) as (temporary, file),
        ):
            file.write(data)
            _flush_and_close(file)
            yield folder, temporary, last


@contextmanager
def _temporary_file(folder: Folder) -> Iterator[tuple[str, BinaryIO]]:
    """Create a hidden file in a folder. Its name is removed at the end."""
    temporary = f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}"
    try:
        with folder.create_file(temporary) as file:
            yield temporary, file
    finally:
        # After a link the file has two names. After a rename this one is gone.
        with suppress(FileNotFoundError):
            folder.unlink_file(temporary)


def _flush_and_close(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()  # Windows cannot rename an open file
