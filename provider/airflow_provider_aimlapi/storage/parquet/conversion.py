"""Converts columns from the types that Arrow decodes into the types that a run reads and writes.

Two types differ. INT96 is decoded as bytes. Arrow's views of texts cannot be written everywhere, so
they become texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import types

from airflow_provider_aimlapi.errors import InputUnreadable
from airflow_provider_aimlapi.storage.parquet.footer import INT96_BYTES
from airflow_provider_aimlapi.storage.parquet.int96 import InexactInt96, timestamps_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LISTS = (
    (types.is_list, pa.list_),
    (types.is_large_list, pa.large_list),
    (types.is_list_view, pa.list_view),
    (types.is_large_list_view, pa.large_list_view),
)
_VIEWS = ((types.is_string_view, pa.string()), (types.is_binary_view, pa.binary()))


def leaf_types(kind: pa.DataType) -> Iterator[pa.DataType]:
    """Yield the types of the values in a type, at any depth."""
    if types.is_dictionary(kind):
        yield from leaf_types(kind.value_type)
    elif isinstance(kind, pa.BaseExtensionType) and not isinstance(kind, pa.UuidType):
        yield from leaf_types(kind.storage_type)
    elif types.is_nested(kind):
        for index in range(kind.num_fields):
            yield from leaf_types(kind.field(index).type)
    else:
        yield kind


def readable_schema(schema: pa.Schema) -> pa.Schema:
    """Return a file's schema with the types that `converted_batch` makes."""
    return pa.schema([_without_views(field) for field in schema], metadata=schema.metadata)


def _without_views(field: pa.Field) -> pa.Field:
    views = [is_view for leaf in leaf_types(field.type) for is_view, _ in _VIEWS if is_view(leaf)]
    return field.with_type(_type_without_views(field.type)) if views else field


def _type_without_views(kind: pa.DataType) -> pa.DataType:
    if types.is_struct(kind):
        return pa.struct([_without_views(field) for field in kind])
    if types.is_map(kind):
        key, item = _without_views(kind.key_field), _without_views(kind.item_field)
        return pa.map_(key, item, keys_sorted=kind.keys_sorted)
    if types.is_fixed_size_list(kind):
        return pa.list_(_without_views(kind.value_field), kind.list_size)
    for is_list, make in _LISTS:
        if is_list(kind):
            return make(_without_views(kind.value_field))
    return next((plain for is_view, plain in _VIEWS if is_view(kind)), kind)


def converted_batch(batch: pa.RecordBatch, schema: pa.Schema, uri: str) -> pa.RecordBatch:
    """Return a decoded batch in the types of its file's schema.

    Args:
        batch: not a slice.
        schema: has all columns of the batch.

    Raises:
        InputUnreadable: a value of INT96 does not fit. The text names the column.
    """
    fields = [schema.field(name) for name in batch.schema.names]
    columns = []
    for field, column in zip(fields, batch.columns, strict=True):
        try:
            columns.append(_converted_array(column, field.type))
        except InexactInt96 as inexact:
            raise InputUnreadable(
                f"Write column '{field.name}' as TIMESTAMP, rounded to microseconds or in "
                f"nanoseconds, or leave it out. Column '{field.name}' of {uri} is INT96 with "
                f"{inexact}, which a timestamp in microseconds does not hold."
            ) from None
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _converted_array(array: pa.Array, target: pa.DataType) -> pa.Array:
    kind = array.type
    if kind.equals(target):
        return array
    if types.is_timestamp(target) and kind.equals(pa.binary(INT96_BYTES)):
        return timestamps_of(array).cast(target)
    # No cast makes a time of the 12 bytes within a nested type, so that is taken apart and
    # rebuilt.
    rebuild = _REBUILDERS.get(kind.id)
    return array.cast(target) if rebuild is None else rebuild(array, target)


def _converted_struct(array: pa.StructArray, target: pa.StructType) -> pa.Array:
    columns = [
        _converted_array(column, field.type)
        for column, field in zip(array.flatten(), target, strict=True)
    ]
    return pa.StructArray.from_arrays(columns, fields=list(target), mask=array.is_null())


def _converted_list(array: pa.ListArray | pa.LargeListArray, target: pa.DataType) -> pa.Array:
    values = _converted_array(array.values, target.value_type)
    return type(array).from_arrays(array.offsets, values, type=target, mask=array.is_null())


def _list_view(array: pa.ListViewArray | pa.LargeListViewArray, target: pa.DataType) -> pa.Array:
    values = _converted_array(array.values, target.value_type)
    spans = (array.offsets, array.sizes)
    return type(array).from_arrays(*spans, values, type=target, mask=array.is_null())


def _fixed_size_list(array: pa.FixedSizeListArray, target: pa.FixedSizeListType) -> pa.Array:
    values = _converted_array(array.values, target.value_type)
    return pa.FixedSizeListArray.from_arrays(values, type=target, mask=array.is_null())


def _converted_map(array: pa.MapArray, target: pa.MapType) -> pa.Array:
    keys = _converted_array(array.keys, target.key_type)
    items = _converted_array(array.items, target.item_type)
    return pa.MapArray.from_arrays(array.offsets, keys, items, type=target, mask=array.is_null())


_REBUILDERS: dict[int, Callable[[pa.Array, pa.DataType], pa.Array]] = {
    pa.struct([]).id: _converted_struct,
    pa.list_(pa.int8()).id: _converted_list,
    pa.large_list(pa.int8()).id: _converted_list,
    pa.list_view(pa.int8()).id: _list_view,
    pa.large_list_view(pa.int8()).id: _list_view,
    pa.list_(pa.int8(), 1).id: _fixed_size_list,
    pa.map_(pa.int8(), pa.int8()).id: _converted_map,
}
