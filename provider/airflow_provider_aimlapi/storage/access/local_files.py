"""Opens folders and files of a local disk or a mounted share without following a link.

Anyone who can write to an output can put a link there. So each folder on the way to a file is opened
relative to the folder before it, and a link is not entered. A link that replaces a folder between two
steps is refused, too. On Windows, which cannot open relative to a folder, each step is checked right
before it is taken.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from airflow_provider_aimlapi.core.durable.object_names import is_object_name

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPORARY_PREFIX = ".aimlapi-"
FILE_MODE = 0o660
"""For owner and group, less the umask, because an output may hold confidential data."""
FOLDER_MODE = 0o770

_ALWAYS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_FOLDER = _ALWAYS | getattr(os, "O_DIRECTORY", 0)
# A folder on the way need not be readable, on systems that make this difference.
_PASSED = _FOLDER | getattr(os, "O_PATH", os.O_RDONLY)
# Without blocking, because opening a pipe would wait for its other end.
_READ = _ALWAYS | os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_CREATE = _ALWAYS | os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
HAS_DESCRIPTORS = (
    {os.open, os.mkdir, os.link, os.rename, os.unlink, os.stat} <= os.supports_dir_fd
    and os.scandir in os.supports_fd
    and hasattr(os, "O_NOFOLLOW")
)


class NotFollowed(OSError):
    """A link or a special file is found where a folder or an ordinary file should be.

    Attributes:
        path: of the link or special file.
    """

    def __init__(self, path: str, what: str) -> None:
        super().__init__(errno.ELOOP, f"is {what}", path)
        self.path = path
        self.what = what

    def __str__(self) -> str:
        return f"{self.path!r} is {self.what}"


class Folder:
    """An open folder. Its methods work in this folder, even if its path leads elsewhere by now.

    Args:
        path: for errors, and for systems that have no descriptors of folders.
        descriptor: None on such a system.
    """

    def __init__(self, path: str, descriptor: int | None) -> None:
        self.path = path
        self._descriptor = descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def open_folder(self, name: str) -> Folder:
        """Open a folder in this one.

        Raises:
            NotFollowed: it is a link.
        """
        return _opened_folder(self._path_of(name), name, self._descriptor)

    def make_folder(self, name: str) -> Folder:
        """Open a folder in this one. Create it if it does not exist."""
        try:
            return self.open_folder(name)
        except FileNotFoundError:
            with suppress(FileExistsError):  # another process has created it
                os.mkdir(self._name_or_path(name), FOLDER_MODE, dir_fd=self._descriptor)
            return self.open_folder(name)

    def open_file(self, name: str) -> BinaryIO:
        """Open an ordinary file for reading.

        Raises:
            NotFollowed: it is a link, a folder, a pipe, a socket or a device.
        """
        path = self._path_of(name)
        if self._descriptor is None:
            _check_no_link(path)
        # Opening with these flags refuses a link. Other special files open, or fail in ways of
        # their own.
        try:
            descriptor = os.open(self._name_or_path(name), _READ, dir_fd=self._descriptor)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EMLINK):
                raise NotFollowed(path, "a link") from None
            if error.errno in (errno.ENXIO, errno.EOPNOTSUPP):
                raise NotFollowed(path, "a socket or a device") from None
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise NotFollowed(path, "not an ordinary file")
        return os.fdopen(descriptor, "rb")

    def create_file(self, name: str) -> BinaryIO:
        """Create a file for writing. Raise FileExistsError if the name is taken, even by a link."""
        descriptor = os.open(self._name_or_path(name), _CREATE, FILE_MODE, dir_fd=self._descriptor)
        return os.fdopen(descriptor, "wb")

    def link_file(self, source: str, target: str) -> None:
        """Give a file a second name. Raise FileExistsError if that is taken."""
        os.link(
            self._name_or_path(source),
            self._name_or_path(target),
            src_dir_fd=self._descriptor,
            dst_dir_fd=self._descriptor,
            follow_symlinks=self._descriptor is None,
        )

    def replace_file(self, source: str, target: str) -> None:
        """Rename a file, replacing one of the same name. A link itself is replaced."""
        os.replace(
            self._name_or_path(source),
            self._name_or_path(target),
            src_dir_fd=self._descriptor,
            dst_dir_fd=self._descriptor,
        )

    def unlink_file(self, name: str) -> None:
        """Remove a file; for a link, the link itself."""
        os.unlink(self._name_or_path(name), dir_fd=self._descriptor)

    def identity_on_disk(self) -> tuple[int, int]:
        """Return an identity that no other folder has, whatever path leads to it."""
        status = os.stat(self.path if self._descriptor is None else self._descriptor)  # noqa: PTH116  # no Path takes a descriptor
        return status.st_dev, status.st_ino

    def flush_names(self) -> None:
        """Make new names durable, on systems that can flush a folder."""
        if self._descriptor is not None:
            with self._opened_for_reading() as descriptor:
                os.fsync(descriptor)

    @contextmanager
    def list_entries(self) -> Iterator[Iterator[os.DirEntry[str]]]:
        """List the folder. An entry can be examined until the block ends."""
        if self._descriptor is None:
            with os.scandir(self.path) as entries:
                yield entries
        else:
            with self._opened_for_reading() as descriptor, os.scandir(descriptor) as entries:
                yield entries

    @contextmanager
    def _opened_for_reading(self) -> Iterator[int]:
        # A folder that was opened only to be passed can be neither listed nor flushed, so it is
        # opened again.
        descriptor = os.open(".", _FOLDER | os.O_RDONLY, dir_fd=self._descriptor)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _path_of(self, name: str) -> str:
        return os.path.join(self.path, name)  # noqa: PTH118  # a Path for each step is slow

    def _name_or_path(self, name: str) -> str:
        return self._path_of(name) if self._descriptor is None else name


def open_root(path: str) -> Folder:
    """Open a folder by its real path."""
    return _opened_folder(path, path, None)


def make_root(path: str) -> Folder:
    """Open a folder by its real path. Create it, and those above it, if they do not exist."""
    try:
        return open_root(path)
    except FileNotFoundError:
        above, _, name = path.rstrip("/").rpartition("/")
        if not name:
            raise
        with make_root(above or "/") as folder:
            return folder.make_folder(name)


@contextmanager
def folder_below(root: Folder, names: list[str], *, is_made: bool = False) -> Iterator[Folder]:
    """Open a folder below another, step by step. Close all of them at the end, the root included."""
    current = root
    try:
        for name in names:
            following = current.make_folder(name) if is_made else current.open_folder(name)
            # Closed at each step, so that a deep path does not hold a descriptor for each of its
            # folders.
            current.__exit__()
            current = following
        yield current
    finally:
        current.__exit__()


@contextmanager
def folder_at(path: str) -> Iterator[Folder]:
    """Open a folder by its real path, on which there is no link. A link since then is not followed."""
    anchor, *names = Path(path).parts
    with folder_below(open_root(anchor), names) as folder:
        yield folder


def walk_files(
    root: str, start: str, left_out: str | None = None
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield everything below a folder that is not a folder, by its name relative to the root.

    An entry can be examined until the next one. Links are yielded unchanged, and never entered.
    Left out are files that are still being written, and names that no object can have. A folder
    that is removed or replaced by a link meanwhile is skipped.

    Args:
        root: a real path.
        start: the folder below it, "" for the root itself.
        left_out: a folder that is not entered, by its name relative to the root.

    Raises:
        FileNotFoundError, NotADirectoryError, NotFollowed: for `start` itself.
        PermissionError: a folder may not be read. It never counts as an empty one.
    """
    pending = [start]
    while pending:
        path = pending.pop()
        try:
            with (
                folder_below(open_root(root), path.split("/") if path else []) as folder,
                folder.list_entries() as entries,
            ):
                for entry in entries:
                    name = f"{path}/{entry.name}" if path else entry.name
                    if entry.name.startswith(TEMPORARY_PREFIX) or not is_object_name(name):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        pending += [name] if name != left_out else []
                    else:
                        yield name, entry
        # A folder that vanished, or became a link, since it was listed is skipped. The start itself
        # must exist.
        except (FileNotFoundError, NotADirectoryError, NotFollowed):
            if path == start:
                raise


def _opened_folder(path: str, name: str, within: int | None) -> Folder:
    """Open a folder by a name within another, or by its path."""
    if not HAS_DESCRIPTORS:
        _check_no_link(path)
        return Folder(path, None)
    try:
        return Folder(path, os.open(name, _PASSED, dir_fd=within))
    except OSError as error:
        # Systems report a link with different errors, and a plain file with some of the same.
        if error.errno in (errno.ENOTDIR, errno.ELOOP, errno.EMLINK):
            status = os.stat(name, dir_fd=within, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                raise NotFollowed(path, "a link") from None
        raise


def _check_no_link(path: str) -> None:
    """Refuse a link, or a junction of Windows. Other kinds of files fail when they are used."""
    status = os.lstat(path)
    is_junction = bool(getattr(status, "st_reparse_tag", False))
    if stat.S_ISLNK(status.st_mode) or is_junction:
        raise NotFollowed(path, "a link")
