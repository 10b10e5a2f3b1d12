"""obstore says of S3 what s3fs does, and steps aside where it may not."""

from __future__ import annotations

import io
import multiprocessing
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from obstore.exceptions import UnknownConfigurationKeyError
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.durable.plan import InputFile
from airflow_provider_aimlapi.errors import InputUnreadable
from airflow_provider_aimlapi.storage.access.s3_access import S3Access
from airflow_provider_aimlapi.storage.access.s3_by_obstore import FAILURES_MAX, QuickS3, quick_s3
from airflow_provider_aimlapi.storage.input.dataset import open_data_set
from airflow_provider_aimlapi.storage.input.listing import list_inputs
from airflow_provider_aimlapi.storage.input.parquet_files import FOOTER_BYTES, read_footer
from airflow_provider_aimlapi.storage.parquet.footer import SchemaParser
from tests.fakes.scripted_s3 import ScriptedS3, Trouble

HTTPS = "https://s3.example"
ODD_NAMES = (
    "a b=c%20d/ü.parquet",
    "%41.parquet",
    "plus+~#?&.parquet",
    "back\\slash.parquet",
    " lead.parquet ",
    "a*b.parquet",
    "😀.parquet",
    "deep/er/x.txt",
    "ds=2026-01-01/_SUCCESS",
)
OPTIONS = [
    "ACCESS_KEY_ID",
    "ALLOW_HTTP",
    "ALLOW_INVALID_CERTIFICATES",
    "BUCKET",
    "BUCKET_NAME",
    "CHECKSUM_ALGORITHM",
    "CONDITIONAL_PUT",
    "CONNECT_TIMEOUT",
    "CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "CONTAINER_CREDENTIALS_FULL_URI",
    "CONTAINER_CREDENTIALS_RELATIVE_URI",
    "COPY_IF_NOT_EXISTS",
    "DEFAULT_CONTENT_TYPE",
    "DEFAULT_REGION",
    "DISABLE_BULK_DELETE",
    "DISABLE_TAGGING",
    "ENDPOINT",
    "ENDPOINT_URL",
    "ENDPOINT_URL_S3",
    "ENDPOINT_URL_STS",
    "HTTP1_ONLY",
    "HTTP2_ONLY",
    "IMDSV1_FALLBACK",
    "METADATA_ENDPOINT",
    "PROXY_CA_CERTIFICATE",
    "PROXY_EXCLUDES",
    "PROXY_URL",
    "REQUEST_PAYER",
    "ROLE_ARN",
    "ROLE_SESSION_NAME",
    "S3_EXPRESS",
    "SECRET_ACCESS_KEY",
    "SERVER_SIDE_ENCRYPTION",
    "SESSION_TOKEN",
    "SKIP_SIGNATURE",
    "SSE_BUCKET_KEY_ENABLED",
    "SSE_CUSTOMER_KEY_BASE64",
    "SSE_KMS_KEY_ID",
    "STS_ENDPOINT",
    "TIMEOUT",
    "TOKEN",
    "UNSIGNED_PAYLOAD",
    "USER_AGENT",
    "VIRTUAL_HOSTED_STYLE_REQUEST",
    "WEB_IDENTITY_TOKEN_FILE",
]
NAMES_WITHOUT_A_PATH = ("in//double.parquet", "in/tab\there.parquet")


def parquet(rows: int, row_group_size: int | None = None) -> bytes:
    sink = io.BytesIO()
    table = pa.table({"n": pa.array(range(rows), pa.int16()), "text": ["a text"] * rows})
    dated = table.replace_schema_metadata({"made by": "a test"})
    pq.write_table(dated, sink, row_group_size=row_group_size)
    return sink.getvalue()


def filled(bucket: str, contents: dict[str, bytes]) -> Any:
    fs = fsspec.filesystem("s3", skip_instance_cache=True)
    for name, content in contents.items():
        fs.pipe_file(f"{bucket}/{name}", content)
    return fs


def quick_of(fs: Any, path: str) -> QuickS3:
    quick = quick_s3(fs, path)
    assert quick is not None
    return quick


