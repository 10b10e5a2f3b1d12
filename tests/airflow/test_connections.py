"""Each spelling of a connection has one base URL, or an error that shows the right spelling."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.errors import ConnectionIncomplete

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_database")]


def endpoint(monkeypatch: pytest.MonkeyPatch, connection: str | dict[str, object]) -> Endpoint:
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

    text = connection if isinstance(connection, str) else json.dumps(connection)
    monkeypatch.setenv("AIRFLOW_CONN_WRITTEN", text)
    return AIMLAPIHook("written").endpoint


@pytest.mark.parametrize(
    ("connection", "base_url"),
    [
        ("aimlapi://:key@/", "https://api.aimlapi.com"),
        ("aimlapi://:key@api.example.com", "https://api.example.com"),
        ("aimlapi://:key@api.example.com:8443", "https://api.example.com:8443"),
        ("aimlapi://:key@https%3A%2F%2Fapi.example.com%2Fproxy", "https://api.example.com/proxy"),
        ("aimlapi://http://:key@127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("aimlapi://:key@127.0.0.1:8080/http", "http://127.0.0.1:8080"),
        ("https://:key@api.example.com", "https://api.example.com"),
        ("http://:key@api.example.com", "https://api.example.com"),
        ("generic://:key@api.example.com", "https://api.example.com"),
        ({"password": "key", "host": "api.example.com"}, "https://api.example.com"),
        ({"conn_type": "aimlapi", "password": "key"}, "https://api.aimlapi.com"),
        (
            {"conn_type": "aimlapi", "password": "key", "host": "http://localhost:8080/"},
            "http://localhost:8080",
        ),
        (
            {"conn_type": "aimlapi", "password": "key", "host": "https://h/v", "port": 8443},
            "https://h:8443/v",
        ),
        (
            {"conn_type": "aimlapi", "password": "key", "host": "https://h:1", "port": 1},
            "https://h:1",
        ),
    ],
)
def test_a_connection_means_one_base_url(
    monkeypatch: pytest.MonkeyPatch, connection: str | dict[str, object], base_url: str
) -> None:
    assert endpoint(monkeypatch, connection).base_url == base_url


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"password": None}, "has no API key"),
        ({"password": "two\nlines"}, "holds a space, a line break"),
        ({"host": "http://api.example.com"}, "in the clear"),
        ({"host": "https://me:secret@api.example.com"}, "user name or password"),
        ({"host": "https://api.example.com/?key=1"}, "query or a fragment"),
        ({"host": "ftp://api.example.com"}, "scheme is 'ftp'"),
        ({"host": "https://h:1", "port": 2}, "two ports"),
        ({"port": 8080}, "a port, no host"),
        ({"host": "https://h", "schema": "http"}, "one scheme in its host, another"),
        ({"host": "h", "schema": "v1"}, "something other than http or https"),
        ({"host": "https://[::1"}, "is not a URL"),
    ],
)
def test_wrong_connections_are_refused_without_their_key(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, object], sentence: str
) -> None:
    connection = {"conn_type": "aimlapi", "password": "sk-secret-4711", **fields}
    with pytest.raises(ConnectionIncomplete, match=sentence) as refused:
        endpoint(monkeypatch, connection)
    assert "'written'" in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("connection", "conn_type"),
    [
        ({"conn_type": "aws", "login": "AKIA", "password": "secret"}, "aws"),
        ("postgres://me:secret@db.example.com:5432/lake", "postgres"),
        ("google-cloud-platform://:secret@", "google_cloud_platform"),
    ],
)
def test_other_connection_types_give_no_key(
    monkeypatch: pytest.MonkeyPatch, connection: str | dict[str, object], conn_type: str
) -> None:
    with pytest.raises(ConnectionIncomplete, match=f"'aimlapi'.* of type '{conn_type}'") as no:
        endpoint(monkeypatch, connection)
    assert "aimlapi_conn_id" in str(no.value)
    assert "secret" not in str(no.value)


def test_malformed_connections_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ConnectionIncomplete, match="cannot be parsed") as no:
        endpoint(monkeypatch, '{"conn_type": "aimlapi", "password": "secret"')
    assert "AIRFLOW_CONN_WRITTEN" in str(no.value)
    assert "secret" not in str(no.value)


def test_missing_connections_are_named_with_the_fix() -> None:
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

    with pytest.raises(ConnectionIncomplete, match=r"'absent'.*AIRFLOW_CONN_ABSENT"):
        _ = AIMLAPIHook("absent").endpoint


@pytest.mark.parametrize(
    ("extra", "limit"), [({}, None), ({"max_concurrency": 8}, 8), ({"max_concurrency": "8"}, 8)]
)
def test_a_connection_may_limit_the_calls_in_flight(
    monkeypatch: pytest.MonkeyPatch, extra: dict[str, object], limit: int | None
) -> None:
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

    connection = {"conn_type": "aimlapi", "password": "key", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_WRITTEN", json.dumps(connection))
    assert AIMLAPIHook("written").max_concurrency == limit


@pytest.mark.parametrize(
    ("limit", "meant"), [(None, None), ("", None), (600, 600), ("600", 600), (1, 1)]
)
@pytest.mark.parametrize("name", ["requests_per_minute", "tokens_per_minute"])
def test_a_connection_may_limit_what_a_minute_takes(
    monkeypatch: pytest.MonkeyPatch, name: str, limit: object, meant: int | None
) -> None:
    """A field of the form that is left empty comes as null."""
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

    connection = {"conn_type": "aimlapi", "password": "key", "extra": {name: limit}}
    monkeypatch.setenv("AIRFLOW_CONN_WRITTEN", json.dumps(connection))
    assert AIMLAPIHook("written").limit(name) == meant


@pytest.mark.parametrize("limit", [0, -1, "many", 1.5, True, "600/min", [600]])
@pytest.mark.parametrize("name", ["max_concurrency", "requests_per_minute", "tokens_per_minute"])
def test_limits_that_are_no_numbers_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, limit: object
) -> None:
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

    connection = {"conn_type": "aimlapi", "password": "k", "extra": {name: limit}}
    monkeypatch.setenv("AIRFLOW_CONN_WRITTEN", json.dumps(connection))
    with pytest.raises(ConnectionIncomplete, match=f"{name} in its extra"):
        AIMLAPIHook("written").limit(name)
    is_ready, words = AIMLAPIHook("written").test_connection()
    assert not is_ready
    assert f"{name} in its extra" in words


def test_unknown_extras_are_warned_of_without_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key that was typed as a name or as a value is not repeated."""
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

    key = "sk-S3cr3tKey0123456789"
    extra = {"max_concurency": key, key: 1, f"{key}\n": 2, "nested": {key: key}}
    connection = {"conn_type": "aimlapi", "password": "k", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_WRITTEN", json.dumps(connection))
    assert AIMLAPIHook("written").max_concurrency is None
    logged = capsys.readouterr().out
    assert "'max_concurency' in its extra, which has no effect" in logged
    assert "'nested' in its extra" in logged
    assert "2 other field(s) in its extra" in logged
    assert key not in logged


@pytest.mark.parametrize("name", ["max_concurrency", "requests_per_minute", "tokens_per_minute"])
def test_wrong_limit_is_refused_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

    connection = {"conn_type": "aimlapi", "password": "k", "extra": {name: "sk-S3cr3t"}}
    monkeypatch.setenv("AIRFLOW_CONN_WRITTEN", json.dumps(connection))
    with pytest.raises(ConnectionIncomplete, match=name) as refused:
        AIMLAPIHook("written").limit(name)
    assert "S3cr3t" not in str(refused.value)


@pytest.mark.parametrize(
    "connection",
    [
        "generic://:secret@",
        "http://:secret@",
        {"password": "secret"},
        {"conn_type": "", "password": "secret", "host": "  "},
        {"conn_type": "HTTPS", "password": "secret", "schema": "https"},
        {"conn_type": "generic", "password": "secret", "port": 443},
    ],
)
def test_generic_connection_without_host_is_refused(
    monkeypatch: pytest.MonkeyPatch, connection: str | dict[str, object]
) -> None:
    """Its password may be another service's, and would go to the public API."""
    with pytest.raises(ConnectionIncomplete, match="names no host") as refused:
        endpoint(monkeypatch, connection)
    assert "type 'aimlapi'" in str(refused.value)
    assert "secret" not in str(refused.value)
