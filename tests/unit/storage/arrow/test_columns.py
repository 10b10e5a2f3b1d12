"""Columns made from bytes are those that pyarrow makes of the same values."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.storage.arrow.columns import number_column, string_column

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = st.text() | st.none()
INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.none()
MOMENTS = pa.timestamp("us", "UTC")


@given(st.lists(TEXTS, max_size=40))
def test_strings(texts: list[str | None]) -> None:
    column = string_column(texts)
    column.validate(full=True)
    assert column.equals(pa.array(texts, pa.string()))


@given(st.lists(INTEGERS, max_size=40), st.sampled_from([pa.int64(), MOMENTS]))
def test_whole_numbers_and_moments(numbers: list[int | None], kind: pa.DataType) -> None:
    column = number_column(numbers, kind)
    column.validate(full=True)
    assert column.equals(pa.array(numbers, kind))


@given(st.lists(st.floats(allow_nan=False) | st.none(), max_size=40))
def test_floating_numbers(numbers: list[float | None]) -> None:
    assert number_column(numbers, pa.float64()).equals(pa.array(numbers, pa.float64()))


def test_a_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(OverflowError):
        number_column([2**31], pa.int32())


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    assert string_column(["a\ud83d", "\ud83d\ude00", None]).to_pylist() == ["a�", "😀", None]


def test_more_bytes_than_an_array_can_hold_become_chunks() -> None:
    texts = ["12345", None, "123", "", "123456789", "end"]
    column = string_column(texts, bytes_max=8)
    assert isinstance(column, pa.ChunkedArray)
    assert column.to_pylist() == texts
    assert column.num_chunks == 4


def test_writing_parquet_loads_no_pandas(tmp_path: Path) -> None:
    program = f"""
import sys, fsspec, pyarrow as pa
from pyarrow import parquet as pq
from airflow_provider_aimlapi.core.calls.completion import skipped_outcome
from airflow_provider_aimlapi.core.durable.plan import plan_shards
from airflow_provider_aimlapi.storage.input.dataset import open_data_set
from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns
from airflow_provider_aimlapi.storage.parts.part_writer import encode_part
from airflow_provider_aimlapi.storage.arrow.columns import string_column
table = pa.Table.from_arrays([string_column(["a", None])], ["text"])
pq.write_table(table, r"{tmp_path}/a.parquet")
data = open_data_set(fsspec.filesystem("file"), r"{tmp_path}/a.parquet")
(shard,) = plan_shards(data.files)
assert [rows for rows in data.read_rows(shard, ("text",))] == [[("a",), (None,)]]
outcomes = [skipped_outcome("null", row=row) for row in range(2)]
encode_part(data, shard, outcomes, outcome_columns=OutcomeColumns("completion"), run_key="0" * 32, epoch=1)
assert "pandas" not in sys.modules
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
