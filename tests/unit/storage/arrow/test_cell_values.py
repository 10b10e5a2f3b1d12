"""Cells of any Arrow type, and of any slice of an array, as values that JSON has."""

from __future__ import annotations

import struct
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.prompts.template import UnreadableRow
from airflow_provider_aimlapi.storage.arrow.cell_values import json_values
from airflow_provider_aimlapi.storage.input.cells import texts_of_rows

LEAVES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.string(), st.text(max_size=4)),
    (pa.bool_(), st.booleans()),
    (pa.float64(), st.floats(allow_nan=False)),
]


def nested(
    inner: st.SearchStrategy[tuple[pa.DataType, st.SearchStrategy[Any]]],
) -> st.SearchStrategy[tuple[pa.DataType, st.SearchStrategy[Any]]]:
    def lists(leaf: tuple[pa.DataType, st.SearchStrategy[Any]]) -> Any:
        kind, values = leaf
        cells = st.lists(st.none() | values, max_size=3)
        pair = st.lists(st.none() | values, min_size=2, max_size=2)
        return st.sampled_from(
            [
                (pa.list_(kind), cells),
                (pa.large_list(kind), cells),
                (pa.list_view(kind), cells),
                (pa.list_(kind, 2), pair),
                (pa.struct([("a", kind), ("b", pa.int8())]), _records(values)),
                (pa.map_(pa.string(), kind), st.lists(_pairs(values), max_size=3)),
            ]
        )

    return inner.flatmap(lists)


def _records(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({"a": st.none() | values, "b": st.none() | st.integers(-9, 9)})


def _pairs(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.text(max_size=2), st.none() | values)


KINDS = st.recursive(st.sampled_from(LEAVES), nested, max_leaves=3)


def plain(value: Any) -> Any:
    """As JSON has it: no tuples."""
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value


@given(data=st.data(), kind=KINDS)
def test_any_slice_of_a_nested_array_reads(
    data: st.DataObject, kind: tuple[pa.DataType, st.SearchStrategy[Any]]
) -> None:
    cells = data.draw(st.lists(st.none() | kind[1], max_size=6))
    first = data.draw(st.integers(0, len(cells)))
    last = data.draw(st.integers(first, len(cells)))
    array = pa.array(cells, kind[0]).slice(first, last - first)
    assert json_values(array) == [plain(cell) for cell in cells[first:last]]


@given(number=st.floats(width=32, allow_nan=False))
def test_a_narrow_float_reads_as_the_same_float(number: float) -> None:
    (value,) = json_values(pa.array([number], pa.float32()))
    assert struct.pack("f", value) == struct.pack("f", number)
    assert len(repr(value)) <= len(repr(number))


@given(number=st.floats(width=16, allow_nan=False))
def test_a_half_float_reads_as_the_same_float(number: float) -> None:
    (value,) = json_values(pa.array([number], pa.float16()))
    assert struct.pack("e", value) == struct.pack("e", number)


@given(
    number=st.decimals(
        allow_nan=False, allow_infinity=False, places=4, min_value=-9999, max_value=9999
    )
)
def test_a_decimal_reads_without_an_exponent(number: Decimal) -> None:
    (value,) = json_values(pa.array([number], pa.decimal128(38, 18)))
    assert Decimal(value) == number
    assert "E" not in value
    assert len(value.partition(".")[2]) == 18


@given(
    number=st.integers(-(2**63), 2**63 - 1),
    unit=st.sampled_from(["s", "ms", "us", "ns"]),
    zone=st.sampled_from([None, "UTC", "Europe/Berlin", "Mars/Olympus", "+05:30"]),
)
def test_no_timestamp_makes_its_row_unreadable(number: int, unit: str, zone: str | None) -> None:
    (row,) = texts_of_rows([("at", pa.array([number], pa.timestamp(unit, zone)))])
    assert isinstance(row, tuple)
    assert "T" in str(row[0])


def test_struct_with_two_fields_of_one_name_loses_none() -> None:
    fields = [pa.field("a", pa.int8()), pa.field("a", pa.int8())]
    array = pa.StructArray.from_arrays(
        [pa.array([1], pa.int8()), pa.array([2], pa.int8())], fields=fields
    )
    assert json_values(array) == [[["a", 1], ["a", 2]]]


def test_nested_values_read_as_json_with_texts() -> None:
    kind = pa.struct([("d", pa.date32()), ("n", pa.decimal128(9, 2)), ("f", pa.float32())])
    array = pa.array([{"d": date(2026, 1, 31), "n": Decimal("1.5"), "f": 0.1}], kind)
    assert texts_of_rows([("x", array)]) == [('{"d": "2026-01-31", "n": "1.50", "f": 0.1}',)]


@pytest.mark.parametrize("wrap", [lambda a: a, lambda a: pa.ListArray.from_arrays([0, 1, 2], a)])
def test_invalid_utf_8_makes_just_its_row_unreadable(wrap: Any) -> None:
    cells = pa.array([b"good", b"\xff"]).view(pa.string())
    first, second = texts_of_rows([("body", wrap(cells))])
    assert isinstance(first, tuple)
    assert second == UnreadableRow("column 'body' is not valid UTF-8")


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()], ids=str)
def test_bytes_that_a_file_calls_text_read_as_text(kind: pa.DataType) -> None:
    cells = pa.array([b"open", None, "größer".encode(), b"\xff"], kind)
    assert texts_of_rows([("state", cells)]) == [
        ("open",),
        (None,),
        ("größer",),
        UnreadableRow("column 'state' is not valid UTF-8"),
    ]
