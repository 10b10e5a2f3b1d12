"""The smallest type that loses nothing, and when there is none."""

from __future__ import annotations

import pyarrow as pa
import pytest

from airflow_provider_aimlapi.storage.type_unification import unify_types

LOSSLESS = [
    (pa.null(), pa.list_(pa.int8()), pa.list_(pa.int8())),
    (pa.int8(), pa.int64(), pa.int64()),
    (pa.uint8(), pa.uint32(), pa.uint32()),
    (pa.uint8(), pa.int8(), pa.int16()),
    (pa.uint32(), pa.int8(), pa.int64()),
    (pa.float32(), pa.float64(), pa.float64()),
    (pa.int32(), pa.float64(), pa.float64()),
    (pa.uint16(), pa.float32(), pa.float32()),
    (pa.int32(), pa.float32(), pa.float64()),
    (pa.string(), pa.large_string(), pa.large_string()),
    (pa.dictionary(pa.int32(), pa.string()), pa.string(), pa.string()),
    (
        pa.dictionary(pa.int8(), pa.string()),
        pa.dictionary(pa.int32(), pa.large_string()),
        pa.large_string(),
    ),
    (pa.binary(), pa.large_binary(), pa.large_binary()),
    (pa.date32(), pa.date64(), pa.date64()),
    (pa.decimal128(10, 2), pa.decimal128(20, 2), pa.decimal128(20, 2)),
    (pa.decimal128(38, 2), pa.decimal256(40, 2), pa.decimal256(40, 2)),
    (pa.timestamp("ms", "UTC"), pa.timestamp("us", "UTC"), pa.timestamp("us", "UTC")),
    (pa.time32("s"), pa.time64("ns"), pa.time64("ns")),
    (pa.duration("s"), pa.duration("us"), pa.duration("us")),
    (pa.list_(pa.null()), pa.list_(pa.string()), pa.list_(pa.string())),
    (pa.list_(pa.int8()), pa.large_list(pa.int16()), pa.large_list(pa.int16())),
    (
        pa.struct([("a", pa.int8()), ("b", pa.null())]),
        pa.struct([("a", pa.int32()), ("b", pa.string())]),
        pa.struct([("a", pa.int32()), ("b", pa.string())]),
    ),
    (
        pa.map_(pa.string(), pa.int8()),
        pa.map_(pa.string(), pa.int64()),
        pa.map_(pa.string(), pa.int64()),
    ),
]
LOSSY = [
    (pa.int64(), pa.string()),
    (pa.int64(), pa.float64()),
    (pa.uint64(), pa.int64()),
    (pa.bool_(), pa.int8()),
    (pa.string(), pa.binary()),
    (pa.date32(), pa.timestamp("us")),
    (pa.decimal128(10, 2), pa.decimal128(10, 3)),
    (pa.decimal128(10, 0), pa.int64()),
    (pa.timestamp("us"), pa.timestamp("us", "UTC")),
    (pa.timestamp("us", "UTC"), pa.timestamp("us", "Europe/Berlin")),
    (pa.timestamp("us"), pa.timestamp("ns")),
    (pa.timestamp("us"), pa.duration("us")),
    (pa.list_(pa.int8()), pa.list_(pa.string())),
    (pa.struct([("a", pa.int8())]), pa.struct([("b", pa.int8())])),
    (pa.dictionary(pa.int32(), pa.string()), pa.int32()),
    (pa.binary(4), pa.binary(8)),
]


@pytest.mark.parametrize(("one", "other", "unified"), LOSSLESS, ids=str)
def test_lossless_either_way(one: pa.DataType, other: pa.DataType, unified: pa.DataType) -> None:
    assert unify_types(one, other) == unified
    assert unify_types(other, one) == unified


@pytest.mark.parametrize(("one", "other", "unified"), LOSSLESS, ids=str)
def test_arrow_can_cast_to_it(one: pa.DataType, other: pa.DataType, unified: pa.DataType) -> None:
    for kind in (one, other):
        assert pa.nulls(2, kind).cast(unified).type == unified


@pytest.mark.parametrize(("one", "other"), LOSSY, ids=str)
def test_none_where_values_could_be_lost(one: pa.DataType, other: pa.DataType) -> None:
    assert unify_types(one, other) is None
    assert unify_types(other, one) is None
