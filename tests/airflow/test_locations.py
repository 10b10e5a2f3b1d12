"""Paths as users write them, and what becomes of those that nothing can open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aimlapi.core.texts.typed_path import VARIABLE
from airflow_provider_aimlapi.errors import ConnectionIncomplete, InvalidSpec, StoreUnavailable

if TYPE_CHECKING:
    from airflow_provider_aimlapi.operators.locations import Location
    from tests.airflow.conftest import Connect

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_database")]


def location(path: object, storage_conn_id: str | None = None) -> Location:
    from airflow_provider_aimlapi.operators.locations import parse_location

    return parse_location(path, argument="input_path", storage_conn_id=storage_conn_id)


@pytest.mark.parametrize(
    ("path", "storage_conn_id", "scheme", "url", "conn_id"),
    [
        ("s3://lake/in/", None, "s3", "s3://lake/in/", None),
        ("s3://lake/in/", "aws", "s3", "s3://lake/in/", "aws"),
        ("s3://mine@lake/in/", None, "s3", "s3://lake/in/", "mine"),
        ("s3://mine@lake/in/", "aws", "s3", "s3://lake/in/", "mine"),
        ("S3://lake/p-?.parquet", None, "s3", "s3://lake/p-?.parquet", None),
        ("s3://lake/a@b/c", "aws", "s3", "s3://lake/a@b/c", "aws"),
        ("gs://lake", None, "gs", "gs://lake", None),
        ("az://mine@lake/in", None, "abfs", "abfs://lake/in", "mine"),
        ("/data/in", None, "file", "file:///data/in", None),
        (Path("/data/in"), None, "file", "file:///data/in", None),
        (" file:///data/in ", None, "file", "file:///data/in", None),
    ],
)
def test_a_path_is_taken_apart(
    path: object, storage_conn_id: str | None, scheme: str, url: str, conn_id: str | None
) -> None:
    found = location(path, storage_conn_id)
    assert (found.scheme, found.url, found.conn_id) == (scheme, url, conn_id)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("", "input_path is empty"),
        (None, "input_path is empty"),
        ("lake/in", "neither a URL such as s3://bucket/folder/ nor an absolute path"),
        ("file://data/in", "three slashes"),
        ("s3:///in", "bucket or container is missing"),
        ("abfss://lake@acct.dfs.core.windows.net/in", r"Write abfss://lake/folder/.*connection"),
        ("abfss://lake@ACCT.DFS.core.windows.net./in", r"Write abfss://lake/folder/.*connection"),
        ("s3://some id@lake/in", "no id of an Airflow connection"),
        ("s3://la ke/in", "must be a plain name"),
        ("s3://lake/in/../secret", r"'\.\.'"),
        ("warp://lake/in", "warp:// is not allowed"),
    ],
)
def test_a_path_that_means_nothing_is_refused(path: object, sentence: str) -> None:
    with pytest.raises(InvalidSpec, match=sentence):
        location(path)


def test_credentials_in_a_path_are_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidSpec, match="Airflow connection") as refused:
        location("s3://AKIA:very-secret@lake/in/")
    assert "very-secret" not in str(refused.value)


def test_an_airflow_path_brings_its_own_connection() -> None:
    from airflow.sdk import ObjectStoragePath

    found = location(ObjectStoragePath("s3://lake/in", conn_id="aws"))
    assert (found.url, found.conn_id) == ("s3://lake/in", "aws")


def test_a_local_path_opens_without_a_connection(tmp_path: Path) -> None:
    from airflow_provider_aimlapi.operators.locations import open_location

    (tmp_path / "a").write_bytes(b"here")
    place = open_location(location(str(tmp_path), "not_asked_for"))
    assert place.fs.cat(f"{place.path}/a") == b"here"


def test_s3_paths_open_with_their_connection(lake: Any, connect: Any, s3_server: Any) -> None:
    from airflow_provider_aimlapi.operators.locations import open_location

    lake.put("in/a.parquet", {"text": ["x"]})
    connect(
        "some_s3",
        conn_type="aws",
        login="key",
        password="secret",
        extra={"endpoint_url": s3_server.url},
    )
    place = open_location(location(f"s3://some_s3@{lake.bucket}/in"))
    assert place.fs.ls(place.path, detail=False) == [f"{lake.bucket}/in/a.parquet"]


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment that allows three more schemes."""
    monkeypatch.setenv(VARIABLE, "memory, ftp\nwarp")


