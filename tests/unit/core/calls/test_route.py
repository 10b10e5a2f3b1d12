"""Proxy URLs and the fields of a connection's extra that name the way to the API."""

from __future__ import annotations

from base64 import b64decode

import pytest

from airflow_provider_aimlapi.core.calls.endpoint import Endpoint, parse_endpoint
from airflow_provider_aimlapi.core.calls.route import (
    PLAIN_ROUTE,
    Setting,
    parse_proxy,
    route_of_extra,
)
from airflow_provider_aimlapi.errors import ConnectionIncomplete

SETTING = Setting(name="HTTPS_PROXY", remedy="Correct HTTPS_PROXY.")
PASSWORD = "pa55-word"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://proxy.corp:3128", "proxy.corp:3128"),
        ("http://proxy.corp:3128/", "proxy.corp:3128"),
        ("HTTP://Proxy.Corp:3128", "proxy.corp:3128"),
        ("proxy.corp:3128", "proxy.corp:3128"),
        ("http://proxy.corp", "proxy.corp:80"),
        ("10.1.2.3:8080", "10.1.2.3:8080"),
        ("http://[fd00::1]:3128", "[fd00::1]:3128"),
        ("http://me:pw@proxy.corp:3128", "proxy.corp:3128"),
    ],
)
def test_proxy_url_names_host_and_port(url: str, address: str) -> None:
    assert parse_proxy(url, SETTING).shown_address == address


@pytest.mark.parametrize(
    ("userinfo", "pair"),
    [
        ("me:pa55-word", "me:pa55-word"),
        ("me:p%40ss%2F%3A", "me:p@ss/:"),
        ("me:p@ss", "me:p@ss"),
        ("DOM%5Cme:%C3%BC", "DOM\\me:ü"),
        ("token-alone", "token-alone:"),
        (":pa55-word", ":pa55-word"),
    ],
)
def test_credentials_become_a_basic_header(userinfo: str, pair: str) -> None:
    authorization = parse_proxy(f"http://{userinfo}@proxy.corp", SETTING).authorization
    assert authorization is not None
    kind, token = authorization.split()
    assert (kind, b64decode(token).decode()) == ("Basic", pair)


def test_credentials_outside_utf8_are_sent_unchanged() -> None:
    proxy = parse_proxy("http://me:\udcff\udcfe@proxy.corp", SETTING)
    assert proxy.authorization is not None
    assert b64decode(proxy.authorization.split()[1]) == b"me:\xff\xfe"


@pytest.mark.parametrize(
    ("userinfo", "secrets"),
    [
        ("me:p%40ss", {"p@ss", "p%40ss", "bWU6cEBzcw=="}),
        ("token-alone", {"token-alone", "dG9rZW4tYWxvbmU6"}),
    ],
)
def test_every_form_of_credentials_is_to_be_masked(userinfo: str, secrets: set[str]) -> None:
    assert set(parse_proxy(f"http://{userinfo}@proxy.corp", SETTING).secrets) == secrets


def test_no_repr_shows_credentials() -> None:
    extra = {"proxy": f"http://me:{PASSWORD}@proxy.corp"}
    endpoint = parse_endpoint(host=None, key="key", connection="c", extra=extra)
    proxy = endpoint.route.proxy
    assert proxy is not None
    for secret in (*proxy.secrets, "Basic", "me:"):
        assert (
            secret not in repr(endpoint) + repr(proxy) + str(proxy) + endpoint.route.note_for_errors
        )


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (f"socks5://me:{PASSWORD}@proxy.corp:1080", "a SOCKS proxy"),
        (f"socks5h://{PASSWORD}", "a SOCKS proxy"),
        (f"socks4://me:{PASSWORD}@proxy.corp", "a SOCKS proxy"),
        (f"https://me:{PASSWORD}@proxy.corp", "https:// URL"),
        (f"ftp://me:{PASSWORD}@proxy.corp", "something other than an HTTP proxy"),
        (f"{PASSWORD}://proxy.corp", "something other|no URL"),
        (f"http://me:{PASSWORD}@", "not the URL of a proxy"),
        (f"http://me:{PASSWORD}@:3128", "not the URL of a proxy"),
        (f"http://me:{PASSWORD}/x@proxy.corp", "not the URL of a proxy"),
        (f"http://me:12/{PASSWORD}@proxy.corp", "not the URL of a proxy"),
        (f"http://me:12#{PASSWORD}@proxy.corp", "not the URL of a proxy"),
        (f"http://me:12?{PASSWORD}@proxy.corp", "not the URL of a proxy"),
        (f"http://me:{PASSWORD}@proxy.corp:port", "not the URL of a proxy"),
        (f"http://me:{PASSWORD}@proxy.corp:99999", "not the URL of a proxy"),
        (f"http://me:{PASSWORD}@pro xy", "not the URL of a proxy"),
        (f"http://me:{PASSWORD}@pro\x00xy", "not the URL of a proxy"),
        (f"http://me:{PASSWORD}@pro\udcffxy", "not the URL of a proxy"),
        (f"http://me:{PASSWORD}@[::1", "not the URL of a proxy"),
        ("http://wpad/wpad.dat", "not the URL of a proxy"),
        ("://", "not the URL of a proxy|something other"),
    ],
)
def test_a_wrong_proxy_is_refused_without_its_value(url: str, sentence: str) -> None:
    with pytest.raises(ConnectionIncomplete, match=sentence) as refused:
        parse_proxy(url, SETTING)
    assert "HTTPS_PROXY" in str(refused.value)
    assert "http://host:port" in str(refused.value)
    assert PASSWORD not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    "extra", [{}, {"proxy": None}, {"proxy": "", "ca_file": " "}, {"other": 1}]
)
def test_empty_fields_name_nothing(extra: dict[str, object]) -> None:
    assert route_of_extra(extra, connection="c") == PLAIN_ROUTE


@pytest.mark.parametrize("word", ["none", "None", " NONE "])
def test_none_means_no_proxy_whatever_else_says(word: str) -> None:
    route = route_of_extra({"proxy": word}, connection="lake")
    assert route.proxy is None
    assert route.direct_because == "proxy in the extra of connection 'lake' is \"none\""


def test_fields_name_proxy_and_certificates() -> None:
    extra = {"proxy": "proxy.corp:3128", "ca_file": "/etc/corp.pem"}
    route = route_of_extra(extra, connection="lake")
    assert route.proxy is not None
    assert route.certificates is not None
    assert route.proxy.shown_address == "proxy.corp:3128"
    assert "connection 'lake'" in route.note_for_errors
    assert route.certificates.path == "/etc/corp.pem"
    assert (
        route.trusted_certificates
        == "'/etc/corp.pem' from ca_file in the extra of connection 'lake'"
    )


@pytest.mark.parametrize("name", ["proxy", "ca_file"])
@pytest.mark.parametrize("value", [1, True, ["http://me:pa55-word@p"], {"https": "pa55-word"}])
def test_a_field_that_is_no_text_is_refused(name: str, value: object) -> None:
    with pytest.raises(ConnectionIncomplete, match=f"'lake': {name} in its extra") as refused:
        route_of_extra({name: value}, connection="lake")
    assert PASSWORD not in str(refused.value)


def test_route_is_no_part_of_the_origin() -> None:
    route = route_of_extra({"proxy": "p:1", "ca_file": "/x"}, connection="c")
    endpoint = Endpoint(base_url="https://api.example.com/v", key="key", route=route)
    assert endpoint.origin == "https://api.example.com"
