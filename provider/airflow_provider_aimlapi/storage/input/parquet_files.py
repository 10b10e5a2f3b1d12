"""Opens Parquet files of any file system, and streams row ranges out of them in bounded memory.

A row group can have any size, so its pages are decoded one by one, never all at once. A small remote
row group is fetched at once, with as few requests as the distance of its columns allows. Of a large
one, a bounded number of bytes is read ahead, which its columns share.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet as pq

from airflow_provider_aimlapi.errors import AimlapiError, InputUnreadable
from airflow_provider_aimlapi.storage.access.file_systems import kind_of, version_of
from airflow_provider_aimlapi.storage.input.input_errors import (
    changed_file_text,
    is_about_content,
    reading_input,
)
from airflow_provider_aimlapi.storage.input.local_inputs import open_listed
from airflow_provider_aimlapi.storage.input.nested_fields import leaves_at
from airflow_provider_aimlapi.storage.parquet.conversion import converted_batch, readable_schema
from airflow_provider_aimlapi.storage.parquet.footer import (
    TAIL_BYTES,
    SchemaParser,
    footer_length,
    read_footer_bytes,
)
from airflow_provider_aimlapi.storage.parquet.int96 import holds_int96, metadata_as_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from fsspec import AbstractFileSystem

    from airflow_provider_aimlapi.core.durable.plan import InputFile, Shard
    from airflow_provider_aimlapi.core.prompts.field_paths import FieldPath
    from airflow_provider_aimlapi.storage.access.s3_by_obstore import QuickS3
    from airflow_provider_aimlapi.storage.parquet.schema import ParquetSchema

FOOTER_BYTES = 64 * 1024
"""The bytes at a file's end that are read first. pyarrow's own number is the same."""
FETCHED_BYTES_MAX = 32 * 1024 * 1024
"""The most bytes of a row group that is fetched at once, with a few requests; a shard has as many. A larger
row group takes at least a request per column. If doubled, each of four readers may hold twice as much."""
READ_AHEAD_BYTES_MAX = 64 * 1024 * 1024
"""Read ahead in all columns of a larger row group together."""
BUFFER_BYTES_MAX = 2 * 1024 * 1024
BUFFER_BYTES_MIN = 64 * 1024
"""Read ahead in one column, which is the size of a request to a remote store."""
BATCH_BYTES_MAX = 4 * 1024 * 1024
"""The aim when decoding; one cell may be larger."""
CURSORS_MAX = 2
"""Kept for later shards: one that reads rows, and one that writes parts. Each holds some MB."""


@dataclass(frozen=True, slots=True)
class FileFooter:
    """The content of a file's footer.

    Attributes:
        arrow: the schema as a run reads it.
        parquet: the schema with the annotations that Arrow lacks.
    """

    metadata: pq.FileMetaData
    arrow: pa.Schema
    parquet: ParquetSchema


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file from which rows can be decoded.

    Attributes:
        source: the object that Arrow reads from. For a remote store it is not Arrow's own.
        schema: of its rows.
        as_decoded: whether rows are decoded in this schema, or must be converted.
    """

    uri: str
    size_bytes: int
    source: Any
    metadata: pq.FileMetaData
    schema: pa.Schema
    as_decoded: bool

    def read_batches(
        self, group: int, columns: tuple[str, ...] | None, rows_max: int
    ) -> Iterator[pa.RecordBatch]:
        """Yield a row group's rows in the file's schema.

        Raises:
            InputUnreadable: an INT96 does not fit into microseconds. The text names the column.
        """
        is_remote = not isinstance(self.source, pa.NativeFile)
        parquet = _parquet_file(
            self.source,
            self.metadata,
            columns=self.metadata.num_columns if columns is None else len(columns),
            is_fetched=is_remote and self.group_bytes(group) <= FETCHED_BYTES_MAX,
        )
        for batch in parquet.iter_batches(
            rows_max, row_groups=[group], columns=columns, use_threads=False
        ):
            yield batch if self.as_decoded else converted_batch(batch, self.schema, self.uri)

    def names_of(self, paths: tuple[FieldPath, ...] | None) -> tuple[str, ...] | None:
        """Return the names of what must be decoded for these paths: single values where possible."""
        # pyarrow's names of inner values are joined by dots, so a dot in a column's name is ambiguous. A
        # converted file is converted by whole columns.
        if paths is None:
            return None
        are_whole = not self.as_decoded or any("." in name for name in self.schema.names)
        names: dict[str, None] = {}
        for path in paths:
            leaves = leaves_at(self.schema, path) if path.steps and not are_whole else None
            inner = [self.metadata.schema.column(leaf).path for leaf in leaves or ()]
            names |= dict.fromkeys(inner or [path.column])
        return tuple(names)

    def group_bytes(self, group: int) -> int:
        """Return the bytes of a row group: the larger of its decoded size and its part of the file.

        Columns that are not decoded count, too, because pyarrow ends the process at a column with
        damaged statistics.
        """
        # A footer may state any size. The file's own size bounds it from below.
        found = self.metadata.row_group(group)
        stored_bytes = self.size_bytes * found.num_rows // max(self.metadata.num_rows, 1)
        return int(max(found.total_byte_size, stored_bytes, 1))


