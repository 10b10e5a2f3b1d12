"""Arrow's own way to S3 says the same as s3fs's, and steps aside where it may not."""

from __future__ import annotations

import io
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.plan import InputFile
from airflow_provider_aimlapi.errors import InputUnreadable
from airflow_provider_aimlapi.storage.arrow_s3 import FAILURES_MAX, ArrowFooters, arrow_footers
from airflow_provider_aimlapi.storage.dataset import MANY_FILES, open_data_set
from airflow_provider_aimlapi.storage.listing import list_inputs
from airflow_provider_aimlapi.storage.parquet_files import read_footer
from tests.fakes.scripted_s3 import ScriptedS3, Trouble

HTTPS = "https://s3.example"


def parquet(rows: int, row_group_size: int | None = None) -> bytes:
    sink = io.BytesIO()
    table = pa.table({"n": pa.array(range(rows), pa.int16()), "text": ["a text"] * rows})
    dated = table.replace_schema_metadata({"made by": "a test"})
    pq.write_table(dated, sink, row_group_size=row_group_size)
    return sink.getvalue()


def filled(bucket: str, contents: dict[str, bytes]) -> Any:
    fs = fsspec.filesystem("s3")
    for name, content in contents.items():
        fs.pipe_file(f"{bucket}/{name}", content)
    return fs


def footers_of(fs: Any) -> ArrowFooters:
    footers = arrow_footers(fs)
    assert footers is not None
    return footers


def test_footers_are_the_same_both_ways(s3_bucket: str) -> None:
    contents = {"a b=c%20d/ü.parquet": parquet(7), "many.parquet": parquet(300, row_group_size=1)}
    fs = filled(s3_bucket, contents)
    for file in list_inputs(fs, f"s3://{s3_bucket}/"):
        quick, ordinary = footers_of(fs).read(file), read_footer(fs, file)
        assert quick is not None
        assert quick[0].equals(ordinary[0])
        assert quick[1].equals(ordinary[1], check_metadata=True)


def test_many_files_are_read_without_a_request_of_s3fs_for_each(s3_bucket: str) -> None:
    fs = filled(s3_bucket, {f"{n:03}.parquet": parquet(n) for n in range(MANY_FILES)})
    requests: list[str] = []
    fs.s3.meta.events.register("before-call", lambda model, **_: requests.append(model.name), "n")
    data_set = open_data_set(fs, f"s3://{s3_bucket}/")
    fs.s3.meta.events.unregister("before-call", unique_id="n")
    assert [file.rows for file in data_set.files] == list(range(MANY_FILES))
    assert "GetObject" not in requests


def test_of_many_files_the_one_that_is_no_parquet_is_named(s3_bucket: str) -> None:
    contents = {f"{n:03}.parquet": parquet(n) for n in range(MANY_FILES)}
    fs = filled(s3_bucket, contents | {"bad.parquet": b"PAR1" + b"x" * 100 + b"PAR1"})
    with pytest.raises(InputUnreadable, match=r"bad\.parquet does not read as a sound Parquet"):
        open_data_set(fs, f"s3://{s3_bucket}/")


@pytest.mark.parametrize(
    "options",
    [
        {"anon": True},
        {"requester_pays": True},
        {"s3_additional_kwargs": {"SSECustomerAlgorithm": "AES256"}},
        {"version_aware": True},
        {"cache_regions": True},
        {"config_kwargs": {"s3": {"addressing_style": "virtual"}}},
        {"config_kwargs": {"proxies": {"http": "http://proxy:1"}}},
        {"client_kwargs": {"verify": False}},
    ],
)
def test_what_arrow_has_no_word_for_is_left_to_s3fs(
    s3_bucket: str, options: dict[str, Any]
) -> None:
    fs = fsspec.filesystem("s3", skip_instance_cache=True, **options)
    assert arrow_footers(fs) is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTPS_PROXY", "http://proxy:1"),
        ("AWS_CA_BUNDLE", "/etc/certificates.pem"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
    ],
)
def test_what_the_environment_says_is_heeded(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    def way() -> ArrowFooters | None:
        return arrow_footers(
            fsspec.filesystem(
                "s3", skip_instance_cache=True, key="any", secret="any", endpoint_url=HTTPS
            )
        )

    assert way() is not None
    monkeypatch.setenv(variable, value)
    assert way() is None


def test_other_stores_are_left_alone() -> None:
    assert arrow_footers(fsspec.filesystem("memory")) is None
    assert arrow_footers(fsspec.filesystem("file")) is None


def test_a_store_that_arrow_does_not_reach_is_asked_so_often_and_no_more(s3_bucket: str) -> None:
    with ScriptedS3() as s3:
        s3.script("GET", Trouble(status=403, code="AccessDenied"))
        fs = fsspec.filesystem("s3", endpoint_url=s3.url, key="any", secret="any")
        footers = footers_of(fs)
        file = InputFile(
            uri="s3://b/k.parquet",
            path="b/k.parquet",
            version="1",
            size_bytes=1000,
            folder="",
            stem="k",
        )
        assert [footers.read(file) for _ in range(2 * FAILURES_MAX)] == [None] * 2 * FAILURES_MAX
        assert s3.requests == ["GET"] * FAILURES_MAX
