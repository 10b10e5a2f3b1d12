"""Values inside of nested columns: their types, and the arrays that paths lead to. Reads no file."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import types

from airflow_provider_aimlapi.core.prompts.field_paths import Shape
from airflow_provider_aimlapi.storage.arrow.cell_values import list_bounds
from airflow_provider_aimlapi.storage.arrow.columns import number_column, string_column
from airflow_provider_aimlapi.storage.parquet.conversion import leaf_types

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_aimlapi.core.prompts.field_paths import FieldPath, Step

KIND_CHARACTERS_MAX = 60
"""A type's name may list thousands of fields, and an error shows it."""


def shapes_of_schema(schema: pa.Schema) -> dict[str, Shape]:
    """Return what each column consists of."""
    return {field.name: _shape_of_type(field.type) for field in schema}


def _shape_of_type(kind: pa.DataType) -> Shape:
    kind = _storage_type(kind)
    name = str(kind)[:KIND_CHARACTERS_MAX]
    if types.is_struct(kind):
        # A name that two fields have leads to neither of them.
        fields = {
            field.name: _shape_of_type(field.type)
            for field in kind
            if _field_index(kind, field.name) >= 0
        }
        return Shape(name, fields=fields)
    return Shape(name, item=_shape_of_type(kind.value_type)) if _is_list(kind) else Shape(name)


def type_at(kind: pa.DataType, steps: Sequence[Step]) -> pa.DataType | None:
    """Return the type of the value that steps lead to; None if there is none."""
    for step in steps:
        inner = _storage_type(kind)
        if isinstance(step, int):
            if not _is_list(inner):
                return None
            kind = inner.value_type
        elif types.is_struct(inner) and _field_index(inner, step) >= 0:
            kind = inner.field(_field_index(inner, step)).type
        else:
            return None
    return kind


def values_at(array: pa.Array, steps: Sequence[Step]) -> pa.Array:
    """Return the value of each row that steps lead to; null if a part of the path is null or missing.

    A file may lack a field that other files have. Its rows have nulls there.
    """
    for step in steps:
        inner = array.storage if isinstance(array.type, pa.BaseExtensionType) else array
        if isinstance(step, int) and _is_list(inner.type):
            array = _items_at(inner, step)
        elif isinstance(step, str) and types.is_struct(inner.type):
            index = _field_index(inner.type, step)
            if index < 0:
                return _null_column(len(inner))
            array = inner.flatten()[index]  # a field of a null is null
        else:
            return _null_column(len(inner))
    return array


def with_paths(batch: pa.RecordBatch, paths: Mapping[str, FieldPath]) -> pa.RecordBatch:
    """Return the columns that paths name, and the values of longer paths as columns of their own.

    A column that the file lacks is left out.
    """
    there = frozenset(batch.schema.names)
    plain = [name for name, path in paths.items() if not path.steps and path.column in there]
    found = batch.select(plain)
    for name, path in paths.items():
        if path.steps and path.column in there:
            column = batch.column(batch.schema.get_field_index(path.column))
            found = found.append_column(name, values_at(column, path.steps))
    return found


def leaves_at(schema: pa.Schema, path: FieldPath) -> range | None:
    """Return the numbers of the Parquet columns that hold the values of a path; None if it is missing."""
    index = schema.get_field_index(path.column)
    if index < 0 or type_at(schema.field(index).type, path.steps) is None:
        return None
    kind = schema.field(index).type
    # Parquet numbers its columns by the leaves of the schema's tree, from left to right.
    start = sum(_count_leaves(schema.field(before).type) for before in range(index))
    for step in path.steps:
        kind = _storage_type(kind)
        if isinstance(step, int):
            kind = kind.value_type
            continue
        number = _field_index(kind, step)
        sizes = [0, *accumulate(_count_leaves(kind.field(one).type) for one in range(number))]
        start, kind = start + sizes[-1], kind.field(number).type
    return range(start, start + _count_leaves(kind))


def _count_leaves(kind: pa.DataType) -> int:
    return sum(1 for _ in leaf_types(kind))


def _items_at(array: pa.Array, number: int) -> pa.Array:
    is_there = array.is_valid().to_pylist()
    indices = [
        start + number if there and start + number < end else None
        for (start, end), there in zip(list_bounds(array), is_there, strict=True)
    ]
    # `take` makes a null of each null index, which stands for a list that is too short.
    return array.values.take(number_column(indices, pa.int64()))


def _null_column(rows: int) -> pa.Array:
    return string_column([None] * rows)


def _field_index(kind: pa.StructType, name: str) -> int:
    """Return a field's number; -1 if there is none of that name, or more than one."""
    return int(kind.get_field_index(name))


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
        or types.is_list_view(kind)
        or types.is_large_list_view(kind)
    )


def _storage_type(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
