"""What is taken from the environment: proxies as httpx takes them, certificates, and nothing else."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

import httpx
import pytest
import trustme
from hypothesis import example, given, settings
from hypothesis import strategies as st

from airflow_provider_aimlapi.api.http.environment import settle_route
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.route import Route, route_of_extra
from airflow_provider_aimlapi.errors import ConnectionIncomplete

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

API = "https://api.example.com"
TLS = ssl.create_default_context()
HOSTS = [
    "api.example.com",
    "example.com",
    "deep.api.example.com",
    "notexample.com",
    "api.example.com:8443",
    "localhost",
    "127.0.0.1",
    "10.1.2.3",
    "10.1.2.3:8443",
    "[fd00::1]",
    "[::1]:8443",
    "bücher.example",
]
ENTRIES = [
    "",
    " ",
    "*",
    "*.example.com",
    "example.com",
    ".example.com",
    " example.com ",
    "API.EXAMPLE.COM",
    "api.example.com:443",
    "api.example.com:8443",
    "example.com.",
    "example.org",
    "com",
    "https://example.com",
    "https://api.example.com",
    "http://api.example.com",
    "all://api.example.com:8443",
    "https://",
    "all://",
    "all://*",
    "localhost",
    "LOCALHOST",
    "127.0.0.1",
    "127.0.0.0/8",
    "10.0.0.0/8",
    "10.1.2.3/32",
    "10.1.2.3:8443",
    "::1",
    "fd00::1",
    "a b",
    "https://[",
    "10.1.2.3:99999",
    "xn--bcher-kva.example",
    "a/b",
    "example.com/path",
]
UNREADABLE = ["[::1]", "[fd00::1]", "fd00::/8", "api.example.com:port", "bücher.example"]
"""httpx makes no client at all with one of these."""
NAMES = st.sampled_from(["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "Https_Proxy"])
NO_NAMES = st.sampled_from(["NO_PROXY", "no_proxy"])
PROXIES = st.sampled_from(["http://one.corp:1", "two.corp:2", "HTTP://me:pw@Three.Corp", ""])


def through(variables: Mapping[str, str], host: str) -> str | None:
    """Host and port of the proxy that we choose."""
    endpoint = Endpoint(base_url=f"https://{host}", key="key")
    proxy = settle_route(endpoint, variables).route.proxy
    return None if proxy is None else proxy.shown_address


def through_by_httpx(variables: Mapping[str, str], host: str) -> str | None:
    """Host and port of the proxy that httpx chooses."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        client = httpx.Client(verify=TLS, trust_env=True)
    finally:
        os.environ.clear()
        os.environ.update(before)
    with client:
        transport = client._transport_for_url(httpx.URL(f"https://{host}"))
    if transport is client._transport:
        return None
    assert isinstance(transport, httpx.HTTPTransport)
    url = transport._pool._proxy_url  # type: ignore[attr-defined]  # httpcore's proxy pool
    return f"{url.host.decode()}:{url.port or 80}"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("host", HOSTS)
def test_no_proxy_is_read_as_httpx_reads_it(host: str) -> None:
    for entry in ENTRIES:
        variables = {"HTTPS_PROXY": "http://one.corp:1", "NO_PROXY": f"other.org,{entry}"}
        assert through(variables, host) == through_by_httpx(variables, host), entry


@given(
    proxies=st.dictionaries(NAMES, PROXIES),
    exempt=st.dictionaries(NO_NAMES, st.lists(st.sampled_from(ENTRIES), max_size=3).map(",".join)),
    host=st.sampled_from(HOSTS),
)
@example({"all_proxy": "one.corp:1"}, {"NO_PROXY": "all://"}, "example.com")
@example({"HTTPS_PROXY": "one.corp:1", "https_proxy": ""}, {}, "example.com")
@settings(max_examples=300)
def test_variables_are_read_as_httpx_reads_them(
    proxies: dict[str, str], exempt: dict[str, str], host: str
) -> None:
    variables = {**proxies, **exempt}
    assert through(variables, host) == through_by_httpx(variables, host)


@pytest.mark.parametrize("entry", UNREADABLE)
def test_an_unreadable_entry_of_no_proxy_exempts_nothing(entry: str) -> None:
    variables = {"HTTPS_PROXY": "one.corp:1", "NO_PROXY": f"{entry},example.com"}
    with pytest.raises(httpx.InvalidURL):
        through_by_httpx(variables, "example.com")
    assert through(variables, "example.com") is None
    assert through(variables, "10.1.2.3") == "one.corp:1"


def test_proxies_for_http_and_others_are_not_for_https() -> None:
    variables = {"HTTP_PROXY": "one.corp:1", "FTP_PROXY": "one.corp:1", "MY_HTTPS_PROXY": "x"}
    assert through(variables, "api.example.com") is None