def open_parquet(fs: AbstractFileSystem, file: InputFile) -> OpenFile:
    """Open a file and read its footer.

    Raises:
        InputUnreadable: it is gone, is not the listed version, or is not Parquet.
        StoreUnavailable: the store does not answer.
    """
    with reading_input(file.uri):
        source = _open_source(fs, file)
        parquet = _parquet_file(source)
        schema = readable_schema(parquet.schema_arrow)
        if holds_int96(parquet):
            parquet = _parquet_file(source, metadata_as_bytes(parquet.metadata))
        as_decoded = schema.equals(parquet.schema_arrow)
        return OpenFile(file.uri, file.size_bytes, source, parquet.metadata, schema, as_decoded)


def _parquet_file(
    source: Any,
    metadata: pq.FileMetaData | None = None,
    *,
    columns: int = 1,
    is_fetched: bool = False,
) -> pq.ParquetFile:
    """Open a file for Arrow.

    Args:
        columns: how many columns are read at once.
        is_fetched: whether a whole row group is fetched before it is decoded.
    """
    buffer_bytes = READ_AHEAD_BYTES_MAX // max(columns, 1)
    return pq.ParquetFile(
        source,
        metadata=metadata,
        buffer_size=max(BUFFER_BYTES_MIN, min(BUFFER_BYTES_MAX, buffer_bytes)),
        pre_buffer=is_fetched,
        page_checksum_verification=True,
        coerce_int96_timestamp_unit="us",  # nanoseconds end in 2262, and Spark does not read them
    )


def read_footer(
    fs: AbstractFileSystem, file: InputFile, parser: SchemaParser, quick: QuickS3 | None = None
) -> FileFooter:
    """Return a file's metadata and schema. Of a remote file, only the end is fetched.

    The version is not checked, because the later reader of the rows does that and finds a change.

    Raises:
        InputUnreadable, StoreUnavailable: as `open_parquet`; also if columns are encrypted.
    """
    end = _end_of(fs, file, quick)
    with reading_input(file.uri):
        source = pa.BufferReader(end) if end is not None else _open_source(fs, file)
        footer = read_footer_bytes(source, file.uri)
        schema = parser.parse_schema(footer, file.uri)
        parquet = _parquet_file(source)
        return FileFooter(parquet.metadata, readable_schema(parquet.schema_arrow), schema)


def _end_of(fs: AbstractFileSystem, file: InputFile, quick: QuickS3 | None) -> bytes | None:
    """Return a remote file's last bytes if its footer is in them; None otherwise."""
    if kind_of(fs) in {"local", "memory"} or not file.size_bytes:
        return None
    end: Any = quick.end_of(file, FOOTER_BYTES) if quick is not None else None
    if end is None:
        with reading_input(file.uri):
            start = max(0, file.size_bytes - FOOTER_BYTES)
            end = fs.cat_file(file.path, start=start, end=file.size_bytes)
    return bytes(end) if footer_length(end) + TAIL_BYTES <= len(end) else None


def _open_source(fs: AbstractFileSystem, file: InputFile) -> Any:
    """Return the listed version of a file as an object that pyarrow reads from, or raise."""
    info: Any
    match kind_of(fs):
        case "local":
            with open_listed(file.path) as (opened, info):
                source: Any = _same_file(opened)
        case "memory":  # all handles of an fsspec memory file share one position
            source = pa.BufferReader(fs.cat_file(file.path))
            info = fs.find(file.path, detail=True)[file.path]  # info() has fewer fields
        case _:
            fs.invalidate_cache(fs._parent(file.path))  # noqa: SLF001  fsspec has no public one
            source = fs.open(file.path, "rb", cache_type="none")
            info = source.details
    if version_of(info) != file.version:
        raise InputUnreadable(changed_file_text(file.uri))
    return source


def _same_file(opened: BinaryIO) -> Any:
    """Open an open file again, so that Arrow reads it without Python, even if its path has changed."""
    handle = f"/dev/fd/{opened.fileno()}"
    if Path(handle).exists():
        return pa.OSFile(handle)
    return pa.PythonFile(os.fdopen(os.dup(opened.fileno()), "rb"))


