"""Files that read as one table, or an error that shows in what they differ; before any call."""

from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

import fsspec
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.durable.plan import plan_shards
from airflow_provider_aimlapi.errors import InputUnreadable, InvalidSpec
from airflow_provider_aimlapi.storage.input.dataset import DataSet, open_data_set

if TYPE_CHECKING:
    from collections.abc import Sequence

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


def opened(*tables: pa.Table, folders: Sequence[str] = ()) -> DataSet:
    fs = fsspec.filesystem("memory", global_store=False, skip_instance_cache=True)
    for number, table in enumerate(tables):
        sink = io.BytesIO()
        pq.write_table(table, sink)
        folder = folders[number] if folders else ""
        fs.pipe_file(f"/in/{folder}{number}.parquet", sink.getvalue())
    data_set = open_data_set(fs, "memory://in")
    data_set.check_values(plan_shards(data_set.files))
    return data_set


def read(data_set: DataSet) -> pa.Table:
    shards = plan_shards(data_set.files)
    batches = [batch for shard in shards for batch in data_set.read_tables(shard)]
    return pa.Table.from_batches(batches, data_set.schema)


def column(name: str) -> pa.Table:
    return pa.table({name: ["text"]})


CONFUSED = [
    ("Body", "body", "'Body' and 'body' differ only in case"),
    (COMPOSED, DECOMPOSED, r"'caf\xe9' and 'cafe\u0301' look the same"),
    ("\ufeffbody", "body", r"'\ufeffbody' and 'body' differ in a byte order mark"),
]


@pytest.mark.parametrize(("one", "other", "words"), CONFUSED)
def test_two_spellings_of_a_column_are_refused(one: str, other: str, words: str) -> None:
    with pytest.raises(InputUnreadable) as error:
        opened(column(one), column(other))
    assert words in str(error.value)
    assert "0.parquet and in " in str(error.value)
    assert "1.parquet" in str(error.value)


@pytest.mark.parametrize(("one", "other", "words"), CONFUSED)
def test_two_spellings_in_one_file_are_refused(one: str, other: str, words: str) -> None:
    with pytest.raises(InputUnreadable) as error:
        opened(pa.table({one: [1], other: [2]}))
    assert words in str(error.value)
    assert "0.parquet" in str(error.value)


def struct(*names: str) -> pa.Table:
    values = [pa.array([number]) for number, _ in enumerate(names)]
    return pa.table({"s": pa.StructArray.from_arrays(values, names=list(names))})


def wrapped(table: pa.Table) -> pa.Table:
    inner = table.column("s").combine_chunks()
    values = pa.StructArray.from_arrays([inner], names=["t"])
    return pa.table({"s": pa.ListArray.from_arrays([0, len(values)], values)})


@pytest.mark.parametrize(("one", "other", "words"), CONFUSED)
@pytest.mark.parametrize("is_deep", [False, True])
def test_two_spellings_of_a_field_are_refused(
    one: str, other: str, words: str, *, is_deep: bool
) -> None:
    """DuckDB renames the second one, and Spark reads neither."""
    wrap = wrapped if is_deep else lambda table: table
    for tables in ([struct(one), struct(other)], [struct(one, other)]):
        with pytest.raises(InputUnreadable) as error:
            opened(*map(wrap, tables))
        path = "s[].t" if is_deep else "s"
        assert f"Rename one of two fields of column '{path}'" in str(error.value)
        assert words in str(error.value)
        assert f"{len(tables) - 1}.parquet" in str(error.value)


def test_two_fields_of_one_name_are_refused() -> None:
    with pytest.raises(InputUnreadable, match="column 's': both are named 'a'"):
        opened(struct("a", "a"))


@pytest.mark.parametrize("name", ["Completion", "COMPLETION_INFO", "\ufeffcompletion"])
def test_output_column_like_an_existing_one_is_refused(name: str) -> None:
    data_set = opened(column(name))
    with pytest.raises(InvalidSpec, match="output_column"):
        data_set.check_output_columns(["completion", "completion_info"])
    data_set.check_output_columns(["summary", "summary_info"])


def test_output_column_like_a_hive_key_is_refused() -> None:
    data_set = opened(column("n"), folders=["Completion=1/"])
    with pytest.raises(InvalidSpec, match=r"'Completion'.*differ only in case"):
        data_set.check_output_columns(["completion", "completion_info"])


def test_two_spellings_of_a_hive_key_are_refused() -> None:
    with pytest.raises(InputUnreadable, match=r"'DS' and 'ds' differ only in case.*'ds='.*DS=1"):
        opened(column("n"), column("n"), folders=["DS=1/", "ds=2/"])


def test_hive_key_like_a_column_is_refused() -> None:
    with pytest.raises(InputUnreadable, match=r"'ds' and 'DS' differ only in case"):
        opened(column("ds"), folders=["DS=1/"])


def test_hive_key_named_like_other_files_column_is_refused() -> None:
    with pytest.raises(InputUnreadable, match=r"column 'ds' into all.* but in .*ds=2/1\.parquet"):
        opened(column("ds"), column("n"), folders=["ds=1/", "ds=2/"])


