"""Table formats whose folders hold Parquet files that are not live: deleted, replaced, or logs.

Only a table's own metadata states which of its files count. In plain Parquet, deleted rows reappear
and updated rows appear twice. So a path in, at, or above such a table is refused.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.errors import InputUnreadable
from airflow_provider_aimlapi.storage.access.file_systems import kind_of, uri_of
from airflow_provider_aimlapi.storage.input.input_errors import reading_input

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fsspec import AbstractFileSystem

    from airflow_provider_aimlapi.storage.access.s3_by_obstore import QuickS3

PROBE_THREADS = 16
"""A path of six folders takes 30 probes, which mostly wait for the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFormat:
    """The signs by which a table is recognised.

    Attributes:
        name: to be read by people.
        folder: a folder in the table's own folder; None if its name varies.
        file: a pattern of names in that folder, if the folder's name alone proves nothing.
        inside: a pattern of a path in the table, after the table's own folder.
        reader: a program that exports the live rows.
    """

    name: str
    folder: str | None
    file: str = ""
    inside: str
    reader: str


def _format_with_folder(name: str, folder: str, *, file: str = "", reader: str) -> TableFormat:
    inside = f"{re.escape(folder)}/{file}"
    return TableFormat(name=name, folder=folder, file=file, inside=inside, reader=reader)


FORMATS = (
    _format_with_folder(
        "a Delta Lake table",
        "_delta_log",
        reader="Spark's format(\"delta\"), DuckDB's delta_scan or the deltalake package",
    ),
    _format_with_folder(
        "an Apache Iceberg table",
        "metadata",
        file=r"(?:version-hint\.text|(?:v\d+|\d+-[0-9a-f-]{36})(?:\.gz)?\.metadata\.json(?:\.gz)?"
        r"|snap-\d+-\d+-[0-9a-f-]{36}\.avro|[0-9a-f-]{36}-m\d+\.avro)\Z",
        reader="Spark, Trino, DuckDB's iceberg_scan or the pyiceberg package",
    ),
    TableFormat(
        name="an Apache Hudi table",
        folder=".hoodie",
        inside=r"\.hoodie(?:/|_partition_metadata(?:\.\w+)?\Z)",  # also in a copy of a partition
        reader='Spark\'s format("hudi") or Trino',
    ),
    _format_with_folder(
        "an Apache Paimon table",
        "snapshot",
        file=r"(?:snapshot-\d+|LATEST|EARLIEST)\Z",
        reader='Flink, Spark\'s format("paimon") or the pypaimon package',
    ),
    _format_with_folder(
        "the output of Spark Structured Streaming",
        "_spark_metadata",
        reader='Spark\'s read.format("parquet"), which honours its log',
    ),
    TableFormat(
        name="a transactional Hive table",
        folder=None,
        inside=r"(?:base_\d{7,}|(?:delta|delete_delta)_\d{7,}_\d{7,})(?:_\w+)?/",
        reader="Hive or Trino",
    ),
    TableFormat(
        name="a DuckLake table",
        folder=None,
        inside=r"ducklake-[0-9a-f-]{36}(?:-delete)?\.parquet\Z",
        reader="DuckDB's ducklake extension",
    ),
)
_BELOW = tuple((one, re.compile(rf"((?:.*/)?){one.inside}", re.DOTALL)) for one in FORMATS)


def check_no_table(
    fs: AbstractFileSystem,
    root: str,
    paths: Iterable[str],
    *,
    skipped: Sequence[str] = (),
    wanted: Sequence[str] = (),
    quick: QuickS3 | None = None,
) -> None:
    """Refuse an input that lies in a table, is one, or holds one.

    Args:
        root: the requested folder or file, as its file system names it.
        paths: the files below it, hidden ones included.
        skipped: the folders below it whose files are not among them.
        wanted: the paths that would be read. A table without any of them does not count, unless
            nothing would be read at all.
        quick: a faster client of the same S3, if there is one.

    Raises:
        InputUnreadable: it does. The text names the format, the table's folder, and the fix.
        StoreUnavailable: the store did not answer.
    """
    # The names below the root are listed already. Only what is above it takes requests.
    with reading_input(uri_of(fs, root)):
        for one, folder in _tables_below(fs, (f"{root}/", *paths), skipped):
            if not wanted or any(path.startswith(folder) for path in wanted):
                raise InputUnreadable(_refusal_of_table(one, uri_of(fs, folder)))
        _check_above(fs, root, quick)


def _tables_below(
    fs: AbstractFileSystem, paths: Iterable[str], skipped: Sequence[str]
) -> Iterator[tuple[TableFormat, str]]:
    """Yield each table once, with its folder, which ends with a slash."""
    seen = set()
    for path in chain(paths, (f"{folder}/" for folder in skipped)):
        for one, pattern in _BELOW:
            found = pattern.match(path)
            if found is not None and found[1] not in seen:
                seen.add(found[1])
                yield one, found[1]
    # A glob may skip the folder of which only the files show that it is a table's.
    for path in skipped:
        above, _, name = path.rpartition("/")
        for one in FORMATS:
            if one.file and one.folder == name and _is_table(fs, one, above, quick=None):
                yield one, f"{above}/"


def _check_above(fs: AbstractFileSystem, root: str, quick: QuickS3 | None) -> None:
    """Probe each folder above the root for a table's own folder.

    File systems without folders, such as the web, are left out.
    """
    if kind_of(fs) == "other":
        return
    probes = [(one, folder) for folder in _folders_above(root) for one in FORMATS if one.folder]

    def is_table(probe: tuple[TableFormat, str]) -> bool:
        one, folder = probe
        return _is_table(fs, one, folder, quick)

    # A probe of a remote store is a request, so all of them are made at once.
    if kind_of(fs) in {"local", "memory"}:
        are_tables = [is_table(probe) for probe in probes]
    else:
        with ThreadPoolExecutor(PROBE_THREADS, "table-probe") as pool:
            are_tables = list(pool.map(is_table, probes))
    for (one, folder), is_found in zip(probes, are_tables, strict=True):
        if is_found:
            raise InputUnreadable(_refusal_of_table(one, uri_of(fs, folder or "/")))


def _folders_above(root: str) -> Iterator[str]:
    folder = root
    while "/" in folder:
        folder = folder.rpartition("/")[0]
        yield folder


def _is_table(fs: AbstractFileSystem, one: TableFormat, folder: str, quick: QuickS3 | None) -> bool:
    """Return whether a folder belongs to such a table. One that may not be read counts as none."""
    marker = f"{folder}/{one.folder}"
    names = quick.names_in(marker) if quick is not None else None
    try:
        if names is None:
            names = [str(path).rpartition("/")[2] for path in fs.ls(marker, detail=False)]
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return False
    return any(re.match(one.file, name) for name in names)


def _refusal_of_table(one: TableFormat, uri: str) -> str:
    return (
        f"Export the rows as plain Parquet, and give that folder as input_path: {uri} is {one.name}. "
        f"Some of its Parquet files are not live, and only its own metadata states which. It is read, "
        f"for instance, by {one.reader}."
    )
