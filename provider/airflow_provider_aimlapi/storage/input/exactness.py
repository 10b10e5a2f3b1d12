"""Finds values that the output's types would change, before anything is paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.storage.arrow.schemas import check_exact
from airflow_provider_aimlapi.storage.arrow.type_unification import find_inexact
from airflow_provider_aimlapi.storage.input.input_errors import reading_input
from airflow_provider_aimlapi.storage.input.parquet_files import decoded_from, open_parquet

if TYPE_CHECKING:
    import pyarrow as pa
    from fsspec import AbstractFileSystem

    from airflow_provider_aimlapi.core.durable.plan import InputFile
    from airflow_provider_aimlapi.storage.input.file_schemas import FileSchema

BATCH_ROWS = 8192


def check_values(
    fs: AbstractFileSystem, file: InputFile, rows: int, schema: FileSchema, unified: pa.Schema
) -> None:
    """Refuse values in a file's first rows that the unified schema's types cannot hold.

    Most files have no column whose values must be read.

    Raises:
        InputUnreadable: there is such a value. The text names file and column.
        StoreUnavailable: the store does not answer.
    """
    inexact = (
        field.name
        for field in schema.arrow
        if find_inexact(field.name, field.type, unified.field(field.name).type)
    )
    names = tuple(dict.fromkeys((*schema.parquet.int96_columns(), *inexact)))
    if not names or not rows:
        return
    with reading_input(file.uri):
        for batch in decoded_from(open_parquet(fs, file), names, BATCH_ROWS):  # tries each INT96
            check_exact(batch.slice(0, rows), unified, file.uri)
            # Rows beyond `limit_rows` are not processed, so their values do not matter.
            rows -= batch.num_rows
            if rows <= 0:
                return
