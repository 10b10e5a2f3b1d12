"""No file of rows is left out in silence: read by its first bytes, or named in the log."""

from __future__ import annotations

import io
import logging
import unicodedata
import uuid
from typing import TYPE_CHECKING

import fsspec
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from airflow_provider_aimlapi.errors import InputUnreadable
from airflow_provider_aimlapi.storage.input.dataset import open_data_set
from airflow_provider_aimlapi.storage.input.listing import list_inputs

if TYPE_CHECKING:
    from pathlib import Path

    from fsspec import AbstractFileSystem

PARQUET = [
    "20260101_120000_00001_abcde_1f0e3dad",  # Trino, Athena
    "ds=1/000000_0",  # Hive
    "part-0.snappy",
    "part-0.parquet.zstd",
    "PART-1.PARQUET",
    "part-2.parquet",
    "data.0.",  # Impala
]
OTHER = ["rows.json", "rows.csv", "notes", "half.gz", "PAR"]
HIDDEN = ["_SUCCESS", ".part-0.parquet.crc", "_metadata", "_committed_7", "_tmp/part-0.parquet"]
Lake = tuple["AbstractFileSystem", str]


def parquet(rows: int = 1) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"body": ["x"] * rows}), sink)
    return sink.getvalue()


@pytest.fixture(params=["local", "memory", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    match request.param:
        case "local":
            return fsspec.filesystem("file", auto_mkdir=True), f"{tmp_path}/lake"
        case "memory":
            return fsspec.filesystem("memory"), f"/{uuid.uuid4().hex}/lake"
        case _:
            return fsspec.filesystem("s3"), request.getfixturevalue("s3_bucket") + "/lake"


@pytest.fixture
def filled(lake: Lake) -> Lake:
    fs, root = lake
    for name in PARQUET:
        fs.pipe_file(f"{root}/{name}", parquet())
    for name in (*OTHER, *HIDDEN):
        fs.pipe_file(f"{root}/{name}", b"no Parquet at all"[: len(name)])
    fs.pipe_file(f"{root}/000001_0", b"")
    return fs, root


def names(fs: AbstractFileSystem, root: str, below: str = "") -> list[str]:
    return [file.path.partition("/lake/")[2] for file in list_inputs(fs, f"{root}/{below}")]


def test_files_that_begin_as_parquet_are_read(filled: Lake) -> None:
    fs, root = filled
    assert sorted(names(fs, root)) == sorted(PARQUET)
    assert sum(file.rows for file in open_data_set(fs, root).files) == len(PARQUET)


def test_files_left_out_are_named(filled: Lake, caplog: pytest.LogCaptureFixture) -> None:
    fs, root = filled
    with caplog.at_level(logging.WARNING):
        list_inputs(fs, root)
    (warning,) = [record.getMessage() for record in caplog.records if "left out" in record.msg]
    assert warning.startswith(f"{len(OTHER)} file(s)")
    assert all(name in warning for name in OTHER)
    assert not any(name in warning for name in (*PARQUET, *HIDDEN, "000001_0"))


def test_glob_reads_what_it_matches(filled: Lake) -> None:
    fs, root = filled
    assert names(fs, root, "*.snappy") == ["part-0.snappy"]
    assert names(fs, root, "20260101_*") == [PARQUET[0]]
    assert names(fs, root, "ds=*") == ["ds=1/000000_0"]
    assert names(fs, root, "rows.*") == ["rows.csv", "rows.json"]
    assert names(fs, root, "_tmp/*") == ["_tmp/part-0.parquet"]
    assert not set(HIDDEN) & set(names(fs, root, "*"))


def test_matched_file_that_is_no_parquet_is_an_error(filled: Lake) -> None:
    fs, root = filled
    with pytest.raises(InputUnreadable, match=r"rows\.csv"):
        open_data_set(fs, f"{root}/rows.c*")


@pytest.mark.parametrize("name", ["table.parquet", "ds=1", "table.parquet_$folder$"])
def test_marker_named_like_a_file_is_no_file(s3_bucket: str, name: str) -> None:
    fs, root = fsspec.filesystem("s3"), f"{s3_bucket}/lake"
    fs.pipe_file(f"{root}/{name}", b"")
    fs.pipe_file(f"{root}/{name.removesuffix('_$folder$')}/part-0.parquet", parquet())
    inside = f"{name.removesuffix('_$folder$')}/part-0.parquet"
    assert names(fs, root) == [inside]
    assert names(fs, root, name.removesuffix("_$folder$")) == [inside]


def test_name_in_other_characters_is_pointed_out(lake: Lake) -> None:
    fs, root = lake
    fs.pipe_file(f"{root}/{unicodedata.normalize('NFD', 'été')}/a.parquet", parquet())
    with pytest.raises(InputUnreadable, match=r"has other characters: .*e\\u0301t"):
        list_inputs(fs, f"{root}/{unicodedata.normalize('NFC', 'été')}/")


def test_table_is_refused_before_it_is_read(lake: Lake) -> None:
    fs, root = lake
    fs.pipe_file(f"{root}/_delta_log/0.json", b"{}")
    fs.pipe_file(f"{root}/ds=1/part-0.parquet", parquet())
    for below in ("", "*.parquet", "ds=1/", "ds=1/part-0.parquet", "*/*.parquet"):
        with pytest.raises(InputUnreadable, match="Delta Lake"):
            list_inputs(fs, f"{root}/{below}")
