"""Opening Parquet files of any file system, and streaming row ranges out of them in flat memory.

A row group can be of any size: pages are decoded as they are needed, never a row group at once.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet as pq

from airflow_provider_aimlapi.errors import InputUnreadable
from airflow_provider_aimlapi.storage.file_systems import kind_of, version_of
from airflow_provider_aimlapi.storage.input_errors import changed, reading
from airflow_provider_aimlapi.storage.local_inputs import open_listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from fsspec import AbstractFileSystem

    from airflow_provider_aimlapi.core.plan import InputFile, Shard
    from airflow_provider_aimlapi.storage.quick_s3 import QuickS3

FOOTER_BYTES = 64 * 1024
"""As much of a file's end as pyarrow reads at first, too."""
READ_BUFFER_BYTES = 2 * 1024 * 1024
"""Read ahead in each column, and so the size of a request to a remote store."""
BATCH_BYTES_MAX = 4 * 1024 * 1024
"""Aimed at when decoding; one cell may be larger."""
CURSORS_MAX = 2
"""Kept for shards to come: one that reads prompts, one that writes parts. Each holds some MB."""


def open_parquet(fs: AbstractFileSystem, file: InputFile) -> pq.ParquetFile:
    """Open a file and read its footer.

    Raises:
        InputUnreadable: when it is gone, is not the version that was listed, or is no Parquet.
        StoreUnavailable: when the store does not answer.
    """
    with reading(file.uri):
        return pq.ParquetFile(
            _source(fs, file),
            buffer_size=READ_BUFFER_BYTES,
            pre_buffer=False,  # it would keep whole row groups in memory
            page_checksum_verification=True,
        )


def read_footer(
    fs: AbstractFileSystem, file: InputFile, quick: QuickS3 | None = None
) -> tuple[pq.FileMetaData, pa.Schema]:
    """A file's metadata and schema: of a remote one, nothing but the end is fetched.

    Its version is not asked for: whoever reads rows later does, and finds a change.

    Raises:
        InputUnreadable, StoreUnavailable: as `open_parquet`.
    """
    parquet = _open_end(fs, file, quick)
    with reading(file.uri):
        return parquet.metadata, parquet.schema_arrow


def _open_end(fs: AbstractFileSystem, file: InputFile, quick: QuickS3 | None) -> pq.ParquetFile:
    if kind_of(fs) in {"local", "memory"} or not file.size_bytes:
        return open_parquet(fs, file)
    end: Any = quick.end_of(file, FOOTER_BYTES) if quick is not None else None
    if end is None:
        with reading(file.uri):
            start = max(0, file.size_bytes - FOOTER_BYTES)
            end = fs.cat_file(file.path, start=start, end=file.size_bytes)
    try:
        return pq.ParquetFile(pa.BufferReader(end))
    except (
        pa.ArrowException,
        OSError,
    ):  # a longer footer, or one that open_parquet can complain of
        return open_parquet(fs, file)


def _source(fs: AbstractFileSystem, file: InputFile) -> Any:
    """Something that pyarrow reads from; the listed version, or an error."""
    info: Any
    match kind_of(fs):
        case "local":
            with open_listed(file.path) as (opened, info):
                source: Any = _same_file(opened)
        case "memory":  # all handles of an fsspec memory file share one position
            source = pa.BufferReader(fs.cat_file(file.path))
            info = fs.find(file.path, detail=True)[file.path]  # as listed; info() tells less
        case _:
            fs.invalidate_cache(fs._parent(file.path))  # noqa: SLF001  fsspec has no public one
            source = fs.open(file.path, "rb", cache_type="none")
            info = source.details
    if version_of(info) != file.version:
        raise InputUnreadable(changed(file.uri))
    return source


def _same_file(opened: BinaryIO) -> Any:
    """Open an open file anew, for Arrow to read without Python; its path may lead elsewhere by now."""
    place = f"/dev/fd/{opened.fileno()}"
    if Path(place).exists():
        return pa.OSFile(place)
    return pa.PythonFile(os.fdopen(os.dup(opened.fileno()), "rb"))


