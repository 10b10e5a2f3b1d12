"""Footers are read and written back byte by byte, and damage is an error."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.storage.parquet.compact_thrift import (
    BINARY,
    BYTE,
    DOUBLE,
    FALSE,
    I16,
    I32,
    I64,
    LIST,
    MAP,
    SET,
    STRUCT,
    TRUE,
    ThriftReader,
    encode_struct,
)
from tests.fakes.footers import footer_of, written

if TYPE_CHECKING:
    from airflow_provider_aimlapi.storage.parquet.compact_thrift import Struct

SCALARS: dict[int, st.SearchStrategy[Any]] = {
    BYTE: st.integers(0, 255),
    I16: st.integers(-(2**15), 2**15 - 1),
    I32: st.integers(-(2**31), 2**31 - 1),
    I64: st.integers(-(2**63), 2**63 - 1),
    DOUBLE: st.binary(min_size=8, max_size=8),
    BINARY: st.binary(max_size=300),
}


def typed(kinds: dict[int, st.SearchStrategy[Any]]) -> st.SearchStrategy[tuple[int, Any]]:
    pairs = (st.tuples(st.just(kind), values) for kind, values in kinds.items())
    return st.one_of(st.just((TRUE, True)), st.just((FALSE, False)), *pairs)


def lists(kinds: dict[int, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    flags = st.tuples(st.just(TRUE), st.lists(st.sampled_from([1, 2]), max_size=20))
    others = (st.tuples(st.just(k), st.lists(v, max_size=20)) for k, v in kinds.items())
    return st.one_of(flags, *others)


def maps(kinds: dict[int, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    return st.one_of(
        *(
            st.tuples(st.just(k), st.just(k), st.lists(st.tuples(v, v), min_size=1, max_size=3))
            for k, v in kinds.items()
        )
    )


STRUCTS = st.recursive(
    st.dictionaries(st.integers(1, 90), typed(SCALARS), max_size=4),
    lambda inner: st.dictionaries(
        st.integers(1, 90),
        typed(
            {
                **SCALARS,
                STRUCT: inner,
                LIST: lists({**SCALARS, STRUCT: inner}),
                SET: lists(SCALARS),
                MAP: maps(SCALARS),
            }
        ),
        max_size=4,
    ),
    max_leaves=6,
)


@given(fields=STRUCTS)
def test_a_struct_reads_back_as_it_was_written(fields: Struct) -> None:
    data = encode_struct(fields)
    reader = ThriftReader(data + b"more")
    assert reader.read_struct() == fields
    assert reader.offset == len(data)


def test_a_footer_is_written_back_byte_by_byte() -> None:
    data = written(pa.table({"a": [1, None], "b": [["x"], []], "c": [{"d": 1.5}] * 2}))
    size = int.from_bytes(data[-8:-4], "little")
    assert encode_struct(footer_of(data)) == data[-8 - size : -8]


@given(fields=STRUCTS.filter(bool), data=st.data())
def test_a_struct_that_is_cut_is_an_error(fields: Struct, data: st.DataObject) -> None:
    encoded = encode_struct(fields)
    cut = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(ValueError, match="footer"):
        ThriftReader(encoded[:cut]).read_struct()


@given(noise=st.binary(max_size=200))
def test_noise_is_a_struct_or_an_error(noise: bytes) -> None:
    with contextlib.suppress(ValueError):
        ThriftReader(noise).read_struct()


@pytest.mark.parametrize(
    "noise",
    [
        b"\x1c" * 100_000,  # structs in structs
        b"\x19" * 100_000,  # lists in lists
        b"\x19\xfc" + b"\xff\xff\xff\xff\x0f",  # a list of four thousand million structs
        b"\x18" + b"\xff" * 9 + b"\x01",  # a text of 2**63 bytes
        b"\x15" + b"\xff" * 50,  # a number without an end
        b"\x1d\x00",  # an unknown type
    ],
)
def test_what_would_take_forever_is_an_error(noise: bytes) -> None:
    with pytest.raises(ValueError, match="footer"):
        ThriftReader(noise).read_struct()
