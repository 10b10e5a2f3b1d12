"""The demo's results outlive its S3 server, whole, whenever the demo dies."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import fsspec
import pytest

from demo.lake import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, Lake, Saving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from demo.s3_server import S3Server


@pytest.fixture
def bucket(s3_server: S3Server) -> Iterator[fsspec.AbstractFileSystem]:
    """Return a client of the demo's bucket, which is empty after the test."""
    fs = fsspec.filesystem(
        "s3",
        endpoint_url=s3_server.url,
        key=ACCESS_KEY,
        secret=SECRET_KEY,
        client_kwargs={"region_name": REGION},
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    yield fs
    if fs.exists(BUCKET):
        fs.rm(BUCKET, recursive=True)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    file = tmp_path / "sample" / "documents" / "ds=2026-01-01" / "1861.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"a document")
    return tmp_path / "sample"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def test_the_sample_is_put_into_a_new_bucket(
    bucket: fsspec.AbstractFileSystem, s3_server: S3Server, sample: Path, folder: Path
) -> None:
    Lake(s3_server.url, folder).fill(sample)
    assert bucket.cat(f"{BUCKET}/documents/ds=2026-01-01/1861.parquet") == b"a document"


def test_results_return_with_their_etags(
    bucket: fsspec.AbstractFileSystem, s3_server: S3Server, sample: Path, folder: Path
) -> None:
    lake = Lake(s3_server.url, folder)
    lake.fill(sample)
    results = {f"{BUCKET}/document_summaries/ds=1/{name}": name.encode() for name in "abc"}
    bucket.pipe(results)
    etags = {name: bucket.info(name)["ETag"] for name in results}
    lake.save()
    bucket.rm(BUCKET, recursive=True)

    Lake(s3_server.url, folder).fill(sample)

    assert {name: bucket.cat(name) for name in results} == results
    assert {name: bucket.info(name)["ETag"] for name in results} == etags


def test_results_are_saved_during_and_after_a_run(
    bucket: fsspec.AbstractFileSystem, s3_server: S3Server, sample: Path, folder: Path
) -> None:
    lake = Lake(s3_server.url, folder)
    lake.fill(sample)
    with Saving(lake):
        bucket.pipe(f"{BUCKET}/document_summaries/last", b"written at the very end")
    assert (lake.output_folder / "last").read_bytes() == b"written at the very end"


def test_deleted_objects_vanish_from_the_folder(
    bucket: fsspec.AbstractFileSystem, s3_server: S3Server, sample: Path, folder: Path
) -> None:
    lake = Lake(s3_server.url, folder)
    lake.fill(sample)
    bucket.pipe({f"{BUCKET}/document_summaries/{name}": b"" for name in ("journal", "manifest")})
    lake.save()
    bucket.rm(f"{BUCKET}/document_summaries/journal")
    lake.save()
    assert [path.name for path in lake.output_folder.iterdir()] == ["manifest"]


def test_next_start_finishes_an_interrupted_save(
    bucket: fsspec.AbstractFileSystem, s3_server: S3Server, sample: Path, folder: Path
) -> None:
    """It was cut off between its two renames."""
    lake = Lake(s3_server.url, folder)
    lake.fill(sample)
    bucket.pipe(f"{BUCKET}/document_summaries/kept", b"paid for")
    lake.save()
    folder.rename(folder.with_name("lake.old"))
    shutil.copytree(sample, folder.with_name("lake.new"))
    bucket.rm(BUCKET, recursive=True)

    Lake(s3_server.url, folder).fill(sample)

    assert bucket.cat(f"{BUCKET}/document_summaries/kept") == b"paid for"