@pytest.mark.parametrize("extra", [{}, {"proxy": "connection.corp:1"}])
def test_an_http_endpoint_goes_without_proxy(extra: dict[str, object]) -> None:
    """It is on this machine; a proxy would see the key, or lead to another machine's loopback."""
    route = route_of_extra(extra, connection="c")
    endpoint = Endpoint(base_url="http://127.0.0.1:8080", key="key", route=route)
    variables = {
        "HTTP_PROXY": "one.corp:1",
        "ALL_PROXY": "socks5://one.corp",
        "SSL_CERT_FILE": "/no",
    }
    assert settle_route(endpoint, variables).route == Route()


def settled(extra: dict[str, object], variables: dict[str, str]) -> Route:
    route = route_of_extra(extra, connection="lake")
    return settle_route(Endpoint(base_url=API, key="key", route=route), variables).route


def test_the_connection_goes_before_the_environment() -> None:
    variables = {"HTTPS_PROXY": "one.corp:1", "NO_PROXY": "*"}
    assert "connection.corp:2" in settled({"proxy": "connection.corp:2"}, variables).note_for_errors
    del variables["NO_PROXY"]
    assert settled({"proxy": "none"}, variables).proxy is None
    assert "'lake'" in settled({"proxy": "none"}, variables).note_for_errors
    assert "one.corp:1, from HTTPS_PROXY" in settled({"proxy": ""}, variables).note_for_errors


def test_an_unusable_proxy_of_the_environment_is_named() -> None:
    for name in ("HTTPS_PROXY", "all_proxy"):
        with pytest.raises(ConnectionIncomplete, match=f"{name} names a SOCKS proxy"):
            settled({}, {name: "socks5h://me:secret@one.corp"})
    route = settled({}, {"all_proxy": "socks5://one.corp", "no_proxy": "example.com"})
    assert route.note_for_errors == " (directly: no_proxy exempts it from all_proxy)"
    assert settled({"proxy": "none"}, {"all_proxy": "socks5://one.corp"}).proxy is None


def test_nothing_is_said_where_nothing_is_set() -> None:
    assert settled({}, {"NO_PROXY": "*", "no_proxy": "example.com"}) == Route()


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A certificate file of its own for each way to name one."""
    folder = tmp_path_factory.mktemp("bundles")
    hashed = folder / "hashed"
    hashed.mkdir()
    trustme.CA().cert_pem.write_to_path(str(hashed / "0a1b2c3d.0"))
    for name in ("ca_file", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        trustme.CA().cert_pem.write_to_path(str(folder / name))
    paths = {path.name: str(path) for path in folder.iterdir()}
    return {**paths, "SSL_CERT_DIR": paths.pop("hashed")}


def test_the_first_certificates_that_are_named_count(bundles: dict[str, str]) -> None:
    order = ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
    for number, name in enumerate(order):
        variables = {later: bundles[later] for later in order[number:]}
        variables |= dict.fromkeys(order[:number], "")
        assert settled({}, variables).trusted_certificates == f"{bundles[name]!r} from {name}"
    everything = {name: bundles[name] for name in order}
    route = settled({"ca_file": bundles["ca_file"]}, everything)
    assert route.trusted_certificates.startswith(repr(bundles["ca_file"]))
    assert "'lake'" in route.trusted_certificates


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR"])
def test_some_variables_may_name_folders(bundles: dict[str, str], name: str) -> None:
    assert settled({}, {name: bundles["SSL_CERT_DIR"]}).certificates is not None


def test_missing_certificates_are_an_error_before_any_call(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent.pem")
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        with pytest.raises(ConnectionIncomplete, match=f"{name} names '.*absent.pem'"):
            settled({}, {name: absent})
    with pytest.raises(ConnectionIncomplete, match="ca_file in the extra of connection 'lake'"):
        settled({"ca_file": absent}, {})
    route = route_of_extra({"ca_file": absent}, connection="lake")
    local = Endpoint(base_url="http://127.0.0.1:1", key="key", route=route)
    with pytest.raises(ConnectionIncomplete, match="ca_file in the extra"):
        settle_route(local, {})


def test_nothing_else_is_taken_from_the_environment() -> None:
    """What other programs read there changes neither where the key goes nor how it is checked."""
    others = {
        "AIMLAPI_BASE_URL": "https://elsewhere.example",
        "OPENAI_BASE_URL": "https://elsewhere.example",
        "PYTHONHTTPSVERIFY": "0",
        "SSL_VERIFY": "false",
        "NETRC": "/etc/passwd",
        "SSLKEYLOGFILE": "/absent/keys",
        "AWS_CA_BUNDLE": "/absent",
        "NODE_TLS_REJECT_UNAUTHORIZED": "0",
    }
    endpoint = Endpoint(base_url=API, key="key")
    assert settle_route(endpoint, others) == endpoint
