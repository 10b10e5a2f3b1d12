"""Whatever is typed as a host, the outcome is one base URL or one clear error, without secrets."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import traceback
import warnings
from asyncio.selector_events import BaseSelectorEventLoop
from typing import TYPE_CHECKING, NoReturn

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_aimlapi.api.client_session import open_client
from airflow_provider_aimlapi.core.calls.endpoint import parse_endpoint, typed_base_url
from airflow_provider_aimlapi.engine import blocking as entry
from airflow_provider_aimlapi.errors import AimlapiError, ApiUnavailable, ConnectionIncomplete

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

KEY = "sk-S3cr3tKey0123456789"
WORD = "S3cr3tWord"
NAMES = [
    "api.example.com", "API.example.com.", "localhost", "a", "a_b.example", "-a.example", "a-.example",
    "a..example", ".example", "example.", "..", ".", "%", "%00", "a%2eb", "a%", "*", "*.example", "a,b",
    "a;b", "a|b", "a^b", "a`b", "a{b}", "a<b>", "a'b", 'a"b', "a b", "a\tb", "a\nb", "a\r\nb", "a\x00b",
    "a\\b", "\\\\a\\b", "a/../b", "1", "1.2", "1.2.3", "1.2.3.4", "1.2.3.4.5", "1.2.3.256", "01.2.3.4",
    "0x7f.0.0.1", "0x7f000001", "2130706433", "127.1", "[::1]", "[::]", "[::1", "::1", "[::1]x", "[1.2.3.4]",
    "[fe80::1%25eth0]", "[fe80::1%eth0]", "[v1.a:b]", "[]", "xn--a", "xn--", "xn--0.pt", "xn--ls8h.la",
    "xn--bcher-kva.example", "bücher.example", "BÜCHER.example", "bücher.example.", "ß.example", "💩.la",
    "аpi.example", "a\u200bb.example", "a\u202eb.example", "a\u3002b.example", "a\uff0fb", "a\uff20b",
    "\ud800", "ｅxample.com", "℀.example", "a\u00adb.example", "\u0301a.example", "a" * 63 + ".example",
    "a" * 64 + ".example", "a." * 126 + "a", "a." * 127 + "a", "ü" * 200, "a" * 70_000,
]  # fmt: skip
TYPED = [
    "{}", "https://{}", "http://{}", "{}:443", "https://{}:8443/v", "https://{}:", "https://{}:0",
    "https://{}:65535", "https://{}:65536", "https://{}:-1", "https://{}:１", "{}:" + WORD,
    f"https://ann:{WORD}@{{}}", f"ann:{WORD}@{{}}", "https://{}?x", "https://{}#x", "https://{}/" + "p/" * 900,
    "https://{}/\u202e", "https://{}/a b", "https:///{}", "https:{}", "ftp://{}", "javascript:{}", "://{}",
    "https://https://{}", "https://{}//", "https://{}/..", "https://{}/%zz", "\u2028https://{}", "https://{}/\\..",
]  # fmt: skip


def endpoint_of(host: str) -> Endpoint:
    base_url = typed_base_url(host=host, port=None, schema=None, connection="typed")
    return parse_endpoint(host=base_url, key=KEY, connection="typed")


def check(host: str) -> bool:
    """Whether the host is one; it is refused in one way otherwise."""
    endpoint, refused = None, ""
    try:
        endpoint = endpoint_of(host)
    except ConnectionIncomplete as error:
        refused = str(error)
    if endpoint is None:
        assert refused.isprintable()
        assert KEY not in refused
        assert WORD not in refused
        return False
    with open_client(endpoint) as client:
        request = client.build_request("GET", "/v1/models")
        client.event_hooks["request"][0](request)
    url = httpx.URL(endpoint.url_of_path("/v1/models"))
    assert request.url == url
    assert url.host  # httpx decodes it, and so must be able to
    assert endpoint.base_url.isascii() or endpoint.base_url.partition("://")[2].count("/")
    assert endpoint.origin.isascii()
    assert url.scheme == "https" or url.host in ("localhost", "127.0.0.1", "::1")
    return True


@pytest.fixture(scope="module", autouse=True)
def _one_tls_context() -> Iterator[None]:
    """Made once: reading certificates takes longer than all the rest."""
    context = httpx.create_ssl_context(trust_env=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx, "create_ssl_context", lambda **_: context)
        patch.setattr("httpx._transports.default.create_ssl_context", lambda **_: context)
        yield


def test_each_spelling_is_a_base_url_or_one_error() -> None:
    accepted = {
        typed.format(name) for typed in TYPED for name in NAMES if check(typed.format(name))
    }
    assert 100 < len(accepted) < len(TYPED) * len(NAMES) // 2
    assert {
        "api.example.com",
        "https://[::1]:8443/v",
        "bücher.example",
        "http://localhost",
    } <= accepted


@given(host=st.one_of(st.text(), st.lists(st.sampled_from([*NAMES, *TYPED])).map("".join)))
@example(host="https://0")
def test_any_text_is_a_base_url_or_one_error(host: str) -> None:
    check(host)


@given(
    host=st.text(max_size=20),
    port=st.none() | st.integers(-1, 70_000),
    schema=st.none() | st.text(max_size=6) | st.sampled_from(["http", "https"]),
)
def test_any_uri_is_a_base_url_or_one_error(
    host: str, port: int | None, schema: str | None
) -> None:
    try:
        typed = typed_base_url(host=host, port=port, schema=schema, connection="typed")
    except ConnectionIncomplete:
        return
    check(typed)


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> AIMLAPIHook:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a first import of Airflow says
        from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

    def unknown(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def unreachable(*_: object) -> NoReturn:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr(BaseSelectorEventLoop, "sock_connect", unreachable)
    # uvloop resolves and connects by itself.
    monkeypatch.setattr(entry, "new_event_loop", asyncio.new_event_loop)
    return AIMLAPIHook("typed")


@pytest.mark.parametrize("typed", ["{}", "https://{}:8443/v", f"https://ann:{WORD}@{{}}"])
def test_hook_answers_each_spelling_in_one_way(
    hook: AIMLAPIHook, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    outcomes = set()
    for name in NAMES:
        if "\x00" in name or name == "\ud800":  # neither stands in an environment variable
            continue
        connection = {"conn_type": "aimlapi", "password": KEY, "host": typed.format(name)}
        monkeypatch.setenv("AIRFLOW_CONN_TYPED", json.dumps(connection))
        is_connected, words = hook.test_connection()
        shown = words
        try:
            hook.get_conn().close()
            hook.complete("Hello", max_attempts=1, request_timeout_s=5)
        except AimlapiError as error:
            outcomes.add(type(error))
            shown += "".join(traceback.format_exception(error))
        assert not is_connected
        assert words.isprintable()
        assert KEY not in shown
        assert WORD not in shown
    assert outcomes <= {ConnectionIncomplete, ApiUnavailable}
    assert ConnectionIncomplete in outcomes