class RowStreams:
    """Reads shards of files. A shard continues from the decoded position of the one before it.

    Otherwise each shard of a huge row group would decode the group from its start. Safe to call from
    threads that read a shard each.
    """

    def __init__(self, fs: AbstractFileSystem, files: Sequence[InputFile]) -> None:
        self._fs = fs
        self._files = files
        self._lock = threading.Lock()
        self._idle: list[_Cursor] = []

    def read_batches(
        self, shard: Shard, paths: tuple[FieldPath, ...] | None, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Yield a shard's rows in the file's own schema and metadata, at most `batch_rows` at a time.

        Args:
            paths: the columns and inner values to decode; None for all. A struct may then lack fields
                that no path names.
            batch_rows: fewer rows are decoded at once if they are wide.

        Raises:
            InputUnreadable: a page is corrupt, or the file has changed.
            StoreUnavailable: the store does not answer.
        """
        file = self._files[shard.file]
        # The shards of a file follow one another. A kept cursor continues where the last one ended, and
        # spares the footer and the pages before the shard's first row.
        key = (shard.file, paths, batch_rows)
        cursor = self._take_cursor(key, shard.first_row)
        if cursor is None:
            cursor = _Cursor(key, open_parquet(self._fs, file), shard.first_row)
        left = shard.rows
        while left > 0:
            with reading_input(file.uri):
                batch = cursor.next_batch(left)
            left -= batch.num_rows
            yield batch
        # No shard follows the last one of a file, so its cursor would only hold memory.
        if cursor.position < file.rows:
            self._keep_cursor(cursor)

    def _take_cursor(self, key: object, position: int) -> _Cursor | None:
        with self._lock:
            for cursor in self._idle:
                if cursor.key == key and cursor.position == position:
                    self._idle.remove(cursor)
                    return cursor
        return None

    def _keep_cursor(self, cursor: _Cursor) -> None:
        with self._lock:
            self._idle.append(cursor)
            # The oldest go first. Their shards begin at the row group's start again, if they come
            # at all.
            del self._idle[:-CURSORS_MAX]


class _Cursor:
    """A position in a file, with the decoded rows that have not been returned yet."""

    def __init__(
        self, key: tuple[int, tuple[FieldPath, ...] | None, int], opened: OpenFile, position: int
    ) -> None:
        self.key = key
        self.position = position
        self._metadata = opened.schema.metadata
        self._batches = decoded_from(opened, opened.names_of(key[1]), key[2], position)
        self._rest: pa.RecordBatch | None = None

    def next_batch(self, rows_max: int) -> pa.RecordBatch:
        """Return one or more of the next rows."""
        batch = self._rest if self._rest is not None else next(self._batches, None)
        if batch is None:
            raise ValueError("its number of rows is not that of its footer")
        taken = batch.slice(0, rows_max)
        self._rest = batch.slice(rows_max) if rows_max < batch.num_rows else None
        self.position += taken.num_rows
        return taken.replace_schema_metadata(self._metadata)


def decoded_from(
    opened: OpenFile, columns: tuple[str, ...] | None, batch_rows: int, position: int = 0
) -> Iterator[pa.RecordBatch]:
    """Yield all rows from a position on. Rows before it in its row group are decoded and dropped."""
    metadata = opened.metadata
    first_row = 0
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group).num_rows
        # A row group before the position is skipped without decoding. In the position's own row
        # group, the rows before it are decoded and dropped.
        skipped = max(0, position - first_row)
        first_row += rows
        if skipped >= rows:
            continue
        size = _batch_rows(opened, group, batch_rows)
        with _naming_column(opened, group, columns, size):
            for batch in opened.read_batches(group, columns, size):
                if skipped < batch.num_rows:
                    yield batch.slice(skipped)
                skipped = max(0, skipped - batch.num_rows)
                rows -= batch.num_rows
            if rows:
                raise ValueError("its number of rows is not that of its footer")


@contextmanager
def _naming_column(
    opened: OpenFile, group: int, columns: tuple[str, ...] | None, size: int
) -> Iterator[None]:
    """Add the column's name to an error of decoding, by decoding each column alone."""
    try:
        yield
    except AimlapiError:
        raise
    except Exception as error:
        if not is_about_content(error):
            raise
        is_gap = isinstance(error, pa.ArrowNotImplementedError)
        kind = pa.ArrowNotImplementedError if is_gap else ValueError
        for name in columns or opened.schema.names:
            if not _is_sound(opened, group, name, size):
                raise kind(f"column '{name}': {error}") from error
        raise


def _is_sound(opened: OpenFile, group: int, name: str, size: int) -> bool:
    rows = opened.metadata.row_group(group).num_rows
    try:
        found = sum(batch.num_rows for batch in opened.read_batches(group, (name,), size))
    except Exception:  # noqa: BLE001  Arrow has errors of its own
        return False
    return bool(found == rows)


def _batch_rows(opened: OpenFile, group: int, rows_max: int) -> int:
    """Return how many average rows to decode at once within BATCH_BYTES_MAX."""
    rows = opened.metadata.row_group(group).num_rows
    return max(1, min(rows_max, int(BATCH_BYTES_MAX * rows / opened.group_bytes(group))))
