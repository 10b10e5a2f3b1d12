"""Finds the Parquet files of an input path: one file, a folder, or a glob."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unicodedata import normalize
from urllib.parse import unquote

from airflow_provider_aimlapi.core.durable.plan import InputFile
from airflow_provider_aimlapi.core.durable.visible_names import (
    escaped_name,
    has_dot_segment,
    has_half_pair,
    unhidden,
    without_dot_segments,
    without_empty_segments,
)
from airflow_provider_aimlapi.errors import InputUnreadable
from airflow_provider_aimlapi.storage.access.file_systems import (
    kind_of,
    path_in,
    uri_of,
    version_of,
)
from airflow_provider_aimlapi.storage.access.s3_by_obstore import quick_s3
from airflow_provider_aimlapi.storage.input.data_files import SUFFIX, data_files, may_hold_parquet
from airflow_provider_aimlapi.storage.input.globs import (
    is_ignored,
    matches_glob,
    matches_itself,
    may_reach,
    split_glob,
)
from airflow_provider_aimlapi.storage.input.input_errors import reading_input
from airflow_provider_aimlapi.storage.input.local_inputs import list_local
from airflow_provider_aimlapi.storage.input.table_formats import check_no_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsspec import AbstractFileSystem

    from airflow_provider_aimlapi.storage.access.s3_by_obstore import QuickS3

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
# Their `find` returns nothing where it fails, so an empty result is checked by a request for the
# path.
_PASS_OVER_ERRORS = frozenset({"other", "azure"})
_HIVE_FOLDER = re.compile(r"([^=]+)=(.*)", re.DOTALL)


def list_inputs(fs: AbstractFileSystem, path: str) -> tuple[InputFile, ...]:
    """Return the files of a path, sorted by URI, without their row groups.

    In a folder, and in a folder that a glob matches, all Parquet files are read, whatever their names.
    Names and folders that begin with `_` or `.` are left out. A file that is named itself, or that a
    glob matches, is read in any case.

    Raises:
        InputUnreadable: there is no such file; the path belongs to a table whose files are not all
            live, see `storage.input.table_formats`; or, on a disk, a link is not followed, see
            `storage.input.local_inputs`.
        StoreUnavailable: the store does not answer.
    """
    root, pattern = split_glob(path_in(fs, path))
    quick = quick_s3(fs, root)
    with reading_input(uri_of(fs, root)):
        entries, passed_over = _entries_below(fs, root, pattern, quick)
    # The path itself is a file. An empty object with others below it is a folder's marker.
    is_file = not pattern and root in entries
    is_file = is_file and (len(entries) == 1 or bool(entries[root].get("size")))
    below = [entry for entry in entries if _is_wanted(pattern, _path_below(root, entry))]
    wanted = [root] if is_file else below
    check_no_table(fs, root, entries, skipped=passed_over, wanted=wanted, quick=quick)
    if is_file:
        return (_listed_file(fs, root, root.rpartition("/")[0], entries[root]),)
    paths = data_files(
        fs,
        root,
        entries,
        wanted,
        is_named=lambda entry: matches_itself(pattern, _path_below(root, entry)),
        quick=quick,
    )
    if not paths:
        raise InputUnreadable(_nothing_found(fs, path, pattern, len(entries)))
    files = [_listed_file(fs, entry, root, entries[entry]) for entry in paths]
    return tuple(sorted(files, key=lambda file: file.uri))


def _listed_file(
    fs: AbstractFileSystem, path: str, root: str, info: Mapping[str, Any]
) -> InputFile:
    """Describe a file. On a disk it is opened by its real path, even if it was reached by a link.

    Raises:
        InputUnreadable: its metadata states a compression. gcsfs and adlfs would decompress all of it
            in memory, and Parquet could not be read.
    """
    file = _input_file(fs, path, root, info)
    if _content_encoding(info):
        raise InputUnreadable(
            f"Store a file of input_path without Content-Encoding: {file.uri} is stored with one."
        )
    return replace(file, path=info.get("real_path") or file.path)


def _content_encoding(info: Mapping[str, Any]) -> object:
    """Return the Content-Encoding of an object, from Google's or Azure's listing."""
    settings = info.get("content_settings") or {}
    return info.get("contentEncoding") or settings.get("content_encoding")


def _entries_below(
    fs: AbstractFileSystem, root: str, pattern: str, quick: QuickS3 | None
) -> tuple[Mapping[str, Mapping[str, Any]], list[str]]:
    """Return everything at or below a path, by path; on a disk also the skipped folders."""
    if kind_of(fs) == "local":
        return list_local(
            root,
            is_input=lambda name: _is_input(pattern, name),
            may_be_input=lambda name: (
                _is_input(pattern, name) or (matches_glob(pattern, name) and may_hold_parquet(name))
            ),
            may_hold=lambda folder: _may_hold(pattern, folder),
        )
    found = _quick_entries(root, quick)
    return (_remote_entries(fs, root) if found is None else found), []


def _remote_entries(fs: AbstractFileSystem, root: str) -> Mapping[str, Mapping[str, Any]]:
    fs.invalidate_cache()
    found: Mapping[str, Mapping[str, Any]] | list[str] = fs.find(root, detail=True)
    if isinstance(found, list):  # adlfs returns a list for a file
        return _entry_itself(fs, root)
    is_vague = kind_of(fs) in _PASS_OVER_ERRORS
    if is_vague and not found.get(root) and found.keys() <= {root}:
        return _entry_itself(fs, root)
    return found


def _quick_entries(root: str, quick: QuickS3 | None) -> Mapping[str, Mapping[str, Any]] | None:
    """Return the objects below a path on S3 with obstore; None if s3fs might return others."""
    found = quick.entries_below(root) if quick is not None else None
    if found is None:
        return None
    is_doubtful = any(not info["size"] and SUFFIX.search(entry) for entry, info in found.items())
    return None if is_doubtful else found  # perhaps a folder's marker, which looks like a file


def _entry_itself(fs: AbstractFileSystem, root: str) -> Mapping[str, Mapping[str, Any]]:
    """Return a path itself. File systems may hide errors if they list everything below it.

    File systems that cannot list return no size either.
    """
    info: Mapping[str, Any] = fs.info(root)
    return {root: info} if info.get("type") == "file" else {}


def _is_input(pattern: str, name: str) -> bool:
    """Return whether a file is read whatever it holds."""
    is_parquet = SUFFIX.search(name) is not None and matches_glob(pattern, name)
    return is_parquet or matches_itself(pattern, name)


def _may_hold(pattern: str, folder: str) -> bool:
    """Return whether a folder may hold an input; `folder` lies in one that may."""
    if is_ignored(folder.rpartition("/")[2]) and not any(map(is_ignored, pattern.split("/"))):
        return False
    return not pattern or may_reach(pattern, folder)


def _is_wanted(pattern: str, below: str) -> bool:
    """Return whether a path includes a key, ignoring folders named `.` or `..` in it."""
    return bool(below) and matches_glob(pattern, without_dot_segments(below))


def _input_file(fs: AbstractFileSystem, path: str, root: str, info: Mapping[str, Any]) -> InputFile:
    uri, below = uri_of(fs, path), _path_below(root, path)
    _check_key(uri, path, below)
    folder, _, name = unhidden(escaped_name(below)).rpartition("/")
    return InputFile(
        uri=uri,
        path=path,
        version=version_of(info),
        size_bytes=int(info.get("size") or 0),
        folder=f"{folder}/" if folder else "",
        stem=SUFFIX.sub("", name) or name,
        partition=_partition_of_folder(below.rpartition("/")[0]),
    )


def _check_key(uri: str, path: str, below: str) -> None:
    """Refuse a key that means another location elsewhere, or that the file system cannot request."""
    # 1. Readers of the output could resolve the folder. 2. The name could not be stored in the
    # plan. 3. The file system would read another object than was listed.
    if has_dot_segment(below):
        raise InputUnreadable(
            f"Rename an object, or choose an input_path without it: {escaped_name(uri)} has a folder "
            f"named '.' or '..' in its key."
        )
    if not path.isprintable() and has_half_pair(path):
        raise InputUnreadable(
            f"Rename a file, or choose an input_path without it: the name {escaped_name(uri)} is not UTF-8."
        )
    if not uri.endswith(path):
        raise InputUnreadable(
            f"Rename an object, or choose an input_path without it: a file system takes the key "
            f"{escaped_name(path)} as that of another object, {escaped_name(uri)}."
        )


def _path_below(root: str, path: str) -> str:
    """Return a path relative to a root, without empty segments; "" if it is not below the root."""
    folder = f"{root.rstrip('/')}/" if root else ""
    return without_empty_segments(path[len(folder) :]) if path.startswith(folder) else ""


def _partition_of_folder(folder: str) -> tuple[tuple[str, str | None], ...]:
    """Return the keys and values of a path's hive folders: `ds=2026-01-01/kind=a%2Fb`."""
    pairs = (_HIVE_FOLDER.fullmatch(segment) for segment in folder.split("/"))
    return tuple(
        (unquote(pair[1]), None if pair[2] == HIVE_NULL else unquote(pair[2]))
        for pair in pairs
        if pair is not None
    )


def _nothing_found(fs: AbstractFileSystem, path: str, pattern: str, others: int) -> str:
    what = "no Parquet file matches the pattern" if pattern else "there is no Parquet file"
    seen = f" Other files seen: {others:,}." if others else _spelled_otherwise(fs, path)
    return (
        f"Check input_path: no input at {uri_of(fs, path)}, because {what} (names and folders that begin "
        f"with _ or . are left out).{seen}"
    )


def _spelled_otherwise(fs: AbstractFileSystem, path: str) -> str:
    """Return a hint if a neighbour's name looks the same, but has other characters."""
    folder, _, name = path_in(fs, path).rpartition("/")
    try:
        neighbours = [
            str(entry).rstrip("/").rpartition("/")[2] for entry in fs.ls(folder, detail=False)
        ]
    except Exception:  # noqa: BLE001  # it is only a hint
        return ""
    same = [other for other in neighbours if normalize("NFKC", other) == normalize("NFKC", name)]
    if not same:
        return ""
    return (
        f" There is {same[0]!r}, which looks the same but has other characters: "
        f"{same[0]!a} there, {name!a} in input_path."
    )
