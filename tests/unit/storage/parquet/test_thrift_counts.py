"""Headers that Parquet's own writer makes are passed over to their last byte."""

from __future__ import annotations

import io
import struct

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from airflow_provider_aimlapi.storage.parquet.thrift_counts import CompactReader, TooLarge
from airflow_provider_aimlapi.storage.parts.part_footer import (
    FOOTER_BYTES_MAX,
    STRUCTS_MAX,
    footer_bytes,
)

TABLES = {
    "numbers": pa.table({"n": range(1_000)}),
    "no rows": pa.table({"n": pa.array([], pa.int8())}),
    "no columns": pa.table({}),
    "nested": pa.table(
        {
            "list": [[1, 2], [], None],
            "struct": [{"a": "x", "b": {"c": 1.5}}, None, {"a": None, "b": None}],
            "map": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
            "flag": [True, None, False],
            "day": pa.array([1, 2, 3], pa.date32()),
            "sum": pa.array([1, 2, 3], pa.decimal128(30, 4)),
            "word": pa.array(["a", "b", "a"]).dictionary_encode(),
        }
    ),
    "wide": pa.table({f"column {n}": ["x", "y"] for n in range(2_000)}),
}


def footer_of(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    data = sink.getvalue()
    return data[-footer_bytes(data) : -8]


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("options", [{}, {"row_group_size": 1, "compression": "zstd"}])
def test_footer_is_read_to_its_end_within_the_limits(name: str, options: dict[str, object]) -> None:
    table = TABLES[name]
    footer = footer_of(table, **options)
    assert len(footer) < FOOTER_BYTES_MAX
    reader = CompactReader(footer, structs_max=STRUCTS_MAX)
    assert reader.read_struct()[3] == table.num_rows
    assert reader.offset == len(footer)


def test_cut_header_and_too_many_structs_are_refused() -> None:
    footer = footer_of(TABLES["nested"])
    for length in range(len(footer)):
        with pytest.raises(TooLarge):
            CompactReader(footer[:length], structs_max=STRUCTS_MAX).read_struct()
    with pytest.raises(TooLarge, match="structs"):
        CompactReader(footer, structs_max=10).read_struct()


@pytest.mark.parametrize(
    "data",
    [
        b"\x1c" * 100_000,
        b"\x19\x9c" * 100_000,
        b"\x19\xfc\xff\xff\xff\xff\x0f",
        b"\x18\xff\xff\xff\xff\x0f",
        b"\x16" + b"\xff" * 100,
        b"\x1b\x01",
        b"\x1f",
    ],
)
def test_hostile_header_is_refused(data: bytes) -> None:
    with pytest.raises(TooLarge):
        CompactReader(data, structs_max=STRUCTS_MAX).read_struct()


def test_end_that_is_no_parquet_has_no_footer() -> None:
    for end in (b"", b"PAR1", b"12345678", struct.pack("<I4s", 5, b"PARE")):
        assert footer_bytes(end) == 0
    assert footer_bytes(struct.pack("<I4s", 5, b"PAR1")) == 13
