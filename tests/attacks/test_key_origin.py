"""The client that users get sends the key to its own origin, and requests nowhere else."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.api.client_session import open_client
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "sk-S3cr3tKey0123456789"
HOME = "https://api.aimlapi.com"
ELSEWHERE = [
    "https://api.aimlapi.com@evil.example/v1/models",
    "https://api.aimlapi.com:443@evil.example/",
    "https://api.aimlapi.com%40evil.example/",
    "https://api.aimlapi.com.evil.example/",
    "https://evil.example/https://api.aimlapi.com/",
    "https://evil.example#@api.aimlapi.com/",
    "https://evil.example?@api.aimlapi.com/",
    "https://api.aimlapi.com\\.evil.example/",
    "https://api.aimlapi.com:8443/v1/models",
    "https://api.aimlapi.com:80/",
    "http://api.aimlapi.com/v1/models",
    "http://api.aimlapi.com:443/",
    "https://api.aimlapi.com./",
    "https://aimlapi.com/",
    "https://www.api.aimlapi.com/",
    "https://api-aimlapi.com/",
    "https://xn--pi-aimlapi-com-7ph.example/",
    "https://аpi.aimlapi.com/",  # its first letter is Cyrillic
    "https://api.aimlapi\u3002com.evil.example/",
    "https://[::ffff:127.0.0.1]/",
    "https://0x7f000001/",
]


class Seen(ThreadingHTTPServer):
    """A server that notes the headers of each request, and answers or redirects."""

    def __init__(self, location: str | None = None) -> None:
        super().__init__(("127.0.0.1", 0), SeenRequest)
        self.location = location
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class SeenRequest(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Seen)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.server.paths.append(self.path)
        self.send_response(200 if self.server.location is None else 302)
        if self.server.location is not None:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *words: object) -> None:
        """Nothing: a test's output is for its failures."""


def serve(server: Seen) -> Iterator[Seen]:
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def home() -> Iterator[Seen]:
    yield from serve(Seen())


@pytest.fixture
def elsewhere() -> Iterator[Seen]:
    yield from serve(Seen())


def client_of(url: str) -> httpx.Client:
    return open_client(Endpoint(base_url=url, key=KEY), timeout_s=5.0)


@pytest.mark.parametrize("prefix", ["", "/gateway/aimlapi"])
def test_key_goes_to_own_origin(home: Seen, prefix: str) -> None:
    with client_of(home.url + prefix) as client:
        client.get("/v1/models")
        client.get("v1/models")
        client.get(f"{home.url}{prefix}/v1/models")
        client.send(client.build_request("POST", "/v1/models", json={}))
    assert home.paths == [f"{prefix}/v1/models"] * 4
    assert [seen["authorization"] for seen in home.headers] == [f"Bearer {KEY}"] * 4


@pytest.mark.parametrize("path", ["/v1/models", "/", "?q=1"])
def test_absolute_url_elsewhere_is_refused(home: Seen, elsewhere: Seen, path: str) -> None:
    with client_of(home.url) as client:
        for send in (client.get, client.post, client.head, client.options, client.delete):
            with pytest.raises(InvalidSpec, match="sends requests to") as refused:
                send(elsewhere.url + path)
            assert KEY not in str(refused.value)
        with pytest.raises(InvalidSpec), client.stream("GET", elsewhere.url + path):
            pass
        with pytest.raises(InvalidSpec):
            client.send(httpx.Request("GET", elsewhere.url + path))
    assert (elsewhere.paths, home.paths) == ([], [])


@pytest.mark.parametrize("follow", [False, True])
def test_redirect_elsewhere_carries_no_key(elsewhere: Seen, follow: bool) -> None:
    for moved in serve(Seen(f"{elsewhere.url}/v1/models")):
        with client_of(moved.url) as client:
            if follow:
                with pytest.raises(InvalidSpec):
                    client.get("/v1/models", follow_redirects=True)
            else:
                assert client.get("/v1/models").status_code == 302
    assert elsewhere.paths == []


@pytest.mark.parametrize("url", ELSEWHERE)
def test_lookalike_of_own_origin_is_refused(url: str) -> None:
    with (
        client_of(HOME) as client,
        pytest.raises((InvalidSpec, httpx.InvalidURL, UnicodeError)) as refused,
    ):
        client.get(url)
    assert KEY not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        f"{HOME}:443/v1",
        "HTTPS://API.AIMLAPI.COM/v1",
        "https://evil.example\\@api.aimlapi.com/v1",
        "//evil.example/v1",
        "/\\evil.example/v1",
    ],
)
def test_other_spelling_of_own_origin_gets_the_key(url: str) -> None:
    with client_of(HOME) as client:
        request = client.build_request("GET", url)
        client.event_hooks["request"][0](request)
    assert (request.url.scheme, request.url.raw_host) == ("https", b"api.aimlapi.com")
    assert request.headers["Authorization"] == f"Bearer {KEY}"


def test_own_header_and_credentials_in_a_url_are_kept(home: Seen) -> None:
    with client_of(home.url) as client:
        client.get("/", headers={"Authorization": "Bearer another"})
        client.get(home.url.replace("http://", "http://me:word@"))
    assert [KEY in seen["authorization"] for seen in home.headers] == [False, False]


def test_client_itself_holds_the_key_in_no_header() -> None:
    with client_of(HOME) as client:
        request = client.build_request("GET", "/v1/models")
        shown = [
            repr(client),
            repr(vars(client)),
            str(client.headers.raw),
            str(request.headers.raw),
        ]
    assert not [text for text in shown if KEY in text]


@given(
    scheme=st.sampled_from(["https", "http", "ftp", ""]),
    user=st.sampled_from(["", "api.aimlapi.com@", "a:b@"]),
    host=st.one_of(
        st.sampled_from(["api.aimlapi.com", "evil.example", "API.aimlapi.com", "[::1]"]),
        st.text(max_size=12),
    ),
    port=st.sampled_from(["", ":443", ":80", ":8443", ":"]),
    path=st.text(max_size=8),
)
def test_key_is_attached_for_own_origin_only(**parts: Any) -> None:
    url = f"{parts['scheme']}://{parts['user']}{parts['host']}{parts['port']}/{parts['path']}"
    with client_of(HOME) as client:
        try:
            request = client.build_request("GET", url)
            client.event_hooks["request"][0](request)
        except (httpx.InvalidURL, InvalidSpec, ValueError):
            return
    origin = (request.url.scheme, request.url.raw_host, request.url.port)
    assert origin == ("https", b"api.aimlapi.com", None)
