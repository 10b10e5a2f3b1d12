"""A data set: many files that read as one table, or an error that names file and column."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import fsspec
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.durable.plan import plan_shards
from airflow_provider_aimlapi.core.prompts.template import RowTexts, UnreadableRow
from airflow_provider_aimlapi.errors import InputUnreadable, InvalidSpec
from airflow_provider_aimlapi.storage.input.dataset import DataSet, open_data_set

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MB = 1024 * 1024


def opened(folder: Path) -> DataSet:
    return open_data_set(fsspec.filesystem("file"), str(folder))


def texts(data_set: DataSet, *columns: str, limit_rows: int | None = None) -> list[RowTexts]:
    shards = plan_shards(data_set.files, limit_rows=limit_rows)
    return [row for shard in shards for rows in data_set.read_rows(shard, columns) for row in rows]


def put(folder: Path, name: str, table: pa.Table, **options: object) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
    return path


def test_rows_come_in_order_as_the_requested_columns_texts(tmp_path: Path) -> None:
    table = pa.table(
        {
            "n": [1, None, 3],
            "body": ["a", "b\x00{n}", None],
            "when": pa.array([datetime(2026, 1, 2, 3, 4, 5, 6, UTC)] * 3),
            "day": [date(2026, 1, 2)] * 3,
            "price": [Decimal("1.50")] * 3,
            "tags": [["x", "é"], [], None],
            "kind": pa.array(["k", None, "l"]).dictionary_encode(),
            "fine": pa.array([1, None, 2**60], pa.timestamp("ns")),
        }
    )
    put(tmp_path, "a.parquet", table)
    data_set = opened(tmp_path)
    assert texts(data_set, "body", "n") == [("a", "1"), ("b\x00{n}", None), (None, "3")]
    assert texts(data_set, "when", "day", "price")[0] == (
        "2026-01-02T03:04:05.000006+00:00",
        "2026-01-02",
        "1.50",
    )
    assert texts(data_set, "tags", "kind") == [('["x", "é"]', "k"), ("[]", None), (None, "l")]
    assert texts(data_set, "fine", "fine")[0] == ("1970-01-01T00:00:00.000000001",) * 2
    assert texts(data_set) == [()] * 3


def test_hive_keys_are_constants_of_a_file(tmp_path: Path) -> None:
    put(tmp_path, "ds=1/kind=a%20b/x.parquet", pa.table({"n": [1, 2]}))
    put(tmp_path, "ds=__HIVE_DEFAULT_PARTITION__/x.parquet", pa.table({"n": [3]}))
    data_set = opened(tmp_path)
    assert data_set.partition_names == ("ds", "kind")
    assert data_set.column_names == ("n",)
    assert texts(data_set, "kind", "n", "ds") == [
        ("a b", "1", "1"),
        ("a b", "2", "1"),
        (None, "3", None),
    ]
    assert texts(data_set, "ds") == [("1",), ("1",), (None,)]


def test_files_column_wins_over_its_hive_key(tmp_path: Path) -> None:
    put(tmp_path, "ds=1/x.parquet", pa.table({"ds": ["in the file"]}))
    data_set = opened(tmp_path)
    assert data_set.partition_names == ()
    assert texts(data_set, "ds") == [("in the file",)]


def test_schemas_are_unified_where_nothing_is_lost(tmp_path: Path) -> None:
    put(tmp_path, "a.parquet", pa.table({"n": pa.array([1], pa.int8()), "gone": ["g"]}))
    put(tmp_path, "b.parquet", pa.table({"new": [None], "n": pa.array([2**40])}))
    put(tmp_path, "c.parquet", pa.table({"new": [0.5], "n": pa.array([3], pa.int32())}))
    data_set = opened(tmp_path)
    assert data_set.schema == pa.schema(
        [("n", pa.int64()), ("gone", pa.string()), ("new", pa.float64())]
    )
    shards = plan_shards(data_set.files)
    batches = [batch for shard in shards for batch in data_set.read_tables(shard)]
    assert pa.Table.from_batches(batches).to_pydict() == {
        "n": [1, 2**40, 3],
        "gone": ["g", None, None],
        "new": [None, None, 0.5],
    }
    assert texts(data_set, "gone", "n", "new") == [
        ("g", "1", None),
        (None, str(2**40), None),
        (None, "3", "0.5"),
    ]


def test_schemas_that_clash_name_file_column_and_types(tmp_path: Path) -> None:
    put(tmp_path, "a.parquet", pa.table({"n": [1]}))
    put(tmp_path, "b.parquet", pa.table({"n": ["one"]}))
    with pytest.raises(InputUnreadable) as error:
        opened(tmp_path)
    for word in ("'n'", "int64", "string", "a.parquet", "b.parquet"):
        assert word in str(error.value)


def test_a_column_that_is_missing_somewhere_becomes_nullable(tmp_path: Path) -> None:
    strict = pa.schema([pa.field("n", pa.int64(), nullable=False)])
    put(tmp_path, "a.parquet", pa.table({"n": [1]}, schema=strict))
    put(tmp_path, "b.parquet", pa.table({"m": [1]}))
    data_set = opened(tmp_path)
    assert [field.nullable for field in data_set.schema] == [True, True]


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["n", "n"])
    put(tmp_path, "a.parquet", twice)
    with pytest.raises(InputUnreadable, match="both are named 'n'"):
        opened(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no parquet at all", b"PAR1" + bytes(200) + b"PAR1"])
def test_a_corrupt_footer_names_the_file(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, "a.parquet", pa.table({"n": [1]}))
    (tmp_path / "broken.parquet").write_bytes(content)
    with pytest.raises(InputUnreadable, match=r"broken\.parquet"):
        opened(tmp_path)


@pytest.mark.parametrize("compression", ["zstd", "none"])
def test_a_corrupt_page_names_the_file(tmp_path: Path, compression: str) -> None:
    table = pa.table({"body": [f"{n:060d}" for n in range(5000)]})
    path = put(
        tmp_path,
        "a.parquet",
        table,
        compression=compression,
        write_page_checksum=True,
        use_dictionary=False,
    )
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x01
    path.write_bytes(data)
    data_set = opened(tmp_path)
    with pytest.raises(InputUnreadable, match=r"a\.parquet"):
        texts(data_set, "body")


def test_file_changed_since_its_listing_is_not_read(tmp_path: Path) -> None:
    put(tmp_path, "a.parquet", pa.table({"n": [1]}))
    data_set = opened(tmp_path)
    put(tmp_path, "a.parquet", pa.table({"n": [1, 2]}))
    with pytest.raises(InputUnreadable, match=r"a\.parquet was changed"):
        texts(data_set, "n")
    (tmp_path / "a.parquet").unlink()
    with pytest.raises(InputUnreadable, match=r"a\.parquet does not exist"):
        texts(data_set, "n")


def test_object_changed_since_its_listing_is_not_read(s3_bucket: str) -> None:
    fs = fsspec.filesystem("s3")

    def store(numbers: Sequence[int]) -> None:
        sink = io.BytesIO()
        pq.write_table(pa.table({"n": numbers}), sink)
        fs.pipe_file(f"{s3_bucket}/a.parquet", sink.getvalue())

    store([1, 2])
    data_set = open_data_set(fs, f"s3://{s3_bucket}/")
    assert texts(data_set, "n") == [("1",), ("2",)]
    store([3, 4])
    with pytest.raises(InputUnreadable, match=r"a\.parquet was changed"):
        texts(data_set, "n")


def test_a_memory_file_system_reads_too() -> None:
    fs = fsspec.filesystem("memory", global_store=False, skip_instance_cache=True)
    sink = io.BytesIO()
    pq.write_table(pa.table({"n": [1, 2]}), sink)
    fs.pipe_file("/in/a.parquet", sink.getvalue())
    assert texts(open_data_set(fs, "memory://in"), "n") == [("1",), ("2",)]


def test_invalid_utf_8_makes_just_its_row_unreadable(tmp_path: Path) -> None:
    broken = pa.array([b"good", b"\xff\xfe", None, b"fine"]).view(pa.string())
    put(tmp_path, "a.parquet", pa.table({"body": broken, "n": [1, 2, 3, 4]}))
    assert texts(opened(tmp_path), "n", "body") == [
        ("1", "good"),
        UnreadableRow("column 'body' is not valid UTF-8"),
        ("3", None),
        ("4", "fine"),
    ]


@pytest.mark.parametrize(
    "kind",
    [
        pa.binary(),
        pa.large_binary(),
        pa.binary(4),
        pa.list_(pa.binary()),
        pa.struct([("x", pa.binary())]),
        pa.dictionary(pa.int32(), pa.binary()),
    ],
    ids=str,
)
def test_a_column_of_bytes_is_refused_in_a_prompt(tmp_path: Path, kind: pa.DataType) -> None:
    put(tmp_path, "a.parquet", pa.table({"n": [1], "blob": pa.nulls(1, kind)}))
    data_set = opened(tmp_path)
    data_set.check_promptable(["n"])
    with pytest.raises(InvalidSpec, match="'blob'"):
        data_set.check_promptable(["n", "blob"])


def test_existing_output_column_is_refused_with_the_argument(tmp_path: Path) -> None:
    put(tmp_path, "ds=1/a.parquet", pa.table({"completion": [1]}))
    data_set = opened(tmp_path)
    data_set.check_output_columns(["summary", "summary_info"])
    for name in ("completion", "ds"):
        with pytest.raises(InvalidSpec, match=rf"'{name}'.*output_column"):
            data_set.check_output_columns([name, f"{name}_info"])


def test_a_file_without_rows_and_empty_row_groups(tmp_path: Path) -> None:
    schema = pa.schema([("n", pa.int64())])
    put(tmp_path, "a.parquet", schema.empty_table())
    with pq.ParquetWriter(tmp_path / "b.parquet", schema) as writer:
        for numbers in ([1], [], [2, 3]):
            writer.write_table(pa.table({"n": numbers}, schema=schema))
    data_set = opened(tmp_path)
    assert [len(file.row_groups) for file in data_set.files][1] == 3
    assert [shard.rows for shard in plan_shards(data_set.files)] == [0, 3]
    assert texts(data_set, "n") == [("1",), ("2",), ("3",)]


def test_limit_rows_reads_the_first_rows(tmp_path: Path) -> None:
    put(tmp_path, "a.parquet", pa.table({"n": range(10)}), row_group_size=4)
    put(tmp_path, "b.parquet", pa.table({"n": range(10, 20)}))
    data_set = opened(tmp_path)
    expected = [(str(n),) for n in range(13)]
    assert texts(data_set, "n", limit_rows=13) == expected
    assert texts(data_set, "n", limit_rows=3) == expected[:3]


def test_columns_with_dots_and_nested_ones_are_told_apart(tmp_path: Path) -> None:
    table = pa.table({"a": [{"b": 1}], "a.b": ["dotted"], "ab": ["near"]})
    put(tmp_path, "x.parquet", table)
    assert texts(opened(tmp_path), "a.b", "a") == [("dotted", '{"b": 1}')]


def test_huge_row_group_reads_as_shards_in_flat_memory(tmp_path: Path) -> None:
    rows, shard_rows = 60_000, 5_000
    bodies = pa.array([f"{n:01000d}" for n in range(rows)])
    put(tmp_path, "a.parquet", pa.table({"body": bodies}), row_group_size=rows)
    del bodies
    data_set = opened(tmp_path)
    shards = plan_shards(data_set.files, rows_max=shard_rows)
    assert len(shards) == rows // shard_rows
    before = pa.total_allocated_bytes()
    most = 0
    for shard in reversed(shards):  # each must find its own place
        numbers = []
        for batch in data_set.read_rows(shard, ["body"]):
            most = max(most, pa.total_allocated_bytes() - before)
            numbers += [int(row[0]) for row in batch if isinstance(row, tuple) and row[0]]
        assert numbers == list(range(shard.first_row, shard.first_row + shard_rows))
    assert most < 20 * MB  # decoded, the row group takes 60 MB


def test_shard_goes_on_where_the_one_before_it_ended(tmp_path: Path) -> None:
    path = put(tmp_path, "a.parquet", pa.table({"n": range(2000)}))
    data_set = opened(tmp_path)
    first, second, third, *_ = plan_shards(data_set.files, rows_max=500)
    assert sum(len(rows) for rows in data_set.read_rows(first, ["n"])) == 500
    path.unlink()  # still open, so the next shard reads on; any other would open it anew
    assert next(data_set.read_rows(second, ["n"]))[0] == ("500",)
    with pytest.raises(InputUnreadable, match="does not exist"):
        next(data_set.read_rows(third, ["n"]))


def test_row_lists_are_bounded_by_number_and_size(tmp_path: Path) -> None:
    cells = ["x" * 5 * MB if n % 10 == 0 else "y" for n in range(40)]
    put(tmp_path, "a.parquet", pa.table({"body": cells}), use_dictionary=False)
    data_set = opened(tmp_path)
    (shard,) = plan_shards(data_set.files, bytes_max=1024 * MB)
    lists = list(data_set.read_rows(shard, ["body"]))
    assert [row for rows in lists for row in rows] == [(cell,) for cell in cells]
    assert all(sum(len(str(row)) for row in rows) < 15 * MB for rows in lists)
    assert [len(rows) for rows in data_set.read_rows(shard, [], batch_rows=16)] == [16, 16, 8]
