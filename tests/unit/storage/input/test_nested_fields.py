"""Values inside of nested columns, from Arrow and from Parquet, compared with Python's own."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import fsspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.durable.plan import plan_shards
from airflow_provider_aimlapi.core.prompts.field_paths import FieldPath
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.storage.input.dataset import open_data_set
from airflow_provider_aimlapi.storage.input.nested_fields import leaves_at, values_at
from airflow_provider_aimlapi.storage.input.parquet_files import open_parquet

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_aimlapi.core.prompts.template import RowTexts
    from airflow_provider_aimlapi.storage.input.dataset import DataSet

LINE = pa.struct({"sku": pa.string(), "amounts": pa.list_(pa.int64())})
ROW = pa.struct(
    {"plan": pa.string(), "lines": pa.list_(LINE), "last": pa.struct({"n": pa.int64()})}
)
PATHS: list[tuple[str | int, ...]] = [
    ("plan",),
    ("lines",),
    ("lines", 0),
    ("lines", 1, "sku"),
    ("lines", 0, "amounts", 2),
    ("last", "n"),
    ("last", "missing"),
]
ROWS: list[Any] = [
    {
        "plan": "pro",
        "lines": [{"sku": "a", "amounts": [1, 2, 3]}, {"sku": "b", "amounts": None}],
        "last": {"n": 7},
    },
    {"plan": None, "lines": [None, {"sku": "c", "amounts": []}], "last": None},
    {"plan": "free", "lines": [], "last": {"n": None}},
    None,
    {"plan": "x", "lines": None, "last": {"n": 1}},
]


def walk(value: Any, steps: tuple[str | int, ...]) -> Any:
    """Return what a path leads to in Python's values."""
    for step in steps:
        if value is None:
            return None
        if isinstance(step, int):
            value = value[step] if step < len(value) else None
        else:
            value = value.get(step)
    return value


lines = st.none() | st.fixed_dictionaries(
    {
        "sku": st.none() | st.text(max_size=3),
        "amounts": st.none() | st.lists(st.none() | st.integers(0, 9), max_size=4),
    }
)
rows = st.none() | st.fixed_dictionaries(
    {
        "plan": st.none() | st.text(max_size=3),
        "lines": st.none() | st.lists(lines, max_size=3),
        "last": st.none() | st.fixed_dictionaries({"n": st.none() | st.integers(0, 9)}),
    }
)


@given(values=st.lists(rows, max_size=12), cut=st.integers(0, 4))
def test_arrays_hold_what_python_finds(values: list[Any], cut: int) -> None:
    """Also in a slice, whose offsets do not begin at 0."""
    array = pa.array(values, ROW).slice(cut)
    for path in PATHS:
        assert values_at(array, path).to_pylist() == [walk(value, path) for value in values[cut:]]


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.string()),
        pa.large_list(pa.string()),
        pa.list_(pa.string(), 2),
        pa.list_view(pa.string()),
        pa.large_list_view(pa.string()),
    ],
)
def test_each_kind_of_list_has_numbered_items(kind: pa.DataType) -> None:
    array = pa.array([["z", "z"], ["a", "b"], None, ["c", None]], kind).slice(1)
    assert values_at(array, (0,)).to_pylist() == ["a", None, "c"]
    assert values_at(array, (1,)).to_pylist() == ["b", None, None]
    assert values_at(array, (2,)).to_pylist() == [None, None, None]


def put(folder: Path, table: pa.Table, name: str = "a.parquet", **options: Any) -> DataSet:
    pq.write_table(table, folder / name, **options)
    return open_data_set(fsspec.filesystem("file"), str(folder))


def texts(data_set: DataSet, *names: str) -> list[RowTexts]:
    """Return the rows as an estimate reads them, which must be what a run reads."""
    shards = plan_shards(data_set.files, limit_rows=None)
    found = [row for shard in shards for part in data_set.read_rows(shard, names) for row in part]
    checked = [
        row for shard in shards for part in data_set.checked_rows(shard, names) for row in part
    ]
    assert found == checked
    return found


NAMES = ("row.plan", "row.lines[0].sku", "row.lines[1]", "row.last.n", "n")


def test_paths_are_read_from_parquet_as_texts(tmp_path: Path) -> None:
    table = pa.table({"n": list(range(5)), "row": pa.array(ROWS, ROW)})
    found = texts(put(tmp_path, table, row_group_size=2), *NAMES)
    assert found == [
        ("pro", "a", '{"sku": "b", "amounts": null}', "7", "0"),
        (None, None, '{"sku": "c", "amounts": []}', None, "1"),
        ("free", None, None, None, "2"),
        (None, None, None, None, "3"),
        ("x", None, None, "1", "4"),
    ]


def test_a_file_without_a_field_has_nulls(tmp_path: Path) -> None:
    put(tmp_path, pa.table({"row": pa.array([{"plan": "pro"}], pa.struct({"plan": pa.string()}))}))
    data_set = put(
        tmp_path,
        pa.table({"row": pa.array([{"size": 1}], pa.struct({"size": pa.int64()}))}),
        "b.parquet",
    )
    assert texts(data_set, "row.plan", "row.size") == [("pro", None), (None, "1")]


def test_a_column_named_like_a_path_wins(tmp_path: Path) -> None:
    table = pa.table(
        {
            "row": pa.array([{"plan": "inner", "other": "o"}]),
            "row.plan": ["outer"],
        }
    )
    assert texts(put(tmp_path, table), "row.plan", "row.other") == [("outer", "o")]


def test_only_the_needed_values_are_decoded(tmp_path: Path) -> None:
    data_set = put(tmp_path, pa.table({"n": list(range(5)), "row": pa.array(ROWS, ROW)}))
    opened = open_parquet(fsspec.filesystem("file"), data_set.files[0])
    paths = (FieldPath("row", ("lines", 0, "sku")), FieldPath("n"), FieldPath("row", ("last", "n")))
    assert opened.names_of(paths) == ("row.lines.list.element.sku", "n", "row.last.n")
    (batch,) = opened.read_batches(0, opened.names_of(paths), 10)
    assert str(batch.schema.field("row").type) == (
        "struct<lines: list<item: struct<sku: string>>, last: struct<n: int64>>"
    )
    assert leaves_at(opened.schema, FieldPath("row", ("lines",))) == range(2, 4)
    assert leaves_at(opened.schema, FieldPath("row", ("no",))) is None


def test_bytes_at_the_end_of_a_path_are_refused(tmp_path: Path) -> None:
    table = pa.table({"row": pa.array([{"plan": "pro", "raw": b"\xff"}])})
    data_set = put(tmp_path, table)
    data_set.check_promptable(["row.plan"])
    with pytest.raises(InvalidSpec, match=r"Column 'row\.raw' is binary"):
        data_set.check_promptable(["row.raw"])


def test_wrong_utf8_names_the_path(tmp_path: Path) -> None:
    struct = pa.StructArray.from_arrays(
        [
            pa.Array.from_buffers(
                pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")]
            )
        ],
        ["plan"],
    )
    sink = io.BytesIO()
    pq.write_table(pa.table({"row": struct}), sink)
    (tmp_path / "a.parquet").write_bytes(sink.getvalue())
    data_set = open_data_set(fsspec.filesystem("file"), str(tmp_path))
    (row,) = texts(data_set, "row.plan")
    assert "column 'row.plan' is not valid UTF-8" in str(row)
