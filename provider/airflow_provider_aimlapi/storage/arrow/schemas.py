"""Unifies the schemas of several Parquet files, only if no value can change. Reads no file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import types

from airflow_provider_aimlapi.core.texts.column_names import describe_difference, name_key
from airflow_provider_aimlapi.errors import InputUnreadable
from airflow_provider_aimlapi.storage.arrow.type_unification import (
    find_clash,
    find_inexact,
    unify_types,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_aimlapi.core.durable.plan import InputFile


def unify_schemas(schemas: Iterable[tuple[str, pa.Schema]]) -> pa.Schema:
    """Return one schema for all files: the first file's columns and metadata, then new columns.

    Args:
        schemas: pairs of a file's URI and its schema, in input order.

    Raises:
        InputUnreadable: no type holds the values of both, or two columns have one name, or names that
            readers confuse. The text names file, column and both types.
    """
    fields: dict[str, pa.Field] = {}
    homes: dict[str, str] = {}
    keys: dict[str, str] = {}
    first: pa.Schema | None = None
    last: pa.Schema | None = None
    for uri, schema in schemas:
        # Many files have the schema of the file before them, so that comparing once saves the
        # merge.
        if last is not None and schema.equals(last):
            continue
        _check_unique(uri, schema)
        _check_names(uri, schema, keys, homes)
        if first is None:
            first = schema
            fields = {field.name: field for field in schema}
            homes |= dict.fromkeys(fields, uri)
        else:
            _merge_fields(fields, homes, uri, schema)
        last = schema
    return pa.schema(list(fields.values()), metadata=first.metadata if first else None)


def _merge_fields(
    fields: dict[str, pa.Field], homes: dict[str, str], uri: str, schema: pa.Schema
) -> None:
    # A file lacks the column, so its rows have nulls there.
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
            path, one, other = find_clash(field.name, known.type, field.type)
            if types.is_struct(one) and types.is_struct(other):
                names = dict.fromkeys(inner.name for kind in (one, other) for inner in kind)
                _check_distinct(path, names, f"in {homes[field.name]} and in {uri}")
            raise InputUnreadable(
                f"Rewrite one of two files, or run them as two tasks: column '{path}' is {other} in "
                f"{uri}, but {one} in {homes[field.name]}, and one cannot be converted to the other "
                f"without loss."
            )
        is_nullable = known.nullable or field.nullable
        fields[field.name] = known.with_type(unified).with_nullable(is_nullable)


def _check_unique(uri: str, schema: pa.Schema) -> None:
    seen: set[str] = set()
    for name in schema.names:
        if name in seen:
            raise InputUnreadable(f"Rename one of two columns: both are named '{name}' in {uri}.")
        seen.add(name)
    for field in schema:
        _check_fields(field.name, field.type, f"in {uri}")


def _check_fields(path: str, kind: pa.DataType, where: str) -> None:
    """Refuse a struct, at any depth, that has two fields which readers confuse."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    is_struct = types.is_struct(kind)
    if is_struct:
        _check_distinct(path, [field.name for field in kind], where)
    for number in range(kind.num_fields if types.is_nested(kind) else 0):
        field = kind.field(number)
        _check_fields(f"{path}.{field.name}" if is_struct else f"{path}[]", field.type, where)


def _check_distinct(path: str, names: Iterable[str], where: str) -> None:
    keys: dict[str, str] = {}
    for name in names:
        key = name_key(name)
        twin = keys.get(key)
        keys[key] = name
        if twin is None:
            continue
        how = f"both are named '{name}'" if twin == name else describe_difference(twin, name)
        raise InputUnreadable(
            f"Rename one of two fields of column '{path}': {how}, {where}. Some readers take them "
            f"for one field, others for two."
        )


def _check_names(uri: str, schema: pa.Schema, keys: dict[str, str], homes: dict[str, str]) -> None:
    """Refuse names that some readers confuse; `keys` collects those of all files."""
    for name in schema.names:
        known = keys.setdefault(name_key(name), name)
        if known == name:
            continue
        where = f"in {uri}" if known in schema.names else f"in {homes[known]} and in {uri}"
        raise InputUnreadable(
            f"Rename one of two columns: {describe_difference(known, name)}, {where}. Some readers "
            f"take them for one column, others for two."
        )


def check_partitions(files: Iterable[tuple[InputFile, pa.Schema]], unified: pa.Schema) -> None:
    """Refuse hive folders whose values would be lost, or whose keys readers confuse with another name.

    Args:
        files: with the schema of each.

    Raises:
        InputUnreadable: there is such a folder. The text names the key and the files.
    """
    keys = {name_key(name): name for name in unified.names}
    homes: dict[str, str] = {}
    for file, schema in files:
        # 1. Two keys, or a key and a column, must not differ in ways that readers ignore. 2. A key
        # that is a column in other files would lose its values for this file.
        for key, _ in file.partition:
            known = keys.setdefault(name_key(key), key)
            if known != key:
                first = f" and in {homes[known]}" if known in homes else ""
                raise InputUnreadable(
                    f"Rename one of two columns: {describe_difference(known, key)}, one of them as the "
                    f"folder '{key}=' of {file.uri}{first}. Some readers take them for one column, "
                    f"others for two."
                )
            homes.setdefault(key, file.uri)
            if key in unified.names and key not in schema.names:
                raise InputUnreadable(
                    f"Write column '{key}' into all files, or run them as two tasks: it is in other files "
                    f"of the input, but in {file.uri} only the folder's name has it."
                )


def check_exact(batch: pa.RecordBatch, schema: pa.Schema, uri: str) -> None:
    """Refuse values that the unified schema's types cannot hold.

    Raises:
        InputUnreadable: there is such a value. The text names the column and both types.
    """
    for field in batch.schema:
        target = schema.field(field.name).type
        try:
            batch.column(field.name).cast(target)
        except pa.ArrowInvalid:  # its text contains the value
            found = find_inexact(field.name, field.type, target)
            path, one, other = found or (field.name, field.type, target)
            raise InputUnreadable(
                f"Rewrite one of the files, or run them as two tasks: column '{path}' is {one} in "
                f"{uri}, and the type that other files need, {other}, does not hold its values exactly."
            ) from None


def cast_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return a file's rows in the unified schema. Columns that the file lacks are null.

    The schema's metadata is the file's own.
    """
    return pa.RecordBatch.from_arrays(
        [_cast_column(batch, field) for field in schema],
        schema=schema.with_metadata(batch.schema.metadata),
    )


def _cast_column(batch: pa.RecordBatch, field: pa.Field) -> pa.Array:
    index = batch.schema.get_field_index(field.name)
    if index < 0:
        return pa.nulls(batch.num_rows, field.type)
    column = batch.column(index)
    return column if column.type.equals(field.type) else column.cast(field.type)
