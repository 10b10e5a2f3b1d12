"""Views of texts, which Arrow cannot write wherever they stand, come out as texts."""

from __future__ import annotations

import io
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.calls.completion import skipped_outcome
from airflow_provider_aimlapi.core.durable.plan import plan_shards
from airflow_provider_aimlapi.storage.input.dataset import open_data_set
from airflow_provider_aimlapi.storage.parquet.conversion import readable_schema
from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns
from airflow_provider_aimlapi.storage.parts.part_writer import encode_part

VIEWS = [pa.string_view(), pa.binary_view()]
TEXTS = ["a text that is longer than a view holds", None, "", "ä"]
SHAPES: dict[str, tuple[Any, Any]] = {
    "flat": (lambda cells: cells, lambda kind: kind),
    "in a struct": (
        lambda cells: [{"a": cells[0]}, None, {"a": cells[2]}, {"a": cells[3]}],
        lambda kind: pa.struct([("a", kind)]),
    ),
    "in a list": (lambda cells: [[cells[0]], None, [], cells[2:]], pa.list_),
    "in a large list": (lambda cells: [[cells[0]], None, [], cells[2:]], pa.large_list),
    "in a list view": (lambda cells: [[cells[0]], None, [], cells[2:]], pa.list_view),
    "in a list of two": (
        lambda cells: [cells[:2], None, cells[2:], cells[:2]],
        lambda kind: pa.list_(kind, 2),
    ),
    "in a map": (
        lambda cells: [[("k", cells[0])], None, [], [("l", cells[3])]],
        lambda kind: pa.map_(pa.string(), kind),
    ),
    "in a list of structs": (
        lambda cells: [[{"a": cells[0]}], None, [None], [{"a": cells[3]}, None]],
        lambda kind: pa.list_(pa.struct([("a", kind)])),
    ),
}


@pytest.mark.parametrize("view", VIEWS, ids=str)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("rows_max", [1, 3, 4])
def test_a_view_comes_out_as_what_it_shows(
    view: pa.DataType, shape: tuple[Any, Any], rows_max: int
) -> None:
    is_text = pa.types.is_string_view(view)
    cells = TEXTS if is_text else [None if one is None else one.encode() for one in TEXTS]
    make, kind_of = shape
    plain = kind_of(pa.string() if is_text else pa.binary())
    table = pa.table({"x": pa.array(make(cells), plain), "n": [1, 2, 3, 4]})
    views = table.schema.set(0, pa.field("x", kind_of(view)))
    found = rewritten_as(table, views, rows_max)
    assert found.column("x").to_pylist() == make(cells)
    assert found.column("n").to_pylist() == [1, 2, 3, 4]


def rewritten_as(table: pa.Table, schema: pa.Schema, rows_max: int) -> pa.Table:
    """A table's file whose Arrow schema says that its texts are views, as DataFusion writes it."""
    sink = io.BytesIO()
    pq.write_table(schema.empty_table(), sink)
    words = pq.read_metadata(io.BytesIO(sink.getvalue())).metadata[b"ARROW:schema"]
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, table.schema, store_schema=False) as writer:
        writer.add_key_value_metadata({"ARROW:schema": words})
        writer.write_table(table)
    fs = fsspec.filesystem("memory", global_store=False, skip_instance_cache=True)
    fs.pipe_file("/in/a.parquet", sink.getvalue())
    data_set = open_data_set(fs, "memory://in")
    assert "view" in str(pq.read_schema(io.BytesIO(sink.getvalue())).field("x").type)
    parts = [
        encode_part(
            data_set,
            shard,
            [skipped_outcome("null", row=row) for row in range(shard.rows)],
            outcome_columns=OutcomeColumns("completion"),
            run_key="ab" * 16,
            epoch=1,
        )
        for shard in plan_shards(data_set.files, rows_max=rows_max)
    ]
    return pa.concat_tables([pq.read_table(io.BytesIO(part)) for part in parts])


def test_a_schema_without_views_stays_as_it_is() -> None:
    schema = pa.schema(
        [("m", pa.map_(pa.string(), pa.int8(), keys_sorted=True)), ("l", pa.list_(pa.int8(), 2))],
        metadata={"k": "v"},
    )
    assert readable_schema(schema).equals(schema, check_metadata=True)
