"""The input as one data set: its files, one schema, its rows. Writes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

import pyarrow as pa

from airflow_provider_aimlapi.core.durable.plan import InputFile, RowGroup, Shard
from airflow_provider_aimlapi.core.prompts.field_paths import FieldPath, Shape, parse_field_path
from airflow_provider_aimlapi.core.texts.column_names import describe_difference, find_lookalike
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.logs import logger
from airflow_provider_aimlapi.storage.access.s3_by_obstore import quick_s3
from airflow_provider_aimlapi.storage.arrow.columns import string_column
from airflow_provider_aimlapi.storage.arrow.memory import give_back
from airflow_provider_aimlapi.storage.arrow.schemas import (
    cast_batch,
    check_partitions,
    unify_schemas,
)
from airflow_provider_aimlapi.storage.input.cells import (
    check_promptable,
    doubts_about,
    texts_of_rows,
)
from airflow_provider_aimlapi.storage.input.exactness import check_values
from airflow_provider_aimlapi.storage.input.file_schemas import (
    FileSchema,
    SharedSchemas,
    describe_losses,
    file_schema,
    text_columns,
)
from airflow_provider_aimlapi.storage.input.input_errors import reading_input
from airflow_provider_aimlapi.storage.input.listing import list_inputs
from airflow_provider_aimlapi.storage.input.nested_fields import (
    shapes_of_schema,
    type_at,
    with_paths,
)
from airflow_provider_aimlapi.storage.input.parquet_files import (
    BATCH_BYTES_MAX,
    RowStreams,
    read_footer,
)
from airflow_provider_aimlapi.storage.parquet.footer import SchemaParser
from airflow_provider_aimlapi.storage.parquet.footer_metadata import spark_schema, spark_types
from airflow_provider_aimlapi.storage.stores.checked_store import go_on

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from fsspec import AbstractFileSystem

    from airflow_provider_aimlapi.core.prompts.template import RowTexts
    from airflow_provider_aimlapi.storage.stores.checked_store import Check

log = logger(__name__)

FOOTER_THREADS = 16
FILES_A_PIECE = 16
"""The files that a thread handles at a time. Handing over single files takes as long as parsing their
footers, and 2 kB of memory for each waiting file."""
CHECK_THREADS = 4
"""Each thread decodes some MB at a time."""
BATCH_ROWS = 256


P = ParamSpec("P")
T = TypeVar("T")


class Retry(Protocol):
    """Runs a piece of work, again while the store is unavailable."""

    def __call__(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return its result."""
        ...


