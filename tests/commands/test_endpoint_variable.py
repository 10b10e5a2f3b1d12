"""Keys and connections from environment variables. No error contains a key."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from airflow_provider_aimlapi.commands.endpoint_variable import (
    endpoint_from_connection,
    endpoint_from_key,
)
from airflow_provider_aimlapi.core.calls.endpoint import DEFAULT_BASE_URL
from airflow_provider_aimlapi.errors import ConnectionIncomplete

KEY = "k3y/with+signs="


def test_a_key_and_a_base_url() -> None:
    endpoint = endpoint_from_key({"A": KEY}, "A", base_url=None)
    assert (endpoint.base_url, endpoint.key) == (DEFAULT_BASE_URL, KEY)
    other = endpoint_from_key({"A": KEY}, "A", base_url="https://gateway.example.org/api/")
    assert other.base_url == "https://gateway.example.org/api"


@pytest.mark.parametrize(
    ("text", "base_url"),
    [
        ('{"conn_type": "aimlapi", "password": "k3y/with+signs="}', DEFAULT_BASE_URL),
        ('{"password": "k3y/with+signs=", "host": "http://localhost:8080"}', "http://localhost:8080"),
        ('{"password": "k3y/with+signs=", "host": "localhost", "port": 80, "schema": "http"}', "http://localhost:80"),
        ('{"password": "k3y/with+signs=", "host": "h.example.org", "port": "8443"}', "https://h.example.org:8443"),
        ('{"password": "k3y/with+signs=", "host": "https://h.example.org:8443", "port": 8443}', "https://h.example.org:8443"),
        ("aimlapi://:k3y%2Fwith%2Bsigns%3D@", DEFAULT_BASE_URL),
        ("aimlapi://:k3y%2Fwith%2Bsigns%3D@/", DEFAULT_BASE_URL),
        ("aimlapi://:k3y%2Fwith%2Bsigns%3D@api.example.org", "https://api.example.org"),
        ("aimlapi://:k3y%2Fwith%2Bsigns%3D@localhost:8080/http", "http://localhost:8080"),
        (
            "aimlapi://:k3y%2Fwith%2Bsigns%3D@https%3A%2F%2Fapi.example.org%2Fx/",
            "https://api.example.org/x",
        ),
        ("aimlapi://:k3y%2Fwith%2Bsigns%3D@?max_concurrency=4", DEFAULT_BASE_URL),
    ],
)  # fmt: skip
def test_each_form_of_a_connection(text: str, base_url: str) -> None:
    endpoint = endpoint_from_connection({"C": text}, "C")
    assert (endpoint.base_url, endpoint.key) == (base_url, KEY)


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f'{{"password": "{KEY}"',
        f'{{"password": ["{KEY}"]}}',
        f"aimlapi://:{KEY}@host:port",
        f'{{"password": "{KEY}", "host": "http://me:{KEY}@localhost"}}',
        f'{{"password": "{KEY}\\n"}}',
        f'{{"password": "{KEY}", "host": "https://localhost:1", "port": 2}}',
        f'{{"password": "{KEY}", "port": 8443}}',
        f'{{"password": "{KEY}", "host": "localhost", "schema": "ftp"}}',
        "{}",
        "aimlapi://host",
    ],
)
def test_what_is_no_connection_is_refused_without_its_key(text: str) -> None:
    with pytest.raises(ConnectionIncomplete) as refused:
        endpoint_from_connection({"CONNECTION": text}, "CONNECTION")
    assert KEY not in str(refused.value)
    assert refused.value.__cause__ is None
    assert "CONNECTION" in str(refused.value)


def test_unset_variables_are_named_unless_they_are_keys() -> None:
    """What was typed instead of a name may be the key."""
    with pytest.raises(ConnectionIncomplete, match="variable MY_KEY is not set"):
        endpoint_from_key({"MY_KEY": ""}, "MY_KEY", base_url=None)
    with pytest.raises(ConnectionIncomplete) as refused:
        endpoint_from_key({}, "4f1c9a77", base_url=None)
    assert "4f1c9a77" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        f"generic://:{quote(KEY, safe='')}@",
        f'{{"password": "{KEY}"}}',
        f"postgres://me:{quote(KEY, safe='')}@db.example.org:5432/lake",
        f'{{"conn_type": "aws", "password": "{KEY}", "host": "h.example.org"}}',
    ],
)
def test_password_of_another_service_is_not_taken(text: str) -> None:
    with pytest.raises(ConnectionIncomplete, match="type 'aimlapi'") as refused:
        endpoint_from_connection({"CONNECTION": text}, "CONNECTION")
    assert KEY not in str(refused.value)
