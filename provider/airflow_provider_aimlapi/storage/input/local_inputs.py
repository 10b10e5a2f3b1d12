"""The files below a local input path, and which links among them are followed. Reads no content.

The input's root is resolved once. A link below it is followed while its target lies below that root
too: someone who can write to an input must not be able to turn another file into prompts. What would
be an input and cannot be followed is refused by name, because passing over it would lose rows.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from airflow_provider_aimlapi.core.durable.keys import RECORDS_FOLDER
from airflow_provider_aimlapi.core.durable.object_names import NAME_CHARACTERS_MAX
from airflow_provider_aimlapi.errors import InputUnreadable
from airflow_provider_aimlapi.storage.access.local_files import Folder, NotFollowed, folder_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LISTINGS_MAX = 2
"""A writer may replace files while they are listed; one that always does is not waited for."""


def list_local(
    root: str,
    *,
    is_input: Callable[[str], bool],
    may_be_input: Callable[[str], bool],
    may_hold: Callable[[str], bool],
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """List the files at or below a path, by their path; empty when there is nothing.

    Args:
        is_input: whether a file of this name, relative to the root, is read.
        may_be_input: whether a file of this name is looked into, and perhaps read.
        may_hold: whether a folder of this name may hold such files; others are passed over.

    Returns:
        For each file its size, its modification time to the nanosecond, which fsspec's lacks, and
        its real path, on which nothing is a link. Then the paths of the folders passed over.

    Raises:
        InputUnreadable: for a link that may not be followed or leads in a circle, for a pipe or the
            like where a file is expected, and for files that go away again and again.
        OSError: a folder may not be read.
    """
    try:
        real_root = _real_root(root or "/")
        status = os.lstat(real_root)
    except FileNotFoundError:
        return {}, []
    if not stat.S_ISDIR(status.st_mode):
        if not stat.S_ISREG(status.st_mode):
            raise _refusal(root, "is no ordinary file")
        return {root: _info(real_root, status)}, []
    gone = root
    for _ in range(LISTINGS_MAX):
        try:
            return _Listing(root, real_root, is_input, may_be_input, may_hold).all()
        except _Vanished as vanished:
            gone = str(vanished)
    raise _refusal(gone, f"went away while it was listed, {LISTINGS_MAX} times")


@contextmanager
def open_listed(real_path: str) -> Iterator[tuple[BinaryIO, dict[str, Any]]]:
    """Open a listed file by its real path, and describe it as its listing did.

    Raises:
        NotFollowed: a link or a special file has taken its place, or that of a folder above it.
    """
    folder, _, name = real_path.rpartition("/")
    with folder_at(folder or "/") as opened, opened.file(name) as file:
        yield file, _info(real_path, os.fstat(file.fileno()))


class _Vanished(Exception):
    """What was just listed is gone, or is something else by now."""


class _Listing:
    """One walk through an input."""

    def __init__(
        self,
        root: str,
        real_root: str,
        is_input: Callable[[str], bool],
        may_be_input: Callable[[str], bool],
        may_hold: Callable[[str], bool],
    ) -> None:
        self._root = root
        self._real_root = real_root
        self._is_input = is_input
        self._may_be_input = may_be_input
        self._may_hold = may_hold
        self._found: dict[str, dict[str, Any]] = {}
        self._passed_over: list[str] = []
        # Folders to visit: the name in the input, the real path, and whether a link led there.
        self._pending: list[tuple[str, str, bool]] = [("", real_root, False)]
        # Folders that links led to. Each is visited once, because links multiply a folder's paths.
        self._linked: set[tuple[int, int]] = set()

    def all(self) -> tuple[dict[str, dict[str, Any]], list[str]]:
        """Visit every folder that may hold an input."""
        while self._pending:
            name, real_path, is_linked = self._pending.pop()
            try:
                with folder_at(real_path) as folder:
                    if is_linked:
                        self._visit_once(name, folder)
                    self._visit(name, real_path, folder, is_linked=is_linked)
            except (FileNotFoundError, NotADirectoryError, NotFollowed):
                raise _Vanished(self._place(name)) from None
        return self._found, self._passed_over

    def _visit_once(self, name: str, folder: Folder) -> None:
        identity = folder.identity()
        if identity in self._linked:
            raise self._refused(name, "is a folder that another link leads to as well")
        self._linked.add(identity)

    def _visit(self, name: str, real_path: str, folder: Folder, *, is_linked: bool) -> None:
        with folder.entries() as entries:
            for entry in entries:
                below = f"{name}/{entry.name}" if name else entry.name
                real_below = f"{real_path.rstrip('/')}/{entry.name}"
                if entry.is_symlink():
                    self._follow(below, real_below)
                elif entry.is_dir(follow_symlinks=False):
                    self._enter(below, real_below, is_linked=is_linked)
                else:
                    self._add(below, real_below, entry.stat(follow_symlinks=False))

    def _follow(self, name: str, link: str) -> None:
        """Take in what a link leads to, if it is an input or may hold one; else pass over it."""
        if not self._may_be_input(name) and not self._may_hold(name):
            return
        target = self._target(name, link)
        status = os.lstat(target)
        is_folder = stat.S_ISDIR(status.st_mode)
        is_file = stat.S_ISREG(status.st_mode)
        may_be = self._may_be_input if is_file else self._is_input
        if not (self._may_hold(name) if is_folder else may_be(name)):
            return
        if not _is_at_or_below(target, self._real_root):
            raise self._refused(name, "is a link that leads out of the input")
        if not is_folder:
            self._add(name, target, status)
        elif _is_at_or_below(os.path.dirname(link), target):  # noqa: PTH120  # text, as all here
            raise self._refused(name, "is a link to a folder that it lies in")
        else:
            self._enter(name, target, is_linked=True)

    def _target(self, name: str, link: str) -> str:
        try:
            return os.path.realpath(link, strict=True)
        except FileNotFoundError:
            if not os.path.lexists(link):
                raise
            raise self._refused(name, "is a link to something that is not there") from None
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise self._refused(name, "is a link that leads in a circle") from None

    def _enter(self, name: str, real_path: str, *, is_linked: bool) -> None:
        if len(name) > NAME_CHARACTERS_MAX:
            raise self._refused(f"{name[:NAME_CHARACTERS_MAX]}…", "is nested too deeply")
        if self._may_hold(name):
            self._pending.append((name, real_path, is_linked))
        else:
            self._passed_over.append(self._place(name))

    def _add(self, name: str, real_path: str, status: os.stat_result) -> None:
        if stat.S_ISREG(status.st_mode):
            self._found[self._place(name)] = _info(real_path, status)
        elif self._is_input(name):
            raise self._refused(name, "is no ordinary file")

    def _refused(self, name: str, why: str) -> InputUnreadable:
        return _refusal(self._place(name), why)

    def _place(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root


def _refusal(place: str, why: str) -> InputUnreadable:
    return InputUnreadable(
        f"input_path: {place!r} {why}. Nothing was read. Remove it, give it a name that begins with "
        f"_ or ., which is passed over, or choose another input_path."
    )


def _real_root(root: str) -> str:
    """Resolve an input's root.

    Records that a task was given lie below its output, which others may write to. There nothing is
    resolved, so a link is found when the file is opened.
    """
    output, records, name = root.partition(f"/{RECORDS_FOLDER}/")
    return f"{os.path.realpath(output, strict=True)}{records}{name}"


def _is_at_or_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _info(real_path: str, status: os.stat_result) -> dict[str, Any]:
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "real_path": real_path}
