"""Turns Arrow columns into values of JSON. Has no notion of a prompt.

Nothing here depends on pandas, or on the machine's own tables of types. Each value is made from the
number that Arrow stores.
"""

from __future__ import annotations

import struct
from datetime import UTC
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import types

from airflow_provider_aimlapi.core.texts.iso_texts import (
    find_zone,
    iso_date,
    iso_duration,
    iso_time,
    iso_timestamp,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_MS_PER_DAY = 86_400_000
_WHOLE_MAX = 2.0**53
_FLOATS = {16: ("e", range(3, 6)), 32: ("f", range(6, 10))}
"""The format code of a float's width in `struct`, and how many digits may identify one."""


def json_values(array: pa.Array) -> list[Any]:
    """Return each cell as None, bool, int, float, str, list or dict; a map as a list of pairs.

    Raises:
        UnicodeDecodeError: a text is not UTF-8.
    """
    kind = array.type
    if types.is_dictionary(kind):
        return json_values(array.dictionary_decode())
    if isinstance(kind, pa.BaseExtensionType):
        return _extension_values(array)
    if types.is_nested(kind):
        return _nested_values(array)
    if types.is_temporal(kind):
        return _convert_cells(_stored_integers(array), _temporal_text(kind))
    return _convert_cells(array.to_pylist(), _value_maker(kind))


def _convert_cells(cells: list[Any], convert: Callable[[Any], Any] | None) -> list[Any]:
    if convert is None:
        return cells
    return [None if cell is None else convert(cell) for cell in cells]


def _temporal_text(kind: pa.DataType) -> Callable[[int], str]:
    """Return a function from the stored number to the text."""
    if types.is_timestamp(kind):
        factor, zone = _NS[kind.unit], None if kind.tz is None else find_zone(kind.tz) or UTC
        return lambda number: iso_timestamp(number * factor, zone)
    if types.is_time(kind):
        return lambda number: iso_time(number * _NS[kind.unit])
    if types.is_duration(kind):
        return lambda number: iso_duration(number * _NS[kind.unit])
    days = 1 if types.is_date32(kind) else _MS_PER_DAY
    return lambda number: iso_date(number // days)


def _value_maker(kind: pa.DataType) -> Callable[[Any], Any] | None:
    """Return a function from Python's value to JSON's; None if they are the same."""
    if types.is_decimal(kind):
        return lambda number: format(number, "f")
    if types.is_floating(kind) and kind.bit_width in _FLOATS:
        code, digits = _FLOATS[kind.bit_width]
        return lambda number: _shortest_float(float(number), code, digits)
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind):
        return lambda value: value.decode()  # bytes that are annotated as text
    return None


def _stored_integers(array: pa.Array) -> list[int | None]:
    width = pa.int32() if array.type.bit_width == pa.int32().bit_width else pa.int64()
    return array.view(width).to_pylist()  # type: ignore[no-any-return]


def _shortest_float(number: float, code: str, digits: range) -> float:
    """Return the shortest float that a narrower float stores as this one: 0.1, for one."""
    # A whole number is exact at any width.
    if abs(number) < _WHOLE_MAX and number == int(number):
        return number
    for count in digits:
        short = float(f"{number:.{count}g}")
        if struct.unpack(code, struct.pack(code, short))[0] == number:
            return short
    return number


def _extension_values(array: pa.Array) -> list[Any]:
    if isinstance(array.type, pa.UuidType):
        return [None if cell is None else str(cell) for cell in array.to_pylist()]
    values = json_values(array.storage)
    if array.type.extension_name == "arrow.bool8":
        return [None if value is None else bool(value) for value in values]
    return values


def _nested_values(array: pa.Array) -> list[Any]:
    if types.is_struct(array.type):
        cells = _values_of_structs(array)
    elif types.is_map(array.type):
        cells = _cut_into_lists(
            list_bounds(array), lambda start, rows: _pairs_of_map(array, start, rows)
        )
    else:
        values = array.values
        cells = _cut_into_lists(
            list_bounds(array), lambda start, rows: json_values(values.slice(start, rows))
        )
    is_there = array.is_valid().to_pylist()
    return [cell if there else None for cell, there in zip(cells, is_there, strict=True)]


def _values_of_structs(array: pa.StructArray) -> list[Any]:
    names = [field.name for field in array.type]
    rows = zip(*(json_values(column) for column in array.flatten()), strict=True)
    if len(set(names)) < len(names):  # a dictionary would lose one of two equal names
        return [[[*pair] for pair in zip(names, row, strict=True)] for row in rows]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _pairs_of_map(array: pa.MapArray, start: int, rows: int) -> list[Any]:
    keys = json_values(array.keys.slice(start, rows))
    items = json_values(array.items.slice(start, rows))
    return [[key, item] for key, item in zip(keys, items, strict=True)]


def list_bounds(array: pa.Array) -> list[tuple[int, int]]:
    """Return where the elements of each list begin and end among all elements."""
    if types.is_fixed_size_list(array.type):
        size = array.type.list_size
        starts = [(array.offset + row) * size for row in range(len(array))]
        return [(start, start + size) for start in starts]
    offsets = array.offsets.to_pylist()
    if types.is_list_view(array.type) or types.is_large_list_view(array.type):
        sizes = zip(offsets, array.sizes.to_pylist(), strict=True)
        return [(start, start + (size or 0)) for start, size in sizes]
    return list(pairwise(offsets))


def _cut_into_lists(
    bounds: list[tuple[int, int]], values_of: Callable[[int, int], list[Any]]
) -> list[list[Any]]:
    """Return the lists of an array. Only elements that are in a list are converted."""
    if not bounds:
        return []
    first = min(start for start, _ in bounds)
    values = values_of(first, max(end for _, end in bounds) - first)
    return [values[start - first : end - first] for start, end in bounds]