def test_a_listing_is_the_same_but_for_its_dates(s3_bucket: str) -> None:
    fs = filled(s3_bucket, {f"in/{name}": name.encode() for name in ODD_NAMES})
    fs.pipe_file(f"{s3_bucket}/in-other/x.parquet", b"text")
    quick = quick_of(fs, s3_bucket).entries_below(f"{s3_bucket}/in")
    ordinary = fs.find(f"{s3_bucket}/in", detail=True)
    told = {path: {"size": i["size"], "ETag": i["ETag"]} for path, i in ordinary.items()}
    assert quick == told
    assert len(told) == len(ODD_NAMES)


@pytest.mark.parametrize("name", NAMES_WITHOUT_A_PATH)
def test_name_without_an_obstore_path_is_listed_by_s3fs(s3_bucket: str, name: str) -> None:
    fs = filled(s3_bucket, {name: b"text"})
    assert quick_of(fs, s3_bucket).entries_below(f"{s3_bucket}/in") is None
    (file,) = list_inputs(fs, f"s3://{s3_bucket}/in")
    assert file.path == f"{s3_bucket}/{name}"


def test_markers_of_folders_are_no_files(s3_bucket: str) -> None:
    names = ("in/", "in/sub/", "in/empty.parquet/", "in/full.parquet/")
    fs = filled(s3_bucket, dict.fromkeys(names, b"") | {"in/full.parquet/a.parquet": b"text"})
    (file,) = list_inputs(fs, f"s3://{s3_bucket}/in/")
    assert file.path == f"{s3_bucket}/in/full.parquet/a.parquet"


def test_a_file_that_is_named_itself_is_found(s3_bucket: str) -> None:
    fs = filled(s3_bucket, {"in": b"text", "in.parquet": b"text"})
    for name in ("in", "in.parquet"):
        (file,) = list_inputs(fs, f"s3://{s3_bucket}/{name}")
        assert file.path == f"{s3_bucket}/{name}"


def test_footers_are_the_same_both_ways(s3_bucket: str) -> None:
    contents = {"a b=c%20d/ü.parquet": parquet(7), "many.parquet": parquet(300, row_group_size=1)}
    fs = filled(s3_bucket, contents)
    assert len(contents["many.parquet"]) > FOOTER_BYTES
    for file in list_inputs(fs, f"s3://{s3_bucket}/"):
        quick = read_footer(fs, file, SchemaParser(), quick_of(fs, file.path))
        ordinary = read_footer(fs, file, SchemaParser())
        assert quick.metadata.equals(ordinary.metadata)
        assert quick.arrow.equals(ordinary.arrow, check_metadata=True)


def test_the_input_is_planned_without_a_request_of_s3fs(s3_bucket: str) -> None:
    fs = filled(s3_bucket, {f"in/{rows}.parquet": parquet(rows) for rows in range(20)})
    asked: list[str] = []
    fs.s3.meta.events.register("before-call", lambda model, **_: asked.append(model.name))
    data_set = open_data_set(fs, f"s3://{s3_bucket}/in")
    assert sorted(file.rows for file in data_set.files) == list(range(20))
    assert asked == []
    assert data_set.files[0].version == fs.info(data_set.files[0].path)["ETag"].strip('"')


def test_file_that_is_no_parquet_is_named_among_many(s3_bucket: str) -> None:
    contents = {f"{n:03}.parquet": parquet(n) for n in range(40)}
    fs = filled(s3_bucket, contents | {"bad.parquet": b"PAR1" + b"x" * 100 + b"PAR1"})
    with pytest.raises(InputUnreadable, match=r"bad\.parquet is not a valid Parquet"):
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
def test_options_that_obstore_may_lack_are_left_to_s3fs(
    s3_bucket: str, options: dict[str, Any]
) -> None:
    fs = fsspec.filesystem("s3", skip_instance_cache=True, **options)
    assert quick_s3(fs, s3_bucket) is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTPS_PROXY", "http://proxy:1"),
        ("AWS_CA_BUNDLE", "/etc/certificates.pem"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
    ],
)
def test_what_the_environment_tells_botocore_is_heeded(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    def way() -> QuickS3 | None:
        fs = fsspec.filesystem(
            "s3", skip_instance_cache=True, key="any", secret="any", endpoint_url=HTTPS
        )
        return quick_s3(fs, "bucket")

    assert way() is not None
    monkeypatch.setenv(variable, value)
    assert way() is None


def test_connection_decides_address_and_user_instead_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, s3_bucket: str
) -> None:
    with ScriptedS3() as right, ScriptedS3() as wrong:
        fs = fsspec.filesystem(
            "s3", skip_instance_cache=True, endpoint_url=right.url, key="one", secret="of its own"
        )
        for variable in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"):
            monkeypatch.setenv(variable, wrong.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "another's")
        right.script("GET", Trouble(status=403, code="AccessDenied"))
        assert quick_of(fs, s3_bucket).entries_below(f"{s3_bucket}/in") is None
        assert (right.requests, wrong.requests) == (["GET"], [])
        (headers,) = right.headers
        assert "Credential=one/" in headers["Authorization"]
        assert "X-Amz-Security-Token" not in headers


