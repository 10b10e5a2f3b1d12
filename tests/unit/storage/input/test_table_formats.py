"""A table's folder is no plain Parquet: refused above, at and below the path, by the format's name."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import fsspec
import pytest

from airflow_provider_aimlapi.errors import InputUnreadable
from airflow_provider_aimlapi.storage.input.listing import list_inputs
from airflow_provider_aimlapi.storage.input.table_formats import check_no_table

if TYPE_CHECKING:
    from pathlib import Path

    from fsspec import AbstractFileSystem

UUID = "1f0e3dad-9908-4a2b-8f57-1f0e3dad9908"
TABLES = {
    "Delta Lake": ["_delta_log/00000000000000000000.json", "part-00000.snappy.parquet"],
    "Iceberg": [f"metadata/00001-{UUID}.metadata.json", "data/ds=1/a.parquet"],
    "Iceberg ": ["metadata/v3.metadata.json", "data/a.parquet"],
    "Iceberg  ": [f"metadata/00001-{UUID}.gz.metadata.json", "data/a.parquet"],
    "Iceberg table": ["metadata/version-hint.text", "data/a.parquet"],
    "Iceberg of an engine": [f"metadata/{UUID}-m0.avro", "data/a.parquet"],
    "Hudi": [".hoodie/hoodie.properties", "ds=1/a.parquet"],
    "Paimon": ["snapshot/LATEST", "bucket-0/a.parquet"],
    "Spark Structured Streaming": ["_spark_metadata/0", "part-0.parquet"],
    "transactional Hive": ["delta_0000001_0000001_0000/000000_0"],
    "transactional Hive ": ["ds=1/base_0000005/000000_0"],
    "DuckLake": [f"ducklake-{UUID}.parquet"],
}
PLAIN = [
    "metadata/readme.metadata.json",
    "metadata/a.parquet",
    "snapshot/a.parquet",
    "snapshot=1/a.parquet",
    "delta/a.parquet",
    "delta_2026/a.parquet",
    "x_delta_log/a.parquet",
    "_delta_log_old/a.parquet",
    "a.hoodie/a.parquet",
    "base_2026/a.parquet",
    "_committed_123",
    "ducklake.parquet",
]


@pytest.fixture(params=["local", "memory", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[AbstractFileSystem, str]:
    match request.param:
        case "local":
            return fsspec.filesystem("file", auto_mkdir=True), f"{tmp_path}/lake/table"
        case "memory":
            return fsspec.filesystem("memory"), f"/{uuid.uuid4().hex}/lake/table"
        case _:
            bucket = request.getfixturevalue("s3_bucket")
            return fsspec.filesystem("s3"), f"{bucket}/lake/table"


def check(fs: AbstractFileSystem, root: str) -> None:
    fs.invalidate_cache()
    check_no_table(fs, root, fs.find(root))


@pytest.mark.parametrize("name", TABLES)
def test_table_is_refused_wherever_the_path_points(
    lake: tuple[AbstractFileSystem, str], name: str
) -> None:
    fs, table = lake
    for path in TABLES[name]:
        fs.pipe_file(f"{table}/{path}", b"x")
    inside = TABLES[name][-1]
    folders = [inside.rpartition("/")[0], ""]
    paths = [table, table.rpartition("/")[0], f"{table}/{inside}"]
    paths += [f"{table}/{folder}" for folder in folders if folder]
    for path in paths:
        with pytest.raises(InputUnreadable) as caught:
            check(fs, path)
        assert name.partition(" of ")[0].strip() in str(caught.value)
        assert "as plain Parquet" in str(caught.value)
        assert str(caught.value).count(table) == 1


def test_copied_partition_of_a_hudi_table_is_refused(lake: tuple[AbstractFileSystem, str]) -> None:
    fs, table = lake
    for name in (".hoodie_partition_metadata", "a.parquet"):
        fs.pipe_file(f"{table}/ds=1/{name}", b"x")
    with pytest.raises(InputUnreadable, match="Hudi"):
        check(fs, table)


def test_log_of_a_table_is_refused(lake: tuple[AbstractFileSystem, str]) -> None:
    fs, table = lake
    fs.pipe_file(f"{table}/_delta_log/00000000000000000010.checkpoint.parquet", b"x")
    with pytest.raises(InputUnreadable, match="Delta Lake"):
        check(fs, f"{table}/_delta_log")


def test_plain_folder_is_accepted(lake: tuple[AbstractFileSystem, str]) -> None:
    fs, folder = lake
    for path in PLAIN:
        fs.pipe_file(f"{folder}/{path}", b"x")
    check(fs, folder)
    for path in PLAIN:
        check(fs, f"{folder}/{path}")


def test_neighbour_that_is_a_table_does_not_count(lake: tuple[AbstractFileSystem, str]) -> None:
    fs, table = lake
    fs.pipe_file(f"{table}/_delta_log/0.json", b"x")
    fs.pipe_file(f"{table}-copy/a.parquet", b"x")
    check(fs, f"{table}-copy")


@pytest.mark.parametrize("name", TABLES)
def test_glob_into_a_table_is_refused(lake: tuple[AbstractFileSystem, str], name: str) -> None:
    """The glob does not reach the table's own metadata."""
    fs, table = lake
    for path in TABLES[name]:
        fs.pipe_file(f"{table}/{path}", b"PAR1")
    folder, _, data = TABLES[name][-1].rpartition("/")
    above = table.rpartition("/")[0]
    for pattern in (f"t*/{folder}/*", f"*/{folder}/{data[0]}*"):
        with pytest.raises(InputUnreadable, match="as plain Parquet"):
            list_inputs(fs, f"{above}/{pattern.replace('//', '/')}")


@pytest.mark.parametrize("path", ["[a-s]*/*.parquet", "sales/", ""])
def test_table_that_is_not_read_does_not_count(
    lake: tuple[AbstractFileSystem, str], path: str
) -> None:
    """It is a neighbour that no glob matches, or lies in a hidden folder."""
    fs, table = lake
    above = table.rpartition("/")[0]
    other = f"{above}/.trash/table" if not path else table
    for name in ("_delta_log/0.json", "a.parquet"):
        fs.pipe_file(f"{other}/{name}", b"PAR1")
    fs.pipe_file(f"{above}/sales/b.parquet", b"PAR1")
    (found,) = list_inputs(fs, f"{above}/{path}")
    assert found.uri.endswith("/sales/b.parquet")
