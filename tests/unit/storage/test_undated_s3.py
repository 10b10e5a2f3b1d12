"""A listing without dates is the same listing, and unusual set-ups keep their own."""

from __future__ import annotations

from typing import Any

import fsspec
import pytest
from botocore.exceptions import HTTPClientError  # type: ignore[import-untyped]
from fsspec.asyn import sync

from airflow_provider_aimlapi.storage.listing import list_inputs
from airflow_provider_aimlapi.storage.undated_s3 import undated


def without_dates(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        path: {name: value for name, value in info.items() if name != "LastModified"}
        for path, info in found.items()
    }


def test_a_listing_is_the_same_but_for_its_dates(s3_bucket: str) -> None:
    fs = fsspec.filesystem("s3")
    for name in ("in/a b=c%20d/ü.parquet", "in/plain.parquet", "in/deep/er/x.txt"):
        fs.pipe_file(f"{s3_bucket}/{name}", name.encode())
    for path in ("in", "in/plain.parquet", "nothing"):
        fs.invalidate_cache()
        with undated(fs) as lister:
            quick = lister.find(f"{s3_bucket}/{path}", detail=True)
        assert without_dates(quick) == without_dates(fs.find(f"{s3_bucket}/{path}", detail=True))


def test_the_input_is_listed_so_and_by_the_caller_s_credentials(s3_bucket: str) -> None:
    fs = fsspec.filesystem("s3", skip_instance_cache=True)
    fs.pipe_file(f"{s3_bucket}/in/plain.parquet", b"text")
    asked: list[str] = []
    fs.s3.meta.events.register("before-call", lambda model, **_: asked.append(model.name))
    (file,) = list_inputs(fs, f"s3://{s3_bucket}/in")
    assert (file.path, file.size_bytes) == (f"{s3_bucket}/in/plain.parquet", 4)
    assert file.version == fs.info(file.path)["ETag"].strip('"')
    assert "ListObjectsV2" not in asked


def test_its_connections_are_closed_when_the_listing_is_done(s3_bucket: str) -> None:
    with undated(fsspec.filesystem("s3")) as lister:
        lister.find(s3_bucket)
        client = lister.s3
    with pytest.raises(HTTPClientError):
        sync(lister.loop, client.list_buckets)


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_other_stores_are_themselves(kind: str) -> None:
    fs = fsspec.filesystem(kind)
    with undated(fs) as lister:
        assert lister is fs


@pytest.mark.parametrize(
    "options",
    [{"anon": True}, {"requester_pays": True}, {"config_kwargs": {"s3": {"use_accelerate": True}}}],
)
def test_what_is_set_up_in_an_unusual_way_is_itself(
    s3_bucket: str, options: dict[str, Any]
) -> None:
    fs = fsspec.filesystem("s3", skip_instance_cache=True, **options)
    with undated(fs) as lister:
        assert lister is fs
