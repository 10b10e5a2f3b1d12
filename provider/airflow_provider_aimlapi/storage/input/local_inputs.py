"""Lists the files below a local input path, and decides which links are followed. Reads no content.

The input's root is resolved once. A link below it is followed if its target lies below that root,
too. Otherwise a person who can write to an input could turn another file into prompts. An input that
cannot be followed is refused by name, because skipping it would lose rows.
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
"""A writer may replace files while they are listed. If it always does, the listing fails."""


def list_local(
    root: str,
    *,
    is_input: Callable[[str], bool],
    may_be_input: Callable[[str], bool],
    may_hold: Callable[[str], bool],
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """List the files at or below a path, by their path; empty if there are none.

    Args:
        is_input: whether a file of this name, relative to the root, is read.
        may_be_input: whether a file of this name is examined, and perhaps read.
        may_hold: whether a folder of this name may hold such files. Other folders are skipped.

    Returns:
        For each file its size, its modification time to the nanosecond, which fsspec's lacks, and
        its real path, on which there is no link. Then the paths of the skipped folders.

    Raises:
        InputUnreadable: a link may not be followed or leads in a circle, a pipe or the like is found
            in the place of a file, or files are removed again and again during the listing.
        OSError: a folder may not be read.
    """
    try:
        real_root = _real_root(root or "/")
        status = os.lstat(real_root)
    except FileNotFoundError:
        return {}, []
    if not stat.S_ISDIR(status.st_mode):
        if not stat.S_ISREG(status.st_mode):
            raise _refusal_of_input(root, "is not an ordinary file")
        return {root: _info_of_file(real_root, status)}, []
    # A writer may replace a file during the listing, so it is repeated once.
    gone = root
    for _ in range(LISTINGS_MAX):
        try:
            return _Listing(root, real_root, is_input, may_be_input, may_hold).list_files()
        except _Vanished as vanished:
            gone = str(vanished)
    raise _refusal_of_input(gone, f"was removed while it was listed, {LISTINGS_MAX} times")


@contextmanager
def open_listed(real_path: str) -> Iterator[tuple[BinaryIO, dict[str, Any]]]:
    """Open a listed file by its real path. Return it, and its description as in the listing.

    Raises:
        NotFollowed: a link or a special file has replaced it, or a folder above it.
    """
    folder, _, name = real_path.rpartition("/")
    with folder_at(folder or "/") as opened, opened.open_file(name) as file:
        yield file, _info_of_file(real_path, os.fstat(file.fileno()))


class _Vanished(Exception):
    """A listed file was removed or replaced."""


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

    def list_files(self) -> tuple[dict[str, dict[str, Any]], list[str]]:
        """Visit each folder that may hold an input. Return as `list_local`."""
        # A stack instead of recursion, because others choose how deep the folders are.
        while self._pending:
            name, real_path, is_linked = self._pending.pop()
            try:
                with folder_at(real_path) as folder:
                    if is_linked:
                        self._visit_once(name, folder)
                    self._visit_folder(name, real_path, folder, is_linked=is_linked)
            except (FileNotFoundError, NotADirectoryError, NotFollowed):
                raise _Vanished(self._path_of(name)) from None
        return self._found, self._passed_over

    def _visit_once(self, name: str, folder: Folder) -> None:
        identity = folder.identity_on_disk()
        if identity in self._linked:
            raise self._refused_input(name, "is a folder that another link leads to as well")
        self._linked.add(identity)

    def _visit_folder(self, name: str, real_path: str, folder: Folder, *, is_linked: bool) -> None:
        with folder.list_entries() as entries:
            for entry in entries:
                below = f"{name}/{entry.name}" if name else entry.name
                real_below = f"{real_path.rstrip('/')}/{entry.name}"
                if entry.is_symlink():
                    self._follow_link(below, real_below)
                elif entry.is_dir(follow_symlinks=False):
                    self._enter_folder(below, real_below, is_linked=is_linked)
                else:
                    self._add_file(below, real_below, entry.stat(follow_symlinks=False))

    def _follow_link(self, name: str, link: str) -> None:
        """Add the target of a link if it is an input or may hold one. Otherwise skip it."""
        # The name decides first, so that an unrelated link is not even resolved. A target with an
        # input's name may still be a folder, or the reverse, so the second check is by its kind.
        if not self._may_be_input(name) and not self._may_hold(name):
            return
        target = self._target_of_link(name, link)
        status = os.lstat(target)
        is_folder = stat.S_ISDIR(status.st_mode)
        is_file = stat.S_ISREG(status.st_mode)
        may_be = self._may_be_input if is_file else self._is_input
        if not (self._may_hold(name) if is_folder else may_be(name)):
            return
        if not _is_at_or_below(target, self._real_root):
            raise self._refused_input(name, "is a link that leads out of the input")
        if not is_folder:
            self._add_file(name, target, status)
        elif _is_at_or_below(os.path.dirname(link), target):  # noqa: PTH120  # text, as all here
            raise self._refused_input(name, "is a link to a folder that it lies in")
        else:
            self._enter_folder(name, target, is_linked=True)

    def _target_of_link(self, name: str, link: str) -> str:
        try:
            return os.path.realpath(link, strict=True)
        except FileNotFoundError:
            if not os.path.lexists(link):
                raise
            raise self._refused_input(name, "is a link to something that does not exist") from None
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise self._refused_input(name, "is a link that leads in a circle") from None

    def _enter_folder(self, name: str, real_path: str, *, is_linked: bool) -> None:
        if len(name) > NAME_CHARACTERS_MAX:
            raise self._refused_input(f"{name[:NAME_CHARACTERS_MAX]}…", "is nested too deeply")
        if self._may_hold(name):
            self._pending.append((name, real_path, is_linked))
        else:
            self._passed_over.append(self._path_of(name))

    def _add_file(self, name: str, real_path: str, status: os.stat_result) -> None:
        if stat.S_ISREG(status.st_mode):
            self._found[self._path_of(name)] = _info_of_file(real_path, status)
        elif self._is_input(name):
            raise self._refused_input(name, "is not an ordinary file")

    def _refused_input(self, name: str, why: str) -> InputUnreadable:
        return _refusal_of_input(self._path_of(name), why)

    def _path_of(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root


def _refusal_of_input(path: str, why: str) -> InputUnreadable:
    return InputUnreadable(
        f"Remove it, let its name begin with _ or ., or choose another input_path: {path!r} {why}. "
        f"Nothing was read. Names that begin with _ or . are skipped."
    )


def _real_root(root: str) -> str:
    """Resolve an input's root.

    Records that a task received lie below its output, which others may write to. Nothing is resolved
    there, so a link is found when the file is opened.
    """
    output, records, name = root.partition(f"/{RECORDS_FOLDER}/")
    return f"{os.path.realpath(output, strict=True)}{records}{name}"


def _is_at_or_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _info_of_file(real_path: str, status: os.stat_result) -> dict[str, Any]:
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "real_path": real_path}
