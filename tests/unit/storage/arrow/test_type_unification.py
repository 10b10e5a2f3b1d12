"""The smallest type that loses nothing, and when there is none."""

from __future__ import annotations

import pyarrow as pa
import pytest

from airflow_provider_aimlapi.storage.arrow.type_unification import (
    find_clash,
    find_inexact,
    unify_types,
)

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
OF_STRUCTS = [
    (
        pa.struct([("a", pa.int8())]),
        pa.struct([("a", pa.int32()), ("b", pa.string())]),
        pa.struct([("a", pa.int32()), ("b", pa.string())]),
    ),
    (
        pa.struct([("a", pa.int8())]),
        pa.struct([pa.field("b", pa.int8(), nullable=False)]),
        pa.struct([("a", pa.int8()), ("b", pa.int8())]),
    ),
    (
        pa.list_(pa.struct([("a", pa.struct([("b", pa.int8())]))])),
        pa.list_(pa.struct([("a", pa.struct([("b", pa.int8()), ("c", pa.int8())]))])),
        pa.list_(pa.struct([("a", pa.struct([("b", pa.int8()), ("c", pa.int8())]))])),
    ),
]
INEXACT = [
    (pa.int64(), pa.float64(), pa.float64(), "x"),
    (pa.uint64(), pa.float32(), pa.float64(), "x"),
    (pa.timestamp("ns"), pa.timestamp("us"), pa.timestamp("us"), "x"),
    (pa.timestamp("ns", "UTC"), pa.timestamp("ms", "UTC"), pa.timestamp("us", "UTC"), "x"),
    (pa.duration("ns"), pa.duration("s"), pa.duration("us"), "x"),
    (
        pa.list_(pa.struct([("a", pa.int64())])),
        pa.list_(pa.struct([("a", pa.float64())])),
        pa.list_(pa.struct([("a", pa.float64())])),
        "x[].a",
    ),
    (
        pa.map_(pa.string(), pa.timestamp("ns")),
        pa.map_(pa.string(), pa.timestamp("us")),
        pa.map_(pa.string(), pa.timestamp("us")),
        "x (value)",
    ),
]
"""With the path of what the values decide."""
UTC_NAMES = ["UTC", "Etc/UTC", "utc", "Z", "Zulu", "+00:00", "GMT", "Etc/GMT", "Etc/UCT"]
LOSSY = [
    (pa.int64(), pa.string()),
    (pa.uint64(), pa.int64()),
    (pa.bool_(), pa.int8()),
    (pa.string(), pa.binary()),
    (pa.date32(), pa.timestamp("us")),
    (pa.decimal128(10, 2), pa.decimal128(10, 3)),
    (pa.decimal128(10, 0), pa.int64()),
    (pa.timestamp("us"), pa.timestamp("us", "UTC")),
    (pa.timestamp("us", "UTC"), pa.timestamp("us", "Europe/Berlin")),
    (pa.timestamp("us"), pa.duration("us")),
    (pa.list_(pa.int8()), pa.list_(pa.string())),
    (pa.struct([("a", pa.int8())]), pa.struct([("A", pa.int8())])),
    (pa.struct([("a", pa.int8())]), pa.struct([("a", pa.int8()), ("A", pa.int8())])),
    (pa.struct([("a", pa.int8())]), pa.struct([("a", pa.string()), ("b", pa.int8())])),
    (pa.dictionary(pa.int32(), pa.string()), pa.int32()),
    (pa.binary(4), pa.binary(8)),
]


@pytest.mark.parametrize(("one", "other", "unified"), [*LOSSLESS, *OF_STRUCTS[:1]], ids=str)
def test_lossless_either_way(one: pa.DataType, other: pa.DataType, unified: pa.DataType) -> None:
    assert unify_types(one, other) == unified
    assert unify_types(other, one) == unified


@pytest.mark.parametrize(("one", "other", "unified"), [*LOSSLESS, *OF_STRUCTS], ids=str)
def test_arrow_can_cast_to_it(one: pa.DataType, other: pa.DataType, unified: pa.DataType) -> None:
    for kind in (one, other):
        assert pa.nulls(2, kind).cast(unified).type == unified


@pytest.mark.parametrize(("one", "other"), LOSSY, ids=str)
def test_none_where_values_could_be_lost(one: pa.DataType, other: pa.DataType) -> None:
    assert unify_types(one, other) is None
    assert unify_types(other, one) is None


@pytest.mark.parametrize(("one", "other", "unified"), OF_STRUCTS, ids=str)
def test_a_struct_has_the_fields_of_both(
    one: pa.DataType, other: pa.DataType, unified: pa.DataType
) -> None:
    assert unify_types(one, other) == unified


@pytest.mark.parametrize(("one", "other", "unified", "path"), INEXACT, ids=str)
def test_what_the_values_decide_is_named(
    one: pa.DataType, other: pa.DataType, unified: pa.DataType, path: str
) -> None:
    assert unify_types(one, other) == unified
    assert unify_types(other, one) == unified
    found = find_inexact("x", one, unified)
    assert found is not None
    assert found[0] == path


@pytest.mark.parametrize(("one", "other", "unified"), LOSSLESS, ids=str)
def test_what_is_lossless_is_inexact_in_units_alone(
    one: pa.DataType, other: pa.DataType, unified: pa.DataType
) -> None:
    """A coarse unit has times that a finer one does not reach."""
    for kind in (one, other):
        is_coarser = pa.types.is_timestamp(kind) or pa.types.is_duration(kind)
        assert find_inexact("x", kind, unified) is None or is_coarser


@pytest.mark.parametrize("name", UTC_NAMES)
@pytest.mark.parametrize("other", UTC_NAMES)
def test_utc_is_utc_under_all_its_names(name: str, other: str) -> None:
    one, two = pa.timestamp("us", name), pa.timestamp("ms", other)
    assert unify_types(one, two) == one
    assert pa.array([0], two).cast(one).type == one


def test_a_clash_is_found_where_it_is() -> None:
    one = pa.struct([("a", pa.list_(pa.struct([("b", pa.int8())])))])
    other = pa.struct([("a", pa.list_(pa.struct([("b", pa.string())])))])
    assert find_clash("x", one, other) == ("x.a[].b", pa.int8(), pa.string())
