"""Schemas of several Parquet files made one, only where no value can change. Reads no file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from airflow_provider_aimlapi.errors import InputUnreadable
from airflow_provider_aimlapi.storage.type_unification import unify_types

if TYPE_CHECKING:
    from collections.abc import Iterable


def unify_schemas(schemas: Iterable[tuple[str, pa.Schema]]) -> pa.Schema:
    """One schema for all files: the first file's columns and metadata, then new columns.

    Args:
        schemas: pairs of a file's URI and its schema, in input order.

    Raises:
        InputUnreadable: naming file, column and both types, when a value could be lost; or when
            a file has two columns of one name.
    """
    fields: dict[str, pa.Field] = {}
    homes: dict[str, str] = {}
    first: pa.Schema | None = None
    last: pa.Schema | None = None
    for uri, schema in schemas:
        if last is not None and schema.equals(last):
            continue
        _check_unique(uri, schema)
        if first is None:
            first = schema
            fields = {field.name: field for field in schema}
            homes = dict.fromkeys(fields, uri)
        else:
            _merge(fields, homes, uri, schema)
        last = schema
    return pa.schema(list(fields.values()), metadata=first.metadata if first else None)


def _merge(fields: dict[str, pa.Field], homes: dict[str, str], uri: str, schema: pa.Schema) -> None:
    for name in fields.keys() - set(schema.names):
        fields[name] = fields[name].with_nullable(nullable=True)
    for field in schema:
        known = fields.get(field.name)
        if known is None:
            fields[field.name] = field.with_nullable(nullable=True)
            homes[field.name] = uri
            continue
        unified = unify_types(known.type, field.type)
        if unified is None:
            raise InputUnreadable(
                f"Column '{field.name}' is {field.type} in {uri}, but {known.type} in "
                f"{homes[field.name]}, and one does not turn into the other without loss. "
                f"Rewrite one of the files, or run them as two tasks."
            )
        is_nullable = known.nullable or field.nullable
        fields[field.name] = known.with_type(unified).with_nullable(is_nullable)


def _check_unique(uri: str, schema: pa.Schema) -> None:
    seen: set[str] = set()
    for name in schema.names:
        if name in seen:
            raise InputUnreadable(f"{uri} has two columns named '{name}'. Rename one of them.")
        seen.add(name)


def cast_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A file's rows in the unified schema; columns that the file lacks are null."""
    return pa.RecordBatch.from_arrays(
        [_cast_column(batch, field) for field in schema], schema=schema
    )


def _cast_column(batch: pa.RecordBatch, field: pa.Field) -> pa.Array:
    place = batch.schema.get_field_index(field.name)
    if place < 0:
        return pa.nulls(batch.num_rows, field.type)
    column = batch.column(place)
    return column if column.type.equals(field.type) else column.cast(field.type)
