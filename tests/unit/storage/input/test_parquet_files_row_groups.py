"""A small row group of a remote file takes a few requests, however many columns it has."""

from __future__ import annotations

import io
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.durable.plan import plan_shards
from airflow_provider_aimlapi.storage.input import parquet_files
from airflow_provider_aimlapi.storage.input.dataset import open_data_set

ROWS = 300


def wide_parquet(columns: int) -> bytes:
    sink = io.BytesIO()
    table = pa.table({f"c{number}": pa.array(range(ROWS)) for number in range(columns)})
    pq.write_table(table, sink)
    return sink.getvalue()


def requests_of_reading(bucket: str, columns: int) -> int:
    """Read a file of one row group; return how many requests its rows took."""
    fs: Any = fsspec.filesystem("s3", skip_instance_cache=True)
    fs.pipe_file(f"{bucket}/{columns}.parquet", wide_parquet(columns))
    data_set = open_data_set(fs, f"s3://{bucket}/{columns}.parquet")
    (shard,) = plan_shards(data_set.files)
    asked: list[str] = []
    fs.s3.meta.events.register("before-call", lambda model, **_: asked.append(model.name))
    rows = [texts for batch in data_set.checked_rows(shard, ["c1"]) for texts in batch]
    assert rows == [(str(row),) for row in range(ROWS)]
    assert sum(batch.num_rows for batch in data_set.read_tables(shard)) == ROWS
    return len(asked)


def test_small_row_group_takes_few_requests(s3_bucket: str) -> None:
    assert requests_of_reading(s3_bucket, 500) <= 12
    assert requests_of_reading(s3_bucket, 5) <= 12


def test_large_row_group_takes_one_request_a_column(
    s3_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_files, "FETCHED_BYTES_MAX", 1000)
    assert 2 * 40 < requests_of_reading(s3_bucket, 40) < 2 * 40 + 12


@pytest.mark.parametrize(
    ("columns", "buffer_bytes"),
    [(1, 2 * 1024 * 1024), (32, 2 * 1024 * 1024), (400, 167_772), (100_000, 64 * 1024)],
)
def test_columns_share_what_is_read_ahead(
    monkeypatch: pytest.MonkeyPatch, columns: int, buffer_bytes: int
) -> None:
    opened: list[dict[str, Any]] = []
    monkeypatch.setattr(pq, "ParquetFile", lambda _, **options: opened.append(options))
    parquet_files._parquet_file(io.BytesIO(), columns=columns)
    assert opened[0]["buffer_size"] == buffer_bytes