def _run_once(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return call(*args, **kwargs)


def open_data_set(
    fs: AbstractFileSystem, path: str, check: Check = go_on, retry: Retry = _run_once
) -> DataSet:
    """List the files of a path, read their footers, and unify their schemas.

    Args:
        path: a file, a folder or a glob, as the file system names it or as a URL.
        check: called before each file is read; raises to end the scan.
        retry: runs each file's work, here and in `DataSet.check_values`.

    Raises:
        InputUnreadable: there is no file, one is corrupt, or their schemas cannot become one.
        StoreUnavailable: the store does not answer.
    """
    listed = retry(list_inputs, fs, path)
    quick = quick_s3(fs, listed[0].path)
    parser, shared = SchemaParser(), SharedSchemas()

    def read_one(file: InputFile) -> tuple[InputFile, FileSchema]:
        check()
        footer = read_footer(fs, file, parser, quick)
        with reading_input(file.uri):
            described = replace(file, row_groups=_row_groups(footer.metadata))
            return described, shared.share_schema(file_schema(footer))

    def read_piece(first: int) -> list[tuple[InputFile, FileSchema]]:
        return [retry(read_one, file) for file in listed[first : first + FILES_A_PIECE]]

    # `map` keeps the input's order, on which the plan and the run key depend.
    with ThreadPoolExecutor(FOOTER_THREADS, "footer") as pool:
        pieces = pool.map(read_piece, range(0, len(listed), FILES_A_PIECE))
        read = list(chain.from_iterable(pieces))
    schema = unify_schemas((file.uri, schemas.arrow) for file, schemas in read)
    check_partitions(((file, schemas.arrow) for file, schemas in read), schema)
    files, schemas = zip(*read, strict=True)
    return DataSet(fs, files, schema, schemas, retry)


def _row_groups(metadata: pa.parquet.FileMetaData) -> tuple[RowGroup, ...]:
    groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
    return tuple(
        RowGroup(rows=group.num_rows, size_bytes=group.total_byte_size) for group in groups
    )


class DataSet:
    """Parquet files that are read as one table. Safe to use from threads.

    Attributes:
        files: in input order, with their row groups.
        schema: a schema that holds the values of all files without loss.
        schemas: the schema of each file.
    """

    def __init__(
        self,
        fs: AbstractFileSystem,
        files: tuple[InputFile, ...],
        schema: pa.Schema,
        schemas: tuple[FileSchema, ...],
        retry: Retry = _run_once,
    ) -> None:
        self.files = files
        self.schema = schema
        self.schemas = schemas
        self._fs = fs
        self._retry = retry
        self._streams = RowStreams(fs, files)
        self._spark: dict[tuple[str, ...], bytes | None] = {}
        self._shapes: dict[str, Shape] | None = None

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns of the files, in output order."""
        return tuple(self.schema.names)

    @property
    def partition_names(self) -> tuple[str, ...]:
        """The keys of hive folders that are not columns of the files; constant within a file."""
        keys = dict.fromkeys(key for file in self.files for key, _ in file.partition)
        return tuple(key for key in keys if key not in self.schema.names)

    @property
    def shapes_by_column(self) -> dict[str, Shape]:
        """What the columns and the hive keys consist of, in output order."""
        if self._shapes is None:
            keys = {name: Shape("string") for name in self.partition_names}
            self._shapes = {**shapes_of_schema(self.schema), **keys}
        return self._shapes

    def columns_of(self, names: Collection[str]) -> list[str]:
        """Return the columns and hive keys that names and paths belong to."""
        paths = self._paths_by_name(names)
        return [paths[name].column if name in paths else name for name in names]

    def check_promptable(self, names: Collection[str]) -> None:
        """Refuse columns that a prompt cannot use, and warn of those that may surprise.

        Args:
            names: names of columns and hive keys, and paths into nested columns.

        Raises:
            InvalidSpec: a value holds bytes. The text names it.
        """
        texts = text_columns(self.schemas)
        paths = self._paths_by_name(names)
        fields = [
            self.schema.field(path.column)
            if not path.steps
            else pa.field(name, type_at(self.schema.field(path.column).type, path.steps))
            for name, path in paths.items()
        ]
        check_promptable(fields, {name for name, path in paths.items() if path.column in texts})
        spark = spark_types(one.spark for one in self.schemas)
        for field in fields:
            for doubt in doubts_about(field, spark.get(field.name)):
                log.warning("%s", doubt)

    def spark_schema(self, added: Sequence[pa.Field]) -> bytes | None:
        """Return the schema with more columns in Spark's form, if the files have one."""
        key = tuple(field.name for field in added)
        if key not in self._spark:  # needed for each part, of which there may be many
            schemas = (one.spark for one in self.schemas)
            self._spark[key] = spark_schema(schemas, self.column_names, added)
        return self._spark[key]

    def warn_of_losses(self) -> None:
        """Log what the files hold beside rows and types that the output will not hold."""
        for loss in describe_losses(self.schemas, can_keep_spark=self.spark_schema(()) is not None):
            log.warning("%s", loss)

    def check_output_columns(
        self, names: Iterable[str], *, fix: str = "Set output_column to another name."
    ) -> None:
        """Refuse output columns that the input has already, or that readers confuse with one it has.

        Args:
            fix: a sentence for the error about what to do.

        Raises:
            InvalidSpec: it has. The text names the column, and the fix.
        """
        there = (*self.column_names, *self.partition_names)
        for name in names:
            twin = name if name in there else find_lookalike(name, there)
            if twin is None:
                continue
            but = "" if twin == name else f" ({describe_difference(twin, name)})"
            raise InvalidSpec(f"The input already has a column named '{twin}'{but}. {fix}")

    def check_values(self, shards: Sequence[Shard], check: Check = go_on) -> None:
        """Refuse values that the output's types would change. Read the columns that may hold one.

        Args:
            check: called before each file is read; raises to end the scan.

        Raises:
            InputUnreadable: there is such a value. The text names file and column.
            StoreUnavailable: the store does not answer.
        """
        rows: dict[int, int] = {}
        for shard in shards:
            rows[shard.file] = max(rows.get(shard.file, 0), shard.first_row + shard.rows)

        def check_one(index: int) -> None:
            check()
            schema = self.schemas[index]
            self._retry(check_values, self._fs, self.files[index], rows[index], schema, self.schema)
            give_back()

        def check_piece(first: int) -> None:
            for index in indices[first : first + FILES_A_PIECE]:
                check_one(index)

        # The results are empty. Iterating over them raises the first error.
        indices = list(rows)
        with ThreadPoolExecutor(CHECK_THREADS, "check") as pool:
            for _ in pool.map(check_piece, range(0, len(indices), FILES_A_PIECE)):
                pass

    def read_rows(
        self, shard: Shard, columns: Sequence[str], *, batch_rows: int = BATCH_ROWS
    ) -> Iterator[list[RowTexts]]:
        """Yield a shard's rows in order, each as the texts of `columns`, in lists of bounded size.

        Args:
            columns: names of columns and hive keys, and paths into nested columns. Only these values
                are decoded. Without any, each row is an empty tuple, and nothing is read.
            batch_rows: the most rows of a list; wide rows come in shorter lists.

        Raises:
            InputUnreadable: a page is corrupt, or a file has changed since it was listed.
            StoreUnavailable: the store does not answer.
        """
        paths = self._paths_by_name(columns)
        if not paths:
            yield from _constant_rows(
                shard.rows, columns, self._constants_of_shard(shard), batch_rows
            )
            return
        batches = self._streams.read_batches(shard, tuple(paths.values()), batch_rows)
        yield from self._texts_of_batches(
            shard, columns, (with_paths(batch, paths) for batch in batches)
        )

    def checked_rows(self, shard: Shard, columns: Sequence[str]) -> Iterator[list[RowTexts]]:
        """Yield the same as `read_rows`, after all columns of the shard have been decoded once.

        So a damaged page, or a value that the output cannot hold, is found in any column before a row
        of the shard is paid for. Until then the columns of the prompt are kept in Arrow's form.

        Raises:
            InputUnreadable, StoreUnavailable: as `read_rows`.
        """
        uri, paths = self.files[shard.file].uri, self._paths_by_name(columns)
        kept = []
        for batch in self._streams.read_batches(shard, None, BATCH_ROWS):
            with reading_input(uri):
                cast_batch(batch, self.schema)
            kept.append(with_paths(batch, paths))
        give_back()
        if not paths:
            yield from _constant_rows(
                shard.rows, columns, self._constants_of_shard(shard), BATCH_ROWS
            )
            return
        # Batches are popped one by one, so that the memory of each is free once its rows were yielded.
        kept.reverse()
        yield from self._texts_of_batches(shard, columns, (kept.pop() for _ in range(len(kept))))

    def _paths_by_name(self, names: Collection[str]) -> dict[str, FieldPath]:
        """Return the path of each name that is decoded from the files. Hive keys are left out."""
        paths = {name: parse_field_path(name, self.shapes_by_column) for name in names}
        return {
            name: path
            for name, path in paths.items()
            if path is not None and path.column in self.schema.names
        }

    def _constants_of_shard(self, shard: Shard) -> dict[str, str | None]:
        partition = self.files[shard.file].partition
        return {key: value for key, value in partition if key not in self.schema.names}

    def _texts_of_batches(
        self, shard: Shard, columns: Sequence[str], batches: Iterable[pa.RecordBatch]
    ) -> Iterator[list[RowTexts]]:
        constants = self._constants_of_shard(shard)
        for batch in batches:
            for piece in _pieces_of_batch(batch):
                texts = texts_of_rows(
                    [(name, _column_or_constant(piece, name, constants)) for name in columns]
                )
                give_back()  # in the decoding thread, because another may decode the next batch
                yield texts

    def read_tables(self, shard: Shard) -> Iterator[pa.RecordBatch]:
        """Yield a shard's rows in order, with all columns, in the data set's schema.

        Raises:
            InputUnreadable, StoreUnavailable: as `read_rows`.
        """
        uri = self.files[shard.file].uri
        for batch in self._streams.read_batches(shard, None, BATCH_ROWS):
            with reading_input(uri):
                yield cast_batch(batch, self.schema)


def _constant_rows(
    rows: int, columns: Sequence[str], constants: dict[str, str | None], batch_rows: int
) -> Iterator[list[RowTexts]]:
    row = tuple(constants.get(name) for name in columns)
    for start in range(0, rows, batch_rows):
        yield [row] * min(batch_rows, rows - start)


def _pieces_of_batch(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Yield a batch in pieces, if its rows are wider than their row group's average."""
    rows = max(1, int(batch.num_rows * BATCH_BYTES_MAX / max(batch.nbytes, BATCH_BYTES_MAX)))
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


def _column_or_constant(
    batch: pa.RecordBatch, name: str, constants: dict[str, str | None]
) -> pa.Array:
    """Return a column of a batch, a hive key's constant, or nulls if the file lacks the column."""
    index = batch.schema.get_field_index(name)
    if index >= 0:
        return batch.column(index)
    return string_column([constants.get(name)] * batch.num_rows)
