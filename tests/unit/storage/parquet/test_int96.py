"""INT96 comes out as microseconds that mean the same, or is refused by its column's name."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import fsspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.calls.completion import skipped_outcome
from airflow_provider_aimlapi.core.durable.plan import plan_shards
from airflow_provider_aimlapi.errors import InputUnreadable
from airflow_provider_aimlapi.storage.input.dataset import DataSet, open_data_set
from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns
from airflow_provider_aimlapi.storage.parts.part_writer import encode_part
from tests.fakes.footers import int96, int96_array, int96_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EPOCH_DAY = 2_440_588
DAY_NS = 86_400 * 10**9
US_PER_DAY = 86_400 * 10**6
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  it has no zone


def of_datetime(moment: datetime) -> bytes:
    since = moment - EPOCH
    return int96(
        EPOCH_DAY + since.days, (since - timedelta(since.days)) // timedelta(0, 0, 1) * 1000
    )


def opened(content: bytes) -> DataSet:
    fs = fsspec.filesystem("memory", global_store=False, skip_instance_cache=True)
    fs.pipe_file("/in/a.parquet", content)
    return open_data_set(fs, "memory://in")


def column(data_set: DataSet, name: str = "at") -> list[Any]:
    batches = [b for shard in plan_shards(data_set.files) for b in data_set.read_tables(shard)]
    return pa.Table.from_batches(batches).column(name).cast(pa.int64()).to_pylist()  # type: ignore[no-any-return]


def check(data_set: DataSet) -> None:
    data_set.check_values(plan_shards(data_set.files))


def spark_of(moment_us: int) -> bytes:
    """How Spark's writer makes an INT96, overflow of its 64 bits and all."""
    julian_us = (moment_us + EPOCH_DAY * US_PER_DAY + 2**63) % 2**64 - 2**63
    day = abs(julian_us) // US_PER_DAY * (1 if julian_us >= 0 else -1)  # towards zero
    return int96(day, (julian_us - day * US_PER_DAY) * 1000)