def test_hive_key_named_like_its_files_column_is_read() -> None:
    data_set = opened(column("ds"), column("ds"), folders=["ds=1/", "ds=2/"])
    assert data_set.partition_names == ()


def test_the_error_shows_the_innermost_difference() -> None:
    one = pa.table({"s": [{"a": {"b": 1}, "c": 2}]})
    other = pa.table({"s": [{"a": {"b": "text"}, "c": 2}]})
    with pytest.raises(InputUnreadable, match=r"'s\.a\.b' is string in .*but int64 in"):
        opened(one, other)


def test_structs_with_one_more_field_read_as_one() -> None:
    one = pa.table({"s": [{"a": 1}, None]})
    other = pa.table({"s": [{"b": "x", "a": 2}]})
    third = pa.table({"s": [{"a": 3, "b": None}]})
    assert read(opened(one, other, third)).to_pydict() == {
        "s": [{"a": 1, "b": None}, None, {"a": 2, "b": "x"}, {"a": 3, "b": None}]
    }


@pytest.mark.parametrize(
    ("whole", "is_read"),
    [([1, -1, None], True), ([2**53, -(2**53)], True), ([2**53 + 1], False), ([2**63 - 1], False)],
)
def test_whole_numbers_next_to_floats_are_exact_or_refused(
    whole: list[int | None], *, is_read: bool
) -> None:
    files = pa.table({"n": pa.array(whole, pa.int64())}), pa.table({"n": [0.5]})
    if is_read:
        assert read(opened(*files)).column("n").to_pylist() == [*whole, 0.5]
        return
    with pytest.raises(InputUnreadable, match=r"'n' is int64 in .*0\.parquet.*double") as error:
        opened(*files)
    assert str(whole[0]) not in str(error.value)


@pytest.mark.parametrize("unit", ["us", "ms", "s"])
def test_nanoseconds_next_to_others_are_exact_or_refused(unit: str) -> None:
    other = pa.table({"at": pa.array([0, 1], pa.timestamp(unit))})
    even = pa.table({"at": pa.array([1000, None], pa.timestamp("ns"))})
    odd = pa.table({"at": pa.array([1001], pa.timestamp("ns"))})
    assert read(opened(even, other)).schema.field("at").type == pa.timestamp("us")
    assert read(opened(even, other)).column("at")[0].as_py() == datetime(1970, 1, 1, 0, 0, 0, 1)  # noqa: DTZ001
    with pytest.raises(InputUnreadable, match=r"'at' is timestamp\[ns\] in .*1\.parquet"):
        opened(other, odd)


def test_nanoseconds_alone_stay_nanoseconds() -> None:
    table = pa.table({"at": pa.array([1], pa.timestamp("ns"))})
    assert read(opened(table, table)).schema.field("at").type == pa.timestamp("ns")


@pytest.mark.parametrize(
    ("wrap", "kind_of"),
    [
        (lambda at: {"at": at}, lambda kind: pa.struct([("at", kind)])),
        (lambda at: [at], pa.list_),
        (lambda at: [("k", at)], lambda kind: pa.map_(pa.string(), kind)),
    ],
    ids=["struct", "list", "map"],
)
def test_nested_values_are_looked_at_too(wrap: Any, kind_of: Any) -> None:
    def table(unit: str, number: int) -> pa.Table:
        return pa.table({"x": pa.array([wrap(number)], kind_of(pa.timestamp(unit)))})

    opened(table("us", 1), table("ns", 1000))
    with pytest.raises(InputUnreadable, match=r"column 'x.*' is timestamp\[ns\]"):
        opened(table("us", 1), table("ns", 1))


def test_time_that_finer_unit_does_not_reach_is_refused() -> None:
    far = pa.table({"at": pa.array([2**62], pa.timestamp("ms"))})
    near = pa.table({"at": pa.array([0], pa.timestamp("us"))})
    with pytest.raises(InputUnreadable, match="'at'"):
        opened(far, near)


@pytest.mark.parametrize(
    "name", ["+00:00", "-00:00", "+0000", "+00", "Etc/UTC", "utc", "Z", "Etc/Greenwich", "GMT-0"]
)
def test_utc_under_its_other_names_reads_as_one(name: str) -> None:
    one = pa.table({"at": pa.array([0], pa.timestamp("us", "UTC"))})
    other = pa.table({"at": pa.array([1], pa.timestamp("us", name))})
    table = read(opened(one, other))
    assert table.schema.field("at").type == pa.timestamp("us", "UTC")
    assert table.column("at").cast(pa.int64()).to_pylist() == [0, 1]


@pytest.mark.parametrize("name", ["+00:01", "+01:00", "Europe/London", "GMT+1", "UTC+3", "local"])
def test_zone_that_is_not_utc_is_another_type(name: str) -> None:
    one = pa.table({"at": pa.array([0], pa.timestamp("us", "UTC"))})
    other = pa.table({"at": pa.array([1], pa.timestamp("us", name))})
    with pytest.raises(InputUnreadable, match="'at' is timestamp"):
        opened(one, other)
