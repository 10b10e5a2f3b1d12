"""Which files an input path means."""

from __future__ import annotations

import os
import threading
import uuid
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import fsspec
import pytest

from airflow_provider_aimlapi.errors import InputUnreadable, StoreUnavailable
from airflow_provider_aimlapi.storage.input.listing import list_inputs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fsspec import AbstractFileSystem

NAMES = (
    "b.parquet",
    "a.snappy.parquet",
    "UPPER.PARQ",
    "readme.txt",
    "_SUCCESS",
    "_aimlapi/0/parts/part-00000.parquet",
    ".tmp/c.parquet",
    "_hidden.parquet",
    "ds=2026-01-01/kind=a%2Fb/x.pq",
    "ds=__HIVE_DEFAULT_PARTITION__/x.pq",
)


@pytest.fixture(params=["local", "memory", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[AbstractFileSystem, str]:
    """A file system and a folder in it with the objects of NAMES."""
    root = f"/{uuid.uuid4().hex}/lake"
    match request.param:
        case "local":
            fs, root = fsspec.filesystem("file", auto_mkdir=True), f"{tmp_path}/lake"
        case "memory":
            fs = fsspec.filesystem("memory")
        case _:
            fs, root = fsspec.filesystem("s3"), request.getfixturevalue("s3_bucket") + "/lake"
    for name in NAMES:
        fs.pipe_file(f"{root}/{name}", b"x" * len(name))
    return fs, root


def test_a_folder_with_hive_folders(lake: tuple[AbstractFileSystem, str]) -> None:
    fs, root = lake
    files = list_inputs(fs, f"{root}/")
    assert [(file.folder, file.stem) for file in files] == [
        ("", "UPPER"),
        ("", "a.snappy"),
        ("", "b"),
        ("ds=2026-01-01/kind=a%2Fb/", "x"),
        ("ds=__HIVE_DEFAULT_PARTITION__/", "x"),
    ]
    assert [file.partition for file in files[2:]] == [
        (),
        (("ds", "2026-01-01"), ("kind", "a/b")),
        (("ds", None),),
    ]
    assert [file.size_bytes for file in files[1:3]] == [len("a.snappy.parquet"), len("b.parquet")]
    assert all(file.uri.partition("://")[2].endswith(file.path) for file in files)
    assert all(file.version and file.version != "None" for file in files)


def test_a_glob_begins_at_its_fixed_folder(lake: tuple[AbstractFileSystem, str]) -> None:
    fs, root = lake
    assert [file.stem for file in list_inputs(fs, f"{root}/*.parquet")] == ["a.snappy", "b"]
    (file,) = list_inputs(fs, f"{root}/ds=2026-*")
    assert (file.folder, file.partition[0]) == ("ds=2026-01-01/kind=a%2Fb/", ("ds", "2026-01-01"))
    assert len(list_inputs(fs, f"{root}/**/*.pq")) == 2


def test_one_file_is_read_whatever_its_name(lake: tuple[AbstractFileSystem, str]) -> None:
    fs, root = lake
    for name, stem in (("_hidden.parquet", "%5Fhidden"), ("readme.txt", "readme.txt")):
        (file,) = list_inputs(fs, f"{root}/{name}")
        assert (file.folder, file.stem) == ("", stem)
    assert len(list_inputs(fs, f"{root}/_aimlapi/0")) == 1


def test_hive_folder_with_underscore_is_data_as_in_spark(tmp_path: Path) -> None:
    fs = fsspec.filesystem("file", auto_mkdir=True)
    for name in ("_ds=1/x.parquet", "_tmp/x.parquet", ".ds=1/x.parquet", "ds=1/_x/y.parquet"):
        fs.pipe_file(f"{tmp_path}/{name}", b"PAR1")
    for path in ("", "/*", "/_ds=*", "/**/*.parquet"):
        (file,) = list_inputs(fs, f"{tmp_path}{path}")
        assert (file.folder, file.partition) == ("_ds=1/", (("_ds", "1"),))


def test_nothing_there_names_path_and_what_was_looked_for(
    lake: tuple[AbstractFileSystem, str],
) -> None:
    fs, root = lake
    for path in ("none", "*.csv", "non*/x"):
        with pytest.raises(InputUnreadable, match="o Parquet file") as error:
            list_inputs(fs, f"{root}/{path}")
        assert path in str(error.value)


def test_bucket_that_is_not_there_is_no_empty_folder(s3_server: object) -> None:
    with pytest.raises(InputUnreadable, match="s3://no-such-bucket-here"):
        list_inputs(fsspec.filesystem("s3"), "s3://no-such-bucket-here/x/")


def test_a_uri_holds_no_connection_id(s3_bucket: str) -> None:
    fs = fsspec.filesystem("s3")
    fs.pipe_file(f"{s3_bucket}/x@y/a.parquet", b"x")
    (file,) = list_inputs(fs, f"s3://aws_default@{s3_bucket}/x@y/")
    assert file.uri == f"s3://{s3_bucket}/x@y/a.parquet"


def test_a_version_changes_with_the_file(tmp_path: Path, s3_bucket: str) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"one")
    os.utime(path, ns=(1, 1))
    (before,) = list_inputs(fsspec.filesystem("file"), str(path))
    os.utime(path, ns=(2, 2))
    (after,) = list_inputs(fsspec.filesystem("file"), str(path))
    assert before.version != after.version

    s3 = fsspec.filesystem("s3")
    versions = set()
    for data in (b"one", b"two"):
        s3.pipe_file(f"{s3_bucket}/a.parquet", data)
        (in_folder,) = list_inputs(s3, f"s3://{s3_bucket}/")
        (alone,) = list_inputs(s3, f"s3://{s3_bucket}/a.parquet")
        assert in_folder.version == alone.version
        versions.add(alone.version)
    assert len(versions) == 2


def test_linked_folders_and_files_inside_the_input_are_followed(tmp_path: Path) -> None:
    real = tmp_path / "lake" / "_versions"
    real.mkdir(parents=True)
    (real / "a.parquet").write_bytes(b"x")
    lake = tmp_path / "lake"
    (lake / "ds=1").symlink_to("_versions")
    (lake / "b.parquet").symlink_to(real / "a.parquet")
    (tmp_path / "link").symlink_to(lake)
    files = list_inputs(fsspec.filesystem("file"), str(tmp_path / "link"))
    assert [(file.folder, file.stem) for file in files] == [("", "b"), ("ds=1/", "a")]
    assert [file.uri for file in files] == [
        f"file://{tmp_path}/link/b.parquet",
        f"file://{tmp_path}/link/ds=1/a.parquet",
    ]
    assert {file.path for file in files} == {str(real / "a.parquet")}


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A web server over `tmp_path`, which lists folders as pages."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_file_on_the_web_is_read_by_its_url(web: str, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"four")
    (file,) = list_inputs(fsspec.filesystem("http"), f"{web}/a.parquet")
    assert (file.uri, file.stem, file.size_bytes) == (f"{web}/a.parquet", "a", 4)


def test_missing_web_file_is_named_once_without_its_suffix(web: str) -> None:
    """Its suffix is not to blame."""
    with pytest.raises(InputUnreadable, match="does not exist") as error:
        list_inputs(fsspec.filesystem("http"), f"{web}/a.parquet")
    assert str(error.value).startswith(f"input_path: {web}/a.parquet ")
    assert "no input at" not in str(error.value)


def test_silent_web_server_is_worth_another_try() -> None:
    url = "http://127.0.0.1:9/a.parquet"  # the port that discards
    with pytest.raises(StoreUnavailable, match=f"^input_path: Could not read {url}: "):
        list_inputs(fsspec.filesystem("http"), url)