@given(moments=st.lists(st.none() | st.datetimes(), min_size=1, max_size=20))
def test_any_calendar_time_reads_back_as_written(moments: list[datetime | None]) -> None:
    stored = int96_array([None if at is None else of_datetime(at) for at in moments])
    data_set = opened(int96_file({"at": stored}))
    check(data_set)
    expected = [None if at is None else (at - EPOCH) // timedelta(0, 0, 1) for at in moments]
    assert data_set.schema.field("at").type == pa.timestamp("us")
    assert column(data_set) == expected


@given(moments=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
def test_any_spark_time_reads_back_as_written(moments: list[int]) -> None:
    data_set = opened(int96_file({"at": int96_array([spark_of(at) for at in moments])}))
    check(data_set)
    assert column(data_set) == moments


@given(
    pairs=st.lists(
        st.tuples(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)),
        min_size=1,
        max_size=5,
    )
)
def test_any_twelve_bytes_are_exact_or_refused(pairs: list[tuple[int, int]]) -> None:
    exact = [(day - EPOCH_DAY) * US_PER_DAY + ns // 1000 for day, ns in pairs]
    is_whole = all(ns % 1000 == 0 for _, ns in pairs)
    lowest = -(2**63) - EPOCH_DAY * US_PER_DAY  # where Spark's own overflow ends
    data_set = opened(int96_file({"at": int96_array([int96(*pair) for pair in pairs])}))
    if is_whole and all(lowest <= us < 2**63 for us in exact):
        check(data_set)
        assert column(data_set) == [us + 2**64 if us < -(2**63) else us for us in exact]
    else:
        with pytest.raises(InputUnreadable, match=r"Column 'at' of .*a\.parquet is INT96"):
            check(data_set)


@pytest.mark.parametrize("nanoseconds", [1, 999, 1001, DAY_NS - 1])
def test_a_time_between_two_microseconds_is_refused_by_name(nanoseconds: int) -> None:
    values = [int96(EPOCH_DAY, 0), int96(EPOCH_DAY, nanoseconds)]
    data_set = opened(int96_file({"body": pa.array(["a", "b"]), "at": int96_array(values)}))
    with pytest.raises(InputUnreadable, match=r"rounded.*Column 'at'.*between two microseconds"):
        check(data_set)


SHAPES: dict[str, tuple[Any, pa.DataType, pa.DataType]] = {
    "in a struct": (
        lambda v: [{"n": 1, "at": v[0]}, None, {"n": None, "at": None}, {"n": 2, "at": v[1]}],
        pa.struct([("n", pa.int8()), ("at", pa.binary(12))]),
        pa.struct([("n", pa.int8()), ("at", pa.timestamp("us"))]),
    ),
    "in a list": (
        lambda v: [[v[0], None], None, [], [v[1]]],
        pa.list_(pa.binary(12)),
        pa.list_(pa.timestamp("us")),
    ),
    "in a map": (
        lambda v: [[("k", v[0])], None, [], [("l", None), ("m", v[1])]],
        pa.map_(pa.string(), pa.binary(12)),
        pa.map_(pa.string(), pa.timestamp("us")),
    ),
    "deep inside": (
        lambda v: [[{"m": [("k", [v[0]])]}], None, [None], [{"m": []}, {"m": [("l", [v[1]])]}]],
        pa.list_(pa.struct([("m", pa.map_(pa.string(), pa.list_(pa.binary(12))))])),
        pa.list_(pa.struct([("m", pa.map_(pa.string(), pa.list_(pa.timestamp("us"))))])),
    ),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_a_nested_one_is_read_and_refused_alike(shape: tuple[Any, Any, Any]) -> None:
    make, stored, read = shape
    moments = [datetime(9999, 12, 31), datetime(1, 1, 1)]  # noqa: DTZ001
    cells = make([of_datetime(at) for at in moments])
    data_set = opened(int96_file({"x": pa.array(cells, stored)}))
    check(data_set)
    (shard,) = plan_shards(data_set.files)
    found = pa.Table.from_batches(list(data_set.read_tables(shard))).column("x")
    assert found.to_pylist() == pa.array(make(moments), read).to_pylist()
    broken = make([of_datetime(moments[0]), int96(0, 1)])
    with pytest.raises(InputUnreadable, match="Column 'x'"):
        check(opened(int96_file({"x": pa.array(broken, stored)})))


def test_only_the_rows_of_the_plan_are_looked_at() -> None:
    values = [int96(EPOCH_DAY, 0), int96(EPOCH_DAY, 1)]
    data_set = opened(int96_file({"at": int96_array(values)}, row_group_size=1))
    data_set.check_values(plan_shards(data_set.files, limit_rows=1))
    with pytest.raises(InputUnreadable, match="'at'"):
        check(data_set)


@pytest.mark.parametrize("options", [{"use_dictionary": False}, {"data_page_version": "2.0"}])
def test_every_way_of_storing_reads(options: dict[str, Any]) -> None:
    moments = [datetime(9999, 12, 31), datetime(1, 1, 1)] * 500  # noqa: DTZ001
    stored = int96_array([of_datetime(at) for at in moments])
    data_set = opened(int96_file({"at": stored}, row_group_size=300, **options))
    check(data_set)
    assert column(data_set) == [(at - EPOCH) // timedelta(0, 0, 1) for at in moments]


def test_prompt_and_part_hold_what_was_written(tmp_path: Path) -> None:
    moments = [datetime(9999, 12, 31), datetime(1, 1, 1), datetime(2024, 1, 1, 12, 34, 56, 123456)]  # noqa: DTZ001
    data_set = opened(int96_file({"at": int96_array([of_datetime(at) for at in moments])}))
    (shard,) = plan_shards(data_set.files)
    texts = [row for rows in data_set.read_rows(shard, ["at"]) for row in rows]
    assert texts == [(at.isoformat(),) for at in moments]
    part = part_of(data_set, moments)
    (tmp_path / "part.parquet").write_bytes(part)
    found = duckdb.read_parquet(str(tmp_path / "part.parquet")).project('"at"').fetchall()
    assert found == [(at,) for at in moments]
    leaf = pq.ParquetFile(io.BytesIO(part)).schema.column(0)
    assert (leaf.physical_type, "microseconds" in str(leaf.logical_type)) == ("INT64", True)


def part_of(data_set: DataSet, rows: Sequence[object]) -> bytes:
    (shard,) = plan_shards(data_set.files)
    outcomes = [skipped_outcome("null", row=row) for row in range(len(rows))]
    return encode_part(
        data_set,
        shard,
        outcomes,
        outcome_columns=OutcomeColumns("completion"),
        run_key="ab" * 16,
        epoch=1,
    )
