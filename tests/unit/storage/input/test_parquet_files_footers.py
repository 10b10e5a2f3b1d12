"""Of a remote file, planning fetches the footer: with one request, where that is enough."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import fsspec
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from airflow_provider_aimlapi.errors import InputUnreadable
from airflow_provider_aimlapi.storage.input.dataset import open_data_set
from airflow_provider_aimlapi.storage.input.parquet_files import FOOTER_BYTES
from tests.fakes.scripted_s3 import ScriptedS3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.s3_server import S3Server


def parquet(rows: int, columns: int = 1, row_group_size: int | None = None) -> bytes:
    sink = io.BytesIO()
    table = pa.table({f"column-{number}": ["a text"] * rows for number in range(columns)})
    pq.write_table(table, sink, row_group_size=row_group_size)
    return sink.getvalue()


@pytest.fixture(params=[{}, {"s3": {"addressing_style": "path"}}], ids=["obstore", "s3fs"])
def recorded(
    request: pytest.FixtureRequest, s3_server: S3Server
) -> Iterator[tuple[Any, list[str]]]:
    """A file system, and the methods of the requests that its server sees; read in both ways."""
    with ScriptedS3(s3_server.url) as s3:
        yield (
            fsspec.filesystem(
                "s3", endpoint_url=s3.url, config_kwargs=request.param, skip_instance_cache=True
            ),
            s3.requests,
        )


def test_a_footer_takes_one_request(s3_bucket: str, recorded: tuple[Any, list[str]]) -> None:
    fs, requests = recorded
    for number in range(3):
        fs.pipe_file(f"{s3_bucket}/{number}.parquet", parquet(rows=10 + number))
    del requests[:]
    data_set = open_data_set(fs, f"s3://{s3_bucket}/")
    assert [file.rows for file in data_set.files] == [10, 11, 12]
    assert requests == ["GET"] * 4  # one of them lists


def test_a_long_footer_is_read_whole(s3_bucket: str, recorded: tuple[Any, list[str]]) -> None:
    content = parquet(rows=200, columns=20, row_group_size=1)
    fs, _ = recorded
    fs.pipe_file(f"{s3_bucket}/long.parquet", content)
    assert pq.read_metadata(io.BytesIO(content)).serialized_size > FOOTER_BYTES
    (file,) = open_data_set(fs, f"s3://{s3_bucket}/").files
    assert (file.rows, len(file.row_groups)) == (200, 200)


@pytest.mark.parametrize("content", [b"", b"no parquet", b"PAR1" + b"x" * 100_000 + b"PAR1"])
def test_what_is_no_parquet_is_named(
    s3_bucket: str, recorded: tuple[Any, list[str]], content: bytes
) -> None:
    fs, _ = recorded
    fs.pipe_file(f"{s3_bucket}/bad.parquet", content)
    with pytest.raises(InputUnreadable, match=r"bad\.parquet is not a valid Parquet"):
        open_data_set(fs, f"s3://{s3_bucket}/")