class RowStreams:
    """Reads shards of files; a shard that begins where another ended goes on from there.

    Without that, each shard of a huge row group would decode the group from its start. Safe to
    call from threads, each reading a shard of its own.
    """

    def __init__(self, fs: AbstractFileSystem, files: Sequence[InputFile]) -> None:
        self._fs = fs
        self._files = files
        self._lock = threading.Lock()
        self._idle: list[_Cursor] = []

    def batches(
        self, shard: Shard, columns: tuple[str, ...] | None, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """A shard's rows in the file's own schema, `batch_rows` or fewer at a time.

        Args:
            columns: those to decode; None for all.
            batch_rows: fewer are decoded at once where rows are wide.

        Raises:
            InputUnreadable: for a corrupt page, or a file that has changed.
            StoreUnavailable: when the store does not answer.
        """
        file = self._files[shard.file]
        key = (shard.file, columns, batch_rows)
        cursor = self._taken(key, shard.first_row)
        if cursor is None:
            parquet = open_parquet(self._fs, file)
            cursor = _Cursor(key, parquet, shard.first_row)
        left = shard.rows
        while left > 0:
            with reading(file.uri):
                batch = cursor.next_batch(left)
            left -= batch.num_rows
            yield batch
        if cursor.place < file.rows:
            self._put_back(cursor)

    def _taken(self, key: object, place: int) -> _Cursor | None:
        with self._lock:
            for cursor in self._idle:
                if cursor.key == key and cursor.place == place:
                    self._idle.remove(cursor)
                    return cursor
        return None

    def _put_back(self, cursor: _Cursor) -> None:
        with self._lock:
            self._idle.append(cursor)
            del self._idle[:-CURSORS_MAX]


class _Cursor:
    """A place in a file, with what has been decoded there and not been handed out."""

    def __init__(
        self, key: tuple[int, tuple[str, ...] | None, int], parquet: pq.ParquetFile, place: int
    ) -> None:
        self.key = key
        self.place = place
        self._batches = _decoded_from(parquet, key[1], key[2], place)
        self._rest: pa.RecordBatch | None = None

    def next_batch(self, rows_max: int) -> pa.RecordBatch:
        """One or more of the next rows."""
        batch = self._rest if self._rest is not None else next(self._batches, None)
        if batch is None:
            raise ValueError("it holds fewer rows than its footer says")
        taken = batch.slice(0, rows_max)
        self._rest = batch.slice(rows_max) if rows_max < batch.num_rows else None
        self.place += taken.num_rows
        return taken


def _decoded_from(
    parquet: pq.ParquetFile, columns: tuple[str, ...] | None, batch_rows: int, place: int
) -> Iterator[pa.RecordBatch]:
    """All rows from a place on. What stands before it in its row group is decoded and dropped."""
    first_row = 0
    for group in range(parquet.metadata.num_row_groups):
        rows = parquet.metadata.row_group(group).num_rows
        skipped = max(0, place - first_row)
        first_row += rows
        if skipped >= rows:
            continue
        size = _batch_rows(parquet, group, columns, batch_rows)
        for batch in parquet.iter_batches(
            size, row_groups=[group], columns=columns, use_threads=False
        ):
            if skipped < batch.num_rows:
                yield batch.slice(skipped)
            skipped = max(0, skipped - batch.num_rows)


def _batch_rows(
    parquet: pq.ParquetFile, group: int, columns: tuple[str, ...] | None, rows_max: int
) -> int:
    """Rows to decode at once, so that a batch of average rows stays within BATCH_BYTES_MAX."""
    metadata = parquet.metadata.row_group(group)
    size_bytes = 0
    for index in range(metadata.num_columns):
        column = metadata.column(index)
        if columns is None or column.path_in_schema.startswith(columns):
            size_bytes += column.total_uncompressed_size
    return max(1, min(rows_max, int(BATCH_BYTES_MAX * metadata.num_rows / max(size_bytes, 1))))
