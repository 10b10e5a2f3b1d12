"""Builds the arrays of typed answers from decoded JSON in its normal form.

`pa.array` would do it, but imports pandas, and changes what does not fit without an error.
"""

from __future__ import annotations

from array import array
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from airflow_provider_aimlapi.storage.arrow.answer_types import arrow_type
from airflow_provider_aimlapi.storage.arrow.columns import (
    flag_column,
    number_column,
    string_column,
    validity_bits,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.core.schemas.kinds import Kind

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = EPOCH.toordinal()
MICROSECOND = timedelta(microseconds=1)


def answer_array(kind: Kind, values: Sequence[Any]) -> pa.Array:
    """Return values of one type as an array. None is a null of any type.

    Args:
        values: as `core.answers` writes them: all texts of the array together below 2 GB.
    """
    if kind.name == "struct":
        return _struct_array(kind, values)
    if kind.item is not None:
        return _list_array(kind, kind.item, values)
    if kind.name == "string":
        return string_column(values)
    if kind.name == "boolean":
        return flag_column(values)
    if kind.name == "date":
        values = [None if text is None else _days_since_epoch(text) for text in values]
    elif kind.name == "timestamp":
        values = [None if text is None else _microseconds_since_epoch(text) for text in values]
    return number_column(values, arrow_type(kind))


def _struct_array(kind: Kind, values: Sequence[Any]) -> pa.Array:
    children = [
        answer_array(one.kind, [None if value is None else value.get(one.name) for value in values])
        for one in kind.properties
    ]
    return pa.Array.from_buffers(
        arrow_type(kind), len(values), [validity_bits(values)], children=children
    )


def _list_array(kind: Kind, item: Kind, values: Sequence[Any]) -> pa.Array:
    # Where each list ends among all items. A null takes none.
    offsets = array("i", [0, *accumulate(len(value or ()) for value in values)])
    there = [value for value in values if value]
    if kind.name == "list":
        child = answer_array(item, list(chain.from_iterable(there)))
    else:
        keys = string_column(list(chain.from_iterable(there)))
        items = answer_array(item, list(chain.from_iterable(value.values() for value in there)))
        pair = arrow_type(kind).field(0).type
        child = pa.StructArray.from_arrays([keys, items], fields=list(pair))
    buffers = [validity_bits(values), pa.py_buffer(offsets)]
    return pa.Array.from_buffers(arrow_type(kind), len(values), buffers, children=[child])


def _days_since_epoch(text: str) -> int:
    return date.fromisoformat(text).toordinal() - EPOCH_DAY


def _microseconds_since_epoch(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // MICROSECOND
