"""Decides which files below a path hold Parquet: by name if possible, else by their first bytes.

Trino, Athena and Hive write Parquet without a suffix. A file that is left out is named in the log,
because its rows will be missing from the output.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.core.durable.visible_names import escaped_name
from airflow_provider_aimlapi.logs import logger
from airflow_provider_aimlapi.storage.access.file_systems import kind_of, uri_of
from airflow_provider_aimlapi.storage.input.input_errors import reading_input
from airflow_provider_aimlapi.storage.input.local_inputs import open_listed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from fsspec import AbstractFileSystem

    from airflow_provider_aimlapi.storage.access.s3_by_obstore import QuickS3

log = logger(__name__)

SUFFIX = re.compile(r"\.(parquet|parq|pq)\Z", re.IGNORECASE)
_OTHER = re.compile(
    r"\.(?:csv|tsv|jsonl?|ndjson|txt|md|html?|xml|ya?ml|log|crc|orc|avro|sql|py)\Z",
    re.IGNORECASE,
)
"""Suffixes that no tool gives to Parquet. Their files are not examined."""
_FOLDER_MARK = "_$folder$"
"""The end of the names of Hadoop's objects that stand for a folder."""
_MAGICS = (b"PAR1", b"PARE")
"""The first bytes of Parquet; PARE if its footer is encrypted, which is refused later."""
_MAGIC_BYTES = 4
_PROBE_THREADS = 16
_NAMED_MAX = 5


def may_hold_parquet(name: str) -> bool:
    """Return whether a file of this name is read, or at least examined."""
    return _OTHER.search(name) is None


def data_files(
    fs: AbstractFileSystem,
    root: str,
    entries: Mapping[str, Mapping[str, Any]],
    wanted: Sequence[str],
    *,
    is_named: Callable[[str], bool],
    quick: QuickS3 | None,
) -> list[str]:
    """Return the wanted files that are read. Log the names of those that are left out.

    Args:
        entries: everything below the root, by path.
        wanted: the paths without hidden names and hidden folders.
        is_named: whether a glob matches a file itself. Such a file is always read.

    Raises:
        StoreUnavailable, InputUnreadable: a file's first bytes cannot be read.
    """
    folders = _folders_of(entries)
    files = [path for path in wanted if not _is_marker(path, entries[path], folders)]
    # 1. A Parquet suffix, or a glob that names the file: read. 2. A suffix that no tool gives to
    # Parquet: left out. 3. Otherwise the first bytes decide. Empty files without a suffix are left
    # out silently.
    found = {path for path in files if SUFFIX.search(path) or is_named(path)}
    unnamed = [path for path in files if path not in found and entries[path].get("size")]

    def begins_as_parquet(path: str) -> bool:
        with reading_input(uri_of(fs, path)):
            return _first_bytes(fs, path, entries[path], quick) in _MAGICS

    probed = [path for path in unnamed if may_hold_parquet(path)]
    with ThreadPoolExecutor(_PROBE_THREADS, "magic-probe") as pool:
        are_parquet = pool.map(begins_as_parquet, probed)
        found.update(
            path for path, is_parquet in zip(probed, are_parquet, strict=True) if is_parquet
        )
    _name_left_out(fs, root, [path for path in unnamed if path not in found])
    return [path for path in files if path in found]


def _folders_of(paths: Collection[str]) -> set[str]:
    folders: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        # Once a folder is known, those above it are, too.
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def _is_marker(path: str, info: Mapping[str, Any], folders: set[str]) -> bool:
    """Return whether an empty object is a folder's marker: other objects lie below it, or its type shows it."""
    return not info.get("size") and (path in folders or path.endswith(_FOLDER_MARK))


def _first_bytes(
    fs: AbstractFileSystem, path: str, info: Mapping[str, Any], quick: QuickS3 | None
) -> bytes:
    if kind_of(fs) == "local":
        with open_listed(info["real_path"]) as (file, _):
            return file.read(_MAGIC_BYTES)
    start = quick.start_of(path, _MAGIC_BYTES) if quick is not None else None
    return bytes(fs.cat_file(path, start=0, end=_MAGIC_BYTES) if start is None else start)


def _name_left_out(fs: AbstractFileSystem, root: str, left_out: Sequence[str]) -> None:
    if not left_out:
        return
    names = ", ".join(escaped_name(path[len(root) :].lstrip("/")) for path in left_out[:_NAMED_MAX])
    more = f" and {len(left_out) - _NAMED_MAX:,} more" if len(left_out) > _NAMED_MAX else ""
    log.warning(
        "%s file(s) below %s are not Parquet and are left out: %s%s.",
        f"{len(left_out):,}",
        uri_of(fs, root),
        names,
        more,
    )
