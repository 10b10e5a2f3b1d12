"""Parquet files that look like parts, and are not what a run writes."""

from __future__ import annotations

import io
import resource
import struct
import sys
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.calls.completion import Outcome
from airflow_provider_aimlapi.core.durable.manifest import Tally, tally_of
from airflow_provider_aimlapi.core.durable.plan import Shard
from airflow_provider_aimlapi.errors import JournalUnreadable
from airflow_provider_aimlapi.storage.parts.outcome_columns import INFO_TYPE, OutcomeColumns
from airflow_provider_aimlapi.storage.parts.part_footer import footer_bytes
from airflow_provider_aimlapi.storage.parts.part_reader import (
    part_outcomes,
    read_staged_part,
    rejected_rows,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

RUN_KEY = "ab" * 16
MOMENT_US = 1_767_225_600_000_001


def outcomes_of(rows: int) -> list[Outcome]:
    """As a run has them, every third one rejected."""
    return [
        Outcome(row=row, status="rejected", error="no", attempts=1, cost_nano_usd=5)
        if row % 3 == 0
        else Outcome(
            row=row,
            status="ok",
            text=f"text {row}",
            prompt_tokens=7,
            cost_nano_usd=1_000,
            attempts=1,
            request_hash="ab" * 32,
            completed_at_us=MOMENT_US,
        )
        for row in range(rows)
    ]


def infos(rows: int) -> pa.StructArray:
    """The honest struct column of these rows."""
    return OutcomeColumns("completion").arrays_of_outcomes(outcomes_of(rows))[1]


def info_with(rows: int, name: str, values: pa.Array) -> pa.StructArray:
    """The struct column with one field's values replaced, of whatever type these are."""
    honest = infos(rows)
    arrays = {field.name: honest.field(field.name) for field in INFO_TYPE} | {name: values}
    return pa.StructArray.from_arrays(list(arrays.values()), names=list(arrays))


def texts(rows: int) -> pa.Array:
    """The honest text column."""
    return pa.array([outcome.text for outcome in outcomes_of(rows)], pa.string())


def planted_part(  # noqa: PLR0913  # each is one thing that may be broken
    rows: int,
    *,
    run_key: str,
    part: int,
    text: pa.Array | None = None,
    info: pa.Array | None = None,
    metadata: dict[str, object] | None = None,
    tally: Tally | bytes | None = None,
    names: Sequence[str] = ("completion", "completion_info"),
    row_group_size: int | None = None,
    **written: Any,
) -> bytes:
    """A part of so many rows, with something of it replaced.

    Args:
        written: how, in the words of Parquet's writer.
    """
    said = tally if tally is not None else tally_of(outcomes_of(rows))
    footer: dict[str, object] = {
        "run_key": run_key,
        "part": part,
        "epoch": 1,
        "rows": rows,
        "tally": said if isinstance(said, bytes) else msgspec.json.encode(said),
    }
    columns = [
        texts(rows) if text is None else text,
        infos(rows) if info is None else info,
    ]
    fields = [pa.field(name, column.type) for name, column in zip(names, columns, strict=False)]
    table = pa.Table.from_arrays(columns[: len(fields)], schema=pa.schema(fields))
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, table.schema, compression="zstd", **written) as writer:
        writer.write_table(table, row_group_size=row_group_size)
        footer |= {"sha256": sha256(sink.getvalue()).hexdigest(), "body_bytes": sink.tell()}
        footer |= metadata or {}
        encoded = {
            f"aimlapi.{name}": value if isinstance(value, bytes) else str(value)
            for name, value in footer.items()
            if value is not None
        }
        writer.add_key_value_metadata(encoded)
    return sink.getvalue()


def sealed_anew(part: bytes, before: bytes) -> bytes:
    """A changed part whose footer has the digest of its changed bytes, not of those before."""
    size = len(part) - footer_bytes(part)
    old, new = (sha256(data[:size]).hexdigest().encode() for data in (before, part))
    return part.replace(old, new)


def with_page_header(part: bytes, path: str, header: bytes) -> bytes:
    """A part in which the first page of a column begins with this header, whatever follows."""
    group = pq.read_metadata(pa.BufferReader(part)).row_group(0)
    columns = map(group.column, range(group.num_columns))
    column = next(column for column in columns if column.path_in_schema == path)
    start = column.dictionary_page_offset or column.data_page_offset
    return sealed_anew(part[:start] + header + part[start + len(header) :], part)


def page_header(uncompressed: int, compressed: int, values: int) -> bytes:
    """A data page's header, in Thrift's compact encoding."""
    data_page = b"".join(b"\x15" + signed(number) for number in (values, 0, 3, 3)) + b"\x00"
    numbers = b"".join(b"\x15" + signed(number) for number in (0, uncompressed, compressed))
    return numbers + b"\x2c" + data_page + b"\x00"


def footer_bomb(structs: int, *, in_schema: bool) -> bytes:
    """A Parquet file that is nothing but a footer of many tiny structs."""
    if in_schema:
        column = b"\x15\x02\x25\x02\x18\x00\x00"
        schema = _list(
            column * structs, structs + 1, before=b"\x48\x01s\x15" + signed(structs) + b"\x00"
        )
        groups = _list(b"", 0)
    else:
        root = b"\x48\x01s\x15\x02\x00"
        schema = _list(root + b"\x15\x02\x25\x02\x18\x01a\x00", 2)
        chunks = _list(b"\x26\x08\x00" * structs, structs)
        groups = _list(b"\x19" + chunks + b"\x16\x00\x16\x00\x00", 1)
    footer = b"\x15\x04\x19" + schema + b"\x16\x00\x19" + groups + b"\x00"
    return b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1"


def repeated(text_bytes: int) -> pa.Array:
    """One text for 8,192 rows, which takes memory once, here and in the file."""
    return pa.DictionaryArray.from_arrays(
        pa.array([0] * 8192, pa.int32()), pa.array(["x" * text_bytes], pa.string())
    )


def explode_all() -> None:
    """Read bombs one after another; print why each was refused, and by how much memory grew."""
    shard = Shard(part=2, file=0, first_row=0, rows=8192, visible_name="a-00002.parquet")
    bombs = [
        footer_bomb(5_000_000, in_schema=False),
        footer_bomb(2_000_000, in_schema=True),
        planted_part(8192, run_key=RUN_KEY, part=2, text=repeated(2**20), store_schema=False),
        footer_bomb(399_000, in_schema=False),
    ]
    for data in bombs:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            entry = read_staged_part(
                data,
                run_key=RUN_KEY,
                shard=shard,
                staged_name="it",
                outcome_columns=OutcomeColumns("completion"),
            ).entry
            rejected_rows(data, entry, outcome_columns=OutcomeColumns("completion"))
            part_outcomes(data, entry, outcome_columns=OutcomeColumns("completion"))
        except JournalUnreadable as error:
            grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            sys.stdout.write(f"{grown_kb // 1024} MB: {error}\n")


def signed(number: int) -> bytes:
    """A number in zigzag form, seven bits a byte."""
    return unsigned((number << 1) ^ (number >> 63))


def unsigned(number: int) -> bytes:
    """A number, seven bits a byte."""
    pieces = []
    while True:
        pieces.append(number & 127 | (128 if number > 127 else 0))
        number >>= 7
        if not number:
            return bytes(pieces)


def _list(elements: bytes, size: int, *, before: bytes = b"") -> bytes:
    return b"\xfc" + unsigned(size) + before + elements
