from __future__ import annotations

import dataclasses
import traceback
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.calls.endpoint import DEFAULT_BASE_URL, Endpoint, parse_endpoint
from airflow_provider_aimlapi.errors import ConnectionIncomplete, SetupError

KEY = "sk-S3cr3tKey0123456789"
WRONG_KEYS = {
    "no key": None,
    "empty": "",
    "blank": "  \n",
    "line break at the end": KEY + "\n",
    "line break inside": f"{KEY}\r\nX-Evil: 1",
    "space before": " " + KEY,
    "space inside": KEY + " " + KEY,
    "tab": KEY + "\t",
    "NUL": KEY + "\x00",
    "not ASCII": KEY + "é",
    "zero width space": KEY + "\u200b",
    "escape": KEY + "\x1b[0m",
}
WRONG_HOSTS = {
    "user and password": "https://ann:S3cr3tWord@api.example.com",
    "user": "https://ann@api.example.com",
    "empty user": "https://@api.example.com",
    "user without scheme": "ann:S3cr3tWord@api.example.com",
    "user behind a backslash": "https://api.example.com\\@evil.example.com",
    "user and a letter that is no host name's": "https://ann:S3cr3tWord@ex\u2100mple.com",
    "query": "https://api.example.com?key=S3cr3tWord",
    "empty query": "https://api.example.com/?",
    "fragment": "https://api.example.com#S3cr3tWord",
    "empty fragment": "https://api.example.com#",
    "http": "http://api.example.com",
    "http to a name like loopback": "http://localhost.example.com",
    "http to an address like loopback": "http://127.0.0.1.example.com",
    "http in the network": "http://192.168.1.5:8080",
    "ftp": "ftp://api.example.com",
    "file": "file:///etc/passwd",
    "no host": "https://",
    "path only": "https:///v1",
    "space": "https://api.example.com /v1",
    "line break": "https://api.exa\nmple.com",
    "NUL": "https://api.example.com\x00",
    "port too high": "https://api.example.com:99999",
    "port that is a word": "https://api.example.com:S3cr3tWord",
    "broken IPv6": "https://[::1",
}


def endpoint(host: str | None = None, key: str | None = KEY) -> Endpoint:
    return parse_endpoint(host=host, key=key, connection="my_conn")


@pytest.mark.parametrize("host", [None, "", "  "])
def test_an_empty_host_means_the_public_api(host):
    assert endpoint(host).base_url == DEFAULT_BASE_URL == "https://api.aimlapi.com"


@pytest.mark.parametrize(
    ("host", "base_url"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com/", "https://api.example.com"),
        ("api.example.com", "https://api.example.com"),
        ("api.example.com:8443", "https://api.example.com:8443"),
        (" https://api.example.com \n", "https://api.example.com"),
        ("HTTPS://API.Example.com", "https://api.example.com"),
        ("https://proxy.example.com/aimlapi/", "https://proxy.example.com/aimlapi"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://[2001:db8::1]/", "https://[2001:db8::1]"),
    ],
)
def test_hosts_that_a_key_may_be_sent_to(host, base_url):
    assert endpoint(host).base_url == base_url


@pytest.mark.parametrize("host", WRONG_HOSTS.values(), ids=WRONG_HOSTS.keys())
def test_host_unsafe_for_a_key_is_refused_without_secrets(host):
    with pytest.raises(ConnectionIncomplete, match="my_conn") as caught:
        endpoint(host)
    shown = "".join(traceback.format_exception(caught.value))
    assert "S3cr3t" not in str(caught.value)
    assert KEY not in shown
    assert "host" in str(caught.value)
    assert isinstance(caught.value, SetupError)


@pytest.mark.parametrize("key", WRONG_KEYS.values(), ids=WRONG_KEYS.keys())
def test_key_unfit_for_a_header_is_refused_without_it(key):
    with pytest.raises(ConnectionIncomplete, match="my_conn") as caught:
        endpoint(key=key)
    assert "key" in str(caught.value)
    assert KEY not in "".join(traceback.format_exception_only(caught.value))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@given(st.text(min_size=12))
def test_no_text_in_the_key_field_is_ever_shown(key):
    try:
        made = endpoint(key=key)
    except ConnectionIncomplete as error:
        shown = str(error) + repr(error)
    else:
        shown = repr(made) + str(made)
        assert made.key == key
    assert key not in shown


@given(st.text())
def test_any_host_is_a_base_url_or_an_error(host):
    with suppress(ConnectionIncomplete):
        base_url = endpoint(host).base_url
        assert base_url.startswith(
            ("https://", "http://localhost", "http://127.0.0.1", "http://[::1]")
        )
        assert not set(base_url) & set("@?# \t\r\n")
        assert not base_url.endswith("/")


def test_key_is_in_no_text_of_an_endpoint():
    made = endpoint("https://api.example.com")
    assert made.key == KEY
    assert KEY not in f"{made!r} {made!s} {made.origin} {made.url_of_path('/v1/key')}"


def test_urls_and_origin():
    made = endpoint("https://proxy.example.com:8443/aimlapi/")
    assert made.url_of_path("/v1/chat/completions") == (
        "https://proxy.example.com:8443/aimlapi/v1/chat/completions"
    )
    assert made.origin == "https://proxy.example.com:8443"


def test_an_endpoint_cannot_change_once_it_was_checked():
    with pytest.raises(dataclasses.FrozenInstanceError):
        endpoint().base_url = "http://evil.example.com"  # type: ignore[misc]
