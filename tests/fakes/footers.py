"""Parquet files that pyarrow cannot write: any annotation, INT96 of any bytes, damaged footers."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet as pq

from airflow_provider_aimlapi.storage.parquet.compact_thrift import (
    BYTE,
    FALSE,
    I32,
    STRUCT,
    TRUE,
    Struct,
    ThriftReader,
    encode_struct,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_aimlapi.storage.parquet.compact_thrift import Field

TAIL = 8


def written(table: pa.Table, **options: Any) -> bytes:
    """Write a table by pyarrow, without Arrow's own schema beside Parquet's."""
    sink = io.BytesIO()
    pq.write_table(table, sink, **{"store_schema": False, **options})
    return sink.getvalue()


def footer_of(data: bytes) -> Struct:
    """Return the fields of a file's footer."""
    size = int.from_bytes(data[-TAIL:-4], "little")
    return ThriftReader(data[-TAIL - size : -TAIL]).read_struct()


def with_footer(data: bytes, fields: Struct) -> bytes:
    """Return a file with another footer."""
    size = int.from_bytes(data[-TAIL:-4], "little")
    footer = encode_struct(fields)
    return data[: -TAIL - size] + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def edited(data: bytes, edit: Callable[[Struct], None]) -> bytes:
    """Return a file whose footer was changed by a function."""
    fields = footer_of(data)
    edit(fields)
    return with_footer(data, fields)


def in_codec(data: bytes, number: int, column: int) -> bytes:
    """Return a file whose footer states another codec for a column."""

    def change(fields: Struct) -> None:
        for group in fields[4][1][1]:
            group[1][1][1][column][3][1][4] = (I32, number)

    return edited(data, change)


def element(fields: Struct, name: str) -> Struct:
    """Return the first schema element with a name."""
    found: Struct = next(one for one in fields[2][1][1] if one[4][1] == name.encode())
    return found


def logical(kind: int, fields: Struct | None = None) -> Field:
    """Return a logical type as the format's union."""
    return STRUCT, {kind: (STRUCT, fields or {})}


def time_of(kind: int, unit: int, *, is_utc: bool) -> Field:
    """Return TIME (7) or TIMESTAMP (8), in milli- (1), micro- (2) or nanoseconds (3)."""
    flag = (TRUE, True) if is_utc else (FALSE, False)
    return logical(kind, {1: flag, 2: (STRUCT, {unit: (STRUCT, {})})})


def decimal_of(precision: int, scale: int) -> Field:
    """Return DECIMAL."""
    return logical(5, {1: (I32, scale), 2: (I32, precision)})


def variant() -> Field:
    """Return VARIANT, in its first version."""
    return logical(16, {1: (BYTE, 1)})


def annotated(
    table: pa.Table, name: str, *, converted: int | None = None, logical: Field | None = None
) -> bytes:
    """Return a file in which the element with a name has only this annotation."""

    def annotate(fields: Struct) -> None:
        one = element(fields, name)
        for field in (6, 7, 8, 10):
            one.pop(field, None)
        if converted is not None:
            one[6] = (I32, converted)
        if logical is not None:
            one[10] = logical
            if 5 in logical[1]:
                one[7], one[8] = logical[1][5][1][1], logical[1][5][1][2]
        ordered = dict(sorted(one.items()))
        one.clear()
        one.update(ordered)

    return edited(written(table), annotate)


def int96_file(columns: dict[str, pa.Array], **options: Any) -> bytes:
    """Return a file whose leaves of 12 bytes are INT96."""
    data = written(pa.table(columns), **options)

    def retype(fields: Struct) -> None:
        for one in fields[2][1][1]:
            if one.get(2, (0, 0))[1] == 12:
                one[1] = (I32, 3)
                del one[2]
        kinds = [one[1][1] for one in fields[2][1][1] if 1 in one]
        for group in fields[4][1][1]:
            for kind, chunk in zip(kinds, group[1][1][1], strict=True):
                if kind == 3:
                    chunk[3][1][1] = (I32, 3)
                    chunk[3][1].pop(12, None)

    return edited(data, retype)


def int96(day: int, nanoseconds: int) -> bytes:
    """Encode a Julian day and a nanosecond of that day."""
    return (nanoseconds % 2**64).to_bytes(8, "little") + (day % 2**32).to_bytes(4, "little")


def int96_array(values: Sequence[bytes | None]) -> pa.Array:
    """Return values for `int96_file`."""
    return pa.array(values, pa.binary(12))
