"""Of a remote file, planning fetches the footer: with one request, where that is enough."""

from __future__ import annotations

import io
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from airflow_provider_aimlapi.errors import InputUnreadable
from airflow_provider_aimlapi.storage.dataset import open_data_set
from airflow_provider_aimlapi.storage.parquet_files import FOOTER_BYTES


def parquet(rows: int, columns: int = 1, row_group_size: int | None = None) -> bytes:
    sink = io.BytesIO()
    table = pa.table({f"column-{number}": ["a text"] * rows for number in range(columns)})
    pq.write_table(table, sink, row_group_size=row_group_size)
    return sink.getvalue()


def counted(fs: Any, name: str) -> list[str]:
    """The requests that a file system makes, by their names."""
    requests: list[str] = []
    fs.s3.meta.events.register("before-call", lambda model, **_: requests.append(model.name), name)
    return requests


def test_a_footer_takes_one_request(s3_bucket: str) -> None:
    fs = fsspec.filesystem("s3")
    for number in range(3):
        fs.pipe_file(f"{s3_bucket}/{number}.parquet", parquet(rows=10 + number))
    requests = counted(fs, s3_bucket)
    data_set = open_data_set(fs, f"s3://{s3_bucket}/")
    fs.s3.meta.events.unregister("before-call", unique_id=s3_bucket)
    assert [file.rows for file in data_set.files] == [10, 11, 12]
    assert requests.count("GetObject") == 3
    assert "HeadObject" not in requests


def test_a_long_footer_is_read_whole(s3_bucket: str) -> None:
    content = parquet(rows=200, columns=20, row_group_size=1)
    fs = fsspec.filesystem("s3")
    fs.pipe_file(f"{s3_bucket}/long.parquet", content)
    assert pq.read_metadata(io.BytesIO(content)).serialized_size > FOOTER_BYTES
    (file,) = open_data_set(fs, f"s3://{s3_bucket}/").files
    assert (file.rows, len(file.row_groups)) == (200, 200)


@pytest.mark.parametrize("content", [b"", b"no parquet", b"PAR1" + b"x" * 100_000 + b"PAR1"])
def test_what_is_no_parquet_is_named(s3_bucket: str, content: bytes) -> None:
    fs = fsspec.filesystem("s3")
    fs.pipe_file(f"{s3_bucket}/bad.parquet", content)
    with pytest.raises(InputUnreadable, match=r"bad\.parquet does not read as a sound Parquet"):
        open_data_set(fs, f"s3://{s3_bucket}/")
