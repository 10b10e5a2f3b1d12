"""Whatever a table holds, its columns come out of a part as they went in."""

from __future__ import annotations

import io
import tempfile
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.calls.completion import skipped_outcome
from airflow_provider_aimlapi.core.durable.plan import plan_shards
from airflow_provider_aimlapi.storage.input.dataset import open_data_set
from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns
from airflow_provider_aimlapi.storage.parts.part_writer import encode_part

TEXTS = st.text(max_size=8)
MOMENTS = st.datetimes(datetime.fromisoformat("1900-01-01"), datetime.fromisoformat("2200-01-01"))
LEAVES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int8(), st.integers(-128, 127)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.float32(), st.floats(width=32, allow_nan=False)),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.bool_(), st.booleans()),
    (pa.string(), TEXTS),
    (pa.large_string(), TEXTS),
    (pa.binary(), st.binary(max_size=5)),
    (pa.large_binary(), st.binary(max_size=5)),
    (pa.binary(3), st.binary(min_size=3, max_size=3)),
    (pa.dictionary(pa.int32(), pa.string()), TEXTS),
    (pa.dictionary(pa.int8(), pa.string()), st.sampled_from(["a", "b"])),
    (pa.decimal128(9, 2), st.decimals(-9999, 9999, places=2)),
    (pa.decimal256(50, 4), st.decimals(-9999, 9999, places=4)),
    (pa.date32(), st.dates(date(1900, 1, 1), date(2200, 1, 1))),
    (pa.timestamp("us"), MOMENTS),
    (pa.timestamp("ns", "Europe/Berlin"), MOMENTS),
    (pa.timestamp("ms", "UTC"), MOMENTS.map(lambda at: at.replace(microsecond=0))),
    (pa.time64("us"), st.times()),
    (pa.duration("us"), st.timedeltas(timedelta(days=-9), timedelta(days=9))),
    (pa.null(), st.none()),
    (pa.float16(), st.floats(width=16, allow_nan=False)),
]


def nested(
    inner: st.SearchStrategy[tuple[pa.DataType, st.SearchStrategy[Any]]],
) -> st.SearchStrategy[tuple[pa.DataType, st.SearchStrategy[Any]]]:
    def lists(leaf: tuple[pa.DataType, st.SearchStrategy[Any]]) -> Any:
        cells = st.lists(st.none() | leaf[1], max_size=3)
        pair = st.lists(st.none() | leaf[1], min_size=2, max_size=2)
        return st.sampled_from(
            [
                (pa.list_(leaf[0]), cells),
                (pa.large_list(leaf[0]), cells),
                (pa.list_view(leaf[0]), cells),
                (pa.list_(leaf[0], 2), pair),
            ]
        )

    def struct(leaf: tuple[pa.DataType, st.SearchStrategy[Any]]) -> Any:
        cells = st.fixed_dictionaries({"x": st.none() | leaf[1], "y z": st.none() | TEXTS})
        return pa.struct([("x", leaf[0]), ("y z", pa.string())]), cells

    def mapping(leaf: tuple[pa.DataType, st.SearchStrategy[Any]]) -> Any:
        pairs = st.lists(st.tuples(TEXTS, st.none() | leaf[1]), max_size=2)
        return pa.map_(pa.string(), leaf[0]), pairs

    return st.one_of(inner.flatmap(lists), inner.map(struct), inner.map(mapping))


KINDS = st.recursive(st.sampled_from(LEAVES), nested, max_leaves=3)


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 12))
    kinds = draw(st.lists(KINDS, min_size=1, max_size=4))
    columns, fields = [], []
    for number, (kind, cells) in enumerate(kinds):
        is_nullable = draw(st.booleans()) or pa.types.is_null(kind)
        values = st.none() | cells if is_nullable else cells
        listed = draw(st.lists(values, min_size=rows, max_size=rows))
        columns.append(pa.array(listed, kind))
        fields.append(pa.field(f"c{number}", kind, nullable=is_nullable, metadata={"k": "v"}))
    metadata = draw(st.dictionaries(st.sampled_from(["note", "pandas2"]), TEXTS, max_size=2))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=metadata or None))


@given(table=tables(), group_rows=st.integers(1, 6), shard_rows=st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_parts_put_together_hold_what_the_file_held(
    table: pa.Table, group_rows: int, shard_rows: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.parquet"
        pq.write_table(table, path, row_group_size=group_rows)
        data_set = open_data_set(fsspec.filesystem("file"), folder)
        parts = [
            encode_part(
                data_set,
                shard,
                [skipped_outcome("null", row=row) for row in range(shard.rows)],
                outcome_columns=OutcomeColumns("completion"),
                run_key="0" * 32,
                epoch=1,
            )
            for shard in plan_shards(data_set.files, rows_max=shard_rows)
        ]
        expected = pq.read_table(path)
    read = [pq.read_table(io.BytesIO(part)) for part in parts]
    for part in read:
        for field in expected.schema:
            assert part.schema.field(field.name).equals(field, check_metadata=True)
        for key, value in (expected.schema.metadata or {}).items():
            assert part.schema.metadata[key] == value
    together = pa.concat_tables(part.select(expected.column_names) for part in read)
    assert together.to_pydict() == expected.to_pydict()


def test_an_exact_decimal_stays_exact() -> None:
    cell = Decimal("-12345678901234567890.1234")
    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(
            pa.table({"d": pa.array([cell], pa.decimal256(50, 4))}), Path(folder) / "in.parquet"
        )
        data_set = open_data_set(fsspec.filesystem("file"), folder)
        (shard,) = plan_shards(data_set.files)
        (batch,) = data_set.read_tables(shard)
        (row,) = next(data_set.read_rows(shard, ["d"]))
    assert batch.to_pydict() == {"d": [cell]}
    assert row == (str(cell),)