@pytest.mark.usefixtures("allowed")
def test_a_scheme_that_only_fsspec_knows_opens_too() -> None:
    from airflow_provider_aimlapi.operators.locations import open_location

    place = open_location(location("memory://in/a"))
    place.fs.pipe(place.path, b"here")
    assert place.fs.cat("/in/a") == b"here"


def test_a_storage_connection_that_is_not_there_is_named() -> None:
    from airflow_provider_aimlapi.operators.locations import open_location

    with pytest.raises(ConnectionIncomplete, match=r"'no_such_s3' \(for input_path\)"):
        open_location(location("s3://no_such_s3@lake/in"))


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("gs://some_s3@lake/in", r"pip install 'airflow-provider-aimlapi\[gcs\]'"),
        ("abfs://some_s3@lake/in", r"pip install 'airflow-provider-aimlapi\[azure\]'"),
        (
            "abfs://lake/in",
            "environment's own credentials .*storage_conn_id, or set AZURE_STORAGE_ACCOUNT_NAME",
        ),
        ("warp://lake/in", "no installed package opens warp://"),
    ],
)
def test_a_scheme_that_nothing_opens_names_what_to_install(
    connect: Connect, path: str, sentence: str
) -> None:
    from airflow_provider_aimlapi.operators.locations import open_location

    connect("some_s3", conn_type="aws")
    with pytest.raises(InvalidSpec, match=sentence):
        open_location(location(path))


@pytest.mark.usefixtures("allowed")
def test_unknown_hosts_are_named_with_the_argument() -> None:
    from airflow_provider_aimlapi.operators.locations import open_location

    with pytest.raises(InvalidSpec, match=r"^input_path: ftp://no-such\.invalid: there is no host"):
        open_location(location("ftp://no-such.invalid/a"))


@pytest.mark.usefixtures("allowed")
def test_silent_hosts_may_be_retried() -> None:
    from airflow_provider_aimlapi.operators.locations import open_location

    with pytest.raises(
        StoreUnavailable, match=r"^input_path: ftp://127\.0\.0\.1 refused the connection"
    ):
        open_location(location("ftp://127.0.0.1/a"))


def test_an_output_path_has_no_wildcard() -> None:
    from airflow_provider_aimlapi.operators.locations import parse_location

    for path in ("s3://lake/out*/", "/data/out[1]", "gs://lake/a?"):
        with pytest.raises(InvalidSpec, match="output_path contains one of"):
            parse_location(path, argument="output_path", storage_conn_id=None)


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what this machine or the tests have for S3, and its network's own service.

    Airflow keeps each file system that it has opened, so the cache is replaced for the test.
    """
    from airflow.sdk.io import store

    monkeypatch.setattr(store, "_STORE_CACHE", {})
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.mark.usefixtures("no_credentials")
def test_s3_without_credentials_is_refused_before_any_request(connect: Connect) -> None:
    from airflow_provider_aimlapi.operators.locations import open_location

    with pytest.raises(InvalidSpec, match=r"^input_path: set storage_conn_id to an Airflow conn"):
        open_location(location("s3://lake-4711/in/"))
    empty = connect("empty", conn_type="aws")
    with pytest.raises(InvalidSpec, match=r"^input_path: put credentials into connection 'empty'"):
        open_location(location("s3://lake-4711/in/", empty))


@pytest.mark.usefixtures("no_credentials")
def test_a_public_bucket_is_opened_with_a_connection(connect: Connect) -> None:
    from airflow_provider_aimlapi.operators.locations import open_location

    extra = {"config_kwargs": {"signature_version": "unsigned"}}
    public = connect("public", conn_type="aws", extra=extra)
    assert open_location(location("s3://lake-4711/in/", public)).fs.anon is True
