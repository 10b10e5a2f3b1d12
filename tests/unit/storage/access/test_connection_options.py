"""The options with which a command opens a store by the fields of an Airflow connection."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_aimlapi.errors import ConnectionIncomplete
from airflow_provider_aimlapi.storage.access.connection_options import (
    StorageConnection,
    options_of,
)


def connection(conn_type: str, **fields: Any) -> StorageConnection:
    return StorageConnection(name="AIRFLOW_CONN_LAKE", conn_type=conn_type, **fields)


@pytest.mark.parametrize(
    ("fields", "scheme", "options"),
    [
        ({"conn_type": "aws"}, "s3", {}),
        (
            {"conn_type": "aws", "login": "id", "password": "pw", "extra": {"region_name": "eu-1"}},
            "s3a",
            {"key": "id", "secret": "pw", "client_kwargs": {"region_name": "eu-1"}},
        ),
        (
            {
                "conn_type": "aws",
                "extra": {
                    "endpoint_url": "http://all",
                    "service_config": {"s3": {"endpoint_url": "http://s3"}},
                    "aws_session_token": "t",
                    "profile_name": "",
                },
            },
            "s3",
            {"endpoint_url": "http://s3", "token": "t"},
        ),
        (
            {"conn_type": "google_cloud_platform", "extra": {"keyfile_dict": '{"a": 1}'}},
            "gs",
            {"token": {"a": 1}},
        ),
        (
            {
                "conn_type": "google_cloud_platform",
                "extra": {"extra__google_cloud_platform__key_path": "/key.json", "num_retries": 5},
            },
            "gcs",
            {"token": "/key.json"},
        ),
        (
            {"conn_type": "wasb", "login": "account", "password": "key"},
            "abfs",
            {"account_name": "account", "account_key": "key"},
        ),
        (
            {
                "conn_type": "wasb",
                "login": "client",
                "password": "secret",
                "host": "https://account.blob.core.windows.net/",
                "extra": {"tenant_id": "tenant"},
            },
            "az",
            {
                "account_name": "account",
                "tenant_id": "tenant",
                "client_id": "client",
                "client_secret": "secret",
            },
        ),
        (
            {"conn_type": "adls", "extra": {"connection_string": "cs"}},
            "abfss",
            {"connection_string": "cs"},
        ),
    ],
)
def test_fields_become_options(
    fields: dict[str, Any], scheme: str, options: dict[str, Any]
) -> None:
    assert options_of(connection(**fields), scheme) == options


@pytest.mark.parametrize(
    ("fields", "scheme"),
    [
        ({"conn_type": "aws"}, "gs"),
        ({"conn_type": "wasb"}, "s3"),
        ({"conn_type": "aws"}, "file"),
        ({"conn_type": "http"}, "s3"),
        ({"conn_type": "aws", "extra": {"assume_role_method": "SECRET"}}, "s3"),
        ({"conn_type": "google_cloud_platform", "extra": {"keyfile_dict": "SECRET"}}, "gs"),
        ({"conn_type": "aws", "password": "SECRET", "extra": {"x" * 500: "SECRET"}}, "s3"),
    ],
)
def test_unknown_field_or_type_is_refused(fields: dict[str, Any], scheme: str) -> None:
    """A field that is left out could open another account."""
    with pytest.raises(ConnectionIncomplete) as caught:
        options_of(connection(**fields), scheme)
    assert "SECRET" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_repr_shows_no_secret() -> None:
    shown = repr(connection("aws", login="SECRET", password="SECRET", extra={"x": "SECRET"}))
    assert "SECRET" not in shown
