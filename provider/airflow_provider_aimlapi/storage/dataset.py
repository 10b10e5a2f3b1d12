"""The input as one data set: its files, one schema, its rows. Writes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.plan import InputFile, RowGroup, Shard
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.storage.arrow_columns import string_column
from airflow_provider_aimlapi.storage.arrow_memory import give_back
from airflow_provider_aimlapi.storage.cells import check_promptable, texts_of_rows
from airflow_provider_aimlapi.storage.input_errors import reading
from airflow_provider_aimlapi.storage.listing import list_inputs
from airflow_provider_aimlapi.storage.parquet_files import (
    BATCH_BYTES_MAX,
    RowStreams,
    read_footer,
)
from airflow_provider_aimlapi.storage.quick_s3 import quick_s3
from airflow_provider_aimlapi.storage.schemas import cast_batch, unify_schemas

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    import pyarrow as pa
    from fsspec import AbstractFileSystem

    from airflow_provider_aimlapi.core.template import RowTexts

FOOTER_THREADS = 16
FOOTERS_A_PIECE = 16
"""A thread's work at a time: handing over each file by itself takes as long as parsing its footer."""
BATCH_ROWS = 256


def open_data_set(fs: AbstractFileSystem, path: str) -> DataSet:
    """List the files that a path means, read their footers, and unify their schemas.

    Args:
        path: a file, a folder or a glob, as the file system names it or as a URL.

    Raises:
        InputUnreadable: no file, a corrupt one, or schemas that cannot become one.
        StoreUnavailable: when the store does not answer.
    """
    listed = list_inputs(fs, path)
    quick = quick_s3(fs, listed[0].path)

    def read_one(file: InputFile) -> tuple[InputFile, pa.Schema]:
        metadata, schema = read_footer(fs, file, quick)
        with reading(file.uri):
            return replace(file, row_groups=_row_groups(metadata)), schema

    def read_piece(first: int) -> list[tuple[InputFile, pa.Schema]]:
        return [read_one(file) for file in listed[first : first + FOOTERS_A_PIECE]]

    with ThreadPoolExecutor(FOOTER_THREADS, "footer") as pool:
        pieces = pool.map(read_piece, range(0, len(listed), FOOTERS_A_PIECE))
        read = list(chain.from_iterable(pieces))
    schema = unify_schemas((file.uri, schema) for file, schema in read)
    return DataSet(fs, tuple(file for file, _ in read), schema)


def _row_groups(metadata: pa.parquet.FileMetaData) -> tuple[RowGroup, ...]:
    groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
    return tuple(
        RowGroup(rows=group.num_rows, size_bytes=group.total_byte_size) for group in groups
    )


class DataSet:
    """Parquet files that read as one table. Safe to use from threads.

    Attributes:
        files: in input order, with their row groups.
        schema: holds every file's values without loss.
    """

    def __init__(
        self, fs: AbstractFileSystem, files: tuple[InputFile, ...], schema: pa.Schema
    ) -> None:
        self.files = files
        self.schema = schema
        self._streams = RowStreams(fs, files)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns of the files, in output order."""
        return tuple(self.schema.names)

    @property
    def partition_names(self) -> tuple[str, ...]:
        """Keys of hive folders that are no columns of the files; constant within a file."""
        keys = dict.fromkeys(key for file in self.files for key, _ in file.partition)
        return tuple(key for key in keys if key not in self.schema.names)

    def check_promptable(self, names: Collection[str]) -> None:
        """Refuse columns that cannot stand in a prompt.

        Raises:
            InvalidSpec: for a column of bytes, naming it.
        """
        check_promptable(field for field in self.schema if field.name in names)

    def check_output_columns(self, names: Iterable[str]) -> None:
        """Refuse output columns that the input has already.

        Raises:
            InvalidSpec: naming the column, and `output_column` as the way out.
        """
        for name in names:
            if name in self.column_names or name in self.partition_names:
                raise InvalidSpec(
                    f"The input already has a column named '{name}'. "
                    f"Set output_column to another name."
                )

    def rows(
        self, shard: Shard, columns: Sequence[str], *, batch_rows: int = BATCH_ROWS
    ) -> Iterator[list[RowTexts]]:
        """A shard's rows in order, each as the texts of `columns`, in lists of bounded size.

        Args:
            columns: names of columns and hive keys; only these columns are decoded. With none of
                them, each row is an empty tuple, and nothing is read.
            batch_rows: most rows of a list; fewer where they are wide.

        Raises:
            InputUnreadable: for a corrupt page, or a file that has changed since it was listed.
            StoreUnavailable: when the store does not answer.
        """
        constants = {
            key: value
            for key, value in self.files[shard.file].partition
            if key in columns and key not in self.schema.names
        }
        decoded = tuple(dict.fromkeys(name for name in columns if name in self.schema.names))
        if not decoded:
            yield from _constant_rows(shard.rows, columns, constants, batch_rows)
            return
        for batch in self._streams.batches(shard, decoded, batch_rows):
            for piece in _pieces(batch):
                texts = texts_of_rows([(name, _column(piece, name, constants)) for name in columns])
                give_back()  # in the thread that decoded: the next batch may be another's
                yield texts

    def tables(self, shard: Shard) -> Iterator[pa.RecordBatch]:
        """A shard's rows in order, with all columns, in the data set's schema.

        Raises:
            InputUnreadable, StoreUnavailable: as `rows`.
        """
        uri = self.files[shard.file].uri
        for batch in self._streams.batches(shard, None, BATCH_ROWS):
            with reading(uri):
                yield cast_batch(batch, self.schema)


def _constant_rows(
    rows: int, columns: Sequence[str], constants: dict[str, str | None], batch_rows: int
) -> Iterator[list[RowTexts]]:
    row = tuple(constants.get(name) for name in columns)
    for start in range(0, rows, batch_rows):
        yield [row] * min(batch_rows, rows - start)


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch, cut where rows turned out wider than their row group's average."""
    rows = max(1, int(batch.num_rows * BATCH_BYTES_MAX / max(batch.nbytes, BATCH_BYTES_MAX)))
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


def _column(batch: pa.RecordBatch, name: str, constants: dict[str, str | None]) -> pa.Array:
    """A column of a batch, a hive key's constant, or nulls for what this file lacks."""
    place = batch.schema.get_field_index(name)
    if place >= 0:
        return batch.column(place)
    return string_column([constants.get(name)] * batch.num_rows)
