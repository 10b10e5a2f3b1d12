"""Nothing that a storage connection holds is quoted where it fails: no field, no extra, no cause."""

from __future__ import annotations

import json
import traceback
import uuid
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aimlapi.errors import AimlapiError
from airflow_provider_aimlapi.storage.access.opening import open_file_system
from airflow_provider_aimlapi.storage.access.store_errors import describe_error, store_error
from airflow_provider_aimlapi.storage.input.listing import list_inputs

if TYPE_CHECKING:
    from collections.abc import Callable

MARKER = "MARKER4711"
KEYS = {"login": "a", "password": "b"}
CLOSED = "http://127.0.0.1:1"


def extra(**fields: Any) -> dict[str, Any]:
    return {**KEYS, "extra": fields}


CONNECTIONS: list[dict[str, Any]] = [
    extra(endpoint_url=f"not a url {MARKER}"),
    extra(endpoint_url=f"{MARKER}://x:1/"),
    extra(endpoint_url=f"{CLOSED}/?token={MARKER}"),
    extra(endpoint_url=f"http://user:{MARKER}@127.0.0.1:1"),
    extra(region_name=f"{MARKER} !", endpoint_url=CLOSED),
    extra(role_arn=f"arn:{MARKER}", endpoint_url=CLOSED),
    extra(role_arn="arn:aws:iam::123456789012:role/x", assume_role_method=MARKER),
    extra(config_kwargs={"signature_version": MARKER}, endpoint_url=CLOSED),
    extra(config_kwargs={MARKER: 1}),
    extra(config_kwargs={"s3": {"addressing_style": MARKER}}),
    extra(config_kwargs={"retries": {"mode": MARKER}}),
    extra(config_kwargs={"retries": {MARKER: 1}}),
    extra(config_kwargs=MARKER),
    extra(service_config={"s3": {"signer": MARKER}}),
    extra(service_config={"s3": {"signer": "S3V4RestSigner", "signer_token": MARKER}}),
    {"extra": {"profile_name": MARKER}},
    {"extra": [MARKER]},
    {"port": MARKER},
]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], str]:
    """Define a connection that no other test has used, and return its id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a first import of Airflow warns of is not ours
        import airflow.providers.common.compat.sdk  # noqa: F401

    def define(connection: object) -> str:
        conn_id = f"store_{uuid.uuid4().hex[:8]}"
        text = connection if isinstance(connection, str) else json.dumps(connection)
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", text)
        return conn_id

    return define


def look_at(path: str) -> None:
    """Open a path as an operator does, and list it."""
    from airflow_provider_aimlapi.operators.locations import open_location, parse_location

    place = open_location(parse_location(path, argument="input_path", storage_conn_id=None))
    list_inputs(place.fs, place.path)


def everything_said(error: AimlapiError) -> str:
    """What Airflow prints of the error when an operator has raised it."""
    from airflow_provider_aimlapi.operators.airflow_errors import airflow_error, causes_of

    raised = airflow_error(error)
    raised.__cause__ = causes_of(error)
    return "".join(traceback.format_exception(raised))


@pytest.mark.parametrize("connection", CONNECTIONS, ids=lambda one: json.dumps(one)[:60])
@pytest.mark.filterwarnings("default")  # Airflow's, of the fields that we break
def test_broken_connection_is_not_quoted(
    connection: dict[str, Any], connect: Callable[[object], str]
) -> None:
    conn_id = connect({"conn_type": "aws", **connection})
    with pytest.raises(AimlapiError) as failed:
        look_at(f"s3://{conn_id}@b/in")
    assert "input_path" in str(failed.value)
    assert MARKER not in everything_said(failed.value)


@pytest.mark.parametrize(
    "text",
    [
        "{" + MARKER,
        f"aws://user:{MARKER}@host:port/x",
        f"aws://user:{MARKER}@[host/x",
        f'{{"conn_type": "aws", "port": "{MARKER}"}}',
        MARKER,
    ],
)
@pytest.mark.filterwarnings("default")
def test_connection_that_does_not_parse_is_not_quoted(
    text: str, connect: Callable[[object], str]
) -> None:
    conn_id = connect(text)
    with pytest.raises(AimlapiError) as failed:
        look_at(f"gs://{conn_id}@b/in")
    assert MARKER not in everything_said(failed.value)


@pytest.mark.parametrize(
    "address",
    [
        f"http://user:{MARKER}@127.0.0.1:1",
        f"http://user:{MARKER}/x@127.0.0.1:1",
        f"http://127.0.0.1:1/{MARKER}",
        f"https://account.blob.core.windows.net/c/b?sv=1&sig={MARKER}",
        f"HTTPS://{MARKER}@host",
        f"ftp://user:{MARKER}@host#x",
    ],
)
def test_address_in_a_stores_error_keeps_only_its_host(address: str) -> None:
    from botocore.exceptions import EndpointConnectionError  # type: ignore[import-untyped]

    for error in (EndpointConnectionError(endpoint_url=address), OSError(f"no route ({address})")):
        told = store_error(error, action="read", uri="s3://b/in")
        assert MARKER not in str(told)
        assert "://" in describe_error(error)


@pytest.mark.parametrize(
    "name", ["AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_S3_ADDRESSING_STYLE"]
)
def test_broken_environment_is_not_quoted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setenv(name, f"{MARKER} !")
    try:
        open_file_system("s3://b/out")
    except AimlapiError as error:
        text = "".join(traceback.format_exception(error))
        said = [line for line in text.splitlines() if not line.startswith("    ")]
        assert not any(MARKER in line for line in said)
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