@pytest.mark.parametrize(
    "value", ["true", "false", "1", "bogus", "sse-c", "requester", "10 seconds"]
)
def test_environment_changes_no_request(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Each variable that obstore takes options from, all at once, with values good or bad for it."""

    def requests(s3: ScriptedS3) -> list[tuple[str, list[str]]]:
        s3.script("GET", Trouble(status=403, code="AccessDenied"))
        fs = fsspec.filesystem(
            "s3", skip_instance_cache=True, endpoint_url=s3.url, key="one", secret="two"
        )
        quick = quick_of(fs, "bucket")
        assert quick.entries_below("bucket/in") is None
        assert quick.start_of("bucket/in/a", 9) is None
        signed = [headers["Authorization"].partition("SignedHeaders=")[2] for headers in s3.headers]
        names = [sorted(name.lower() for name in headers) for headers in s3.headers]
        return [
            (fields.partition(",")[0], told) for fields, told in zip(signed, names, strict=True)
        ]

    with ScriptedS3() as s3:
        usual = requests(s3)
    monkeypatch.setattr(
        "airflow_provider_aimlapi.storage.access.s3_by_obstore.usual_access", access_of
    )
    for option in OPTIONS:
        monkeypatch.setenv(f"AWS_{option}", value)
    with ScriptedS3() as s3:
        assert requests(s3) == usual
    assert len(usual) == 2


def access_of(fs: Any) -> S3Access:
    """botocore reads some of the variables, too, and may refuse their values."""
    return S3Access(key="one", secret="two", token=None, region=None, endpoint_url=fs.endpoint_url)


def test_forked_child_asks_s3fs(s3_bucket: str) -> None:
    fs = filled(s3_bucket, {"1.parquet": parquet(1)})
    quick = quick_of(fs, s3_bucket)
    assert quick.entries_below(s3_bucket)

    def child() -> None:
        assert quick.entries_below(s3_bucket) is None
        own = fsspec.filesystem("s3", skip_instance_cache=True)
        assert quick_s3(own, s3_bucket) is None
        assert len(open_data_set(own, f"s3://{s3_bucket}/").files) == 1

    process = multiprocessing.get_context("fork").Process(target=child, daemon=True)
    process.start()
    process.join(timeout=60)
    assert process.exitcode == 0


def test_obstore_older_than_supported_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, s3_bucket: str
) -> None:
    def old(*_: object, **options: Any) -> None:
        raise UnknownConfigurationKeyError(*options["config"])

    monkeypatch.setattr("obstore.store.S3Store", old)
    fs = filled(s3_bucket, {"1.parquet": parquet(1)})
    assert quick_s3(fs, s3_bucket) is None
    assert len(open_data_set(fs, f"s3://{s3_bucket}/").files) == 1


def test_other_stores_are_left_alone() -> None:
    assert quick_s3(fsspec.filesystem("memory"), "any/path") is None
    assert quick_s3(fsspec.filesystem("file"), "/any/path") is None


def test_unreachable_store_is_tried_a_fixed_number_of_times() -> None:
    with ScriptedS3() as s3:
        s3.script("GET", Trouble(status=403, code="AccessDenied"))
        fs = fsspec.filesystem("s3", endpoint_url=s3.url, key="any", secret="any")
        quick = quick_of(fs, "b")
        file = InputFile(
            uri="s3://b/k.parquet",
            path="b/k.parquet",
            version="1",
            size_bytes=1000,
            folder="",
            stem="k",
        )
        ends = [quick.end_of(file, FOOTER_BYTES) for _ in range(2 * FAILURES_MAX)]
        assert ends == [None] * 2 * FAILURES_MAX
        assert s3.requests == ["GET"] * FAILURES_MAX
