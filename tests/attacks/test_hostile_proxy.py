"""Whatever a proxy does: nothing is billed, no secret is seen or said, and memory and time have ends."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
import trustme
import uvloop

from airflow_provider_aimlapi.api.client import CompletionClient
from airflow_provider_aimlapi.api.http.environment import settle_route
from airflow_provider_aimlapi.api.http.transport import open_transport
from airflow_provider_aimlapi.api.http.tunnel import HEAD_BYTES_MAX
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.errors import AccessRefused, ApiError, ApiUnavailable
from tests.fakes.connect_proxy import ESTABLISHED, ConnectProxy
from tests.fakes.corporate_network import (
    BASE_URL,
    CREDENTIALS,
    HOST,
    SECRETS,
    TARGET,
    TYPED_CREDENTIALS,
    TlsFront,
)
from tests.unit.api.raw_server import answering, http_answer

T = TypeVar("T")
KEY = "key-that-no-proxy-may-see-0123456789"
PROMPT = b'{"prompt": "row-that-no-proxy-may-see"}'
MARKER = "words-of-the-proxy"
OPEN_FILES = Path("/proc/self/fd")
LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
Misbehave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def run(work: Awaitable[T], make_loop: Callable[[], asyncio.AbstractEventLoop]) -> T:
    async def body() -> T:
        return await work

    with asyncio.Runner(loop_factory=make_loop) as runner:
        return runner.run(body())


def endpoint(proxy: ConnectProxy, **variables: str) -> Endpoint:
    url = f"http://{TYPED_CREDENTIALS}@127.0.0.1:{proxy.port}"
    return settle_route(
        Endpoint(base_url=BASE_URL, key=KEY), {"HTTPS_PROXY": url, "NO_PROXY": "", **variables}
    )


async def failure(proxy: ConnectProxy, *, timeout_s: float = 20.0, **variables: str) -> ApiError:
    """What a call raises."""
    to = endpoint(proxy, **variables)
    transport = open_transport(connections_max=2, route=to.route, connect_timeout_s=timeout_s)
    async with CompletionClient(to, transport=transport, request_timeout_s=30) as client:
        with pytest.raises(ApiError) as raised:
            await client.send(PROMPT, "row")
    return raised.value


def check(error: ApiError, proxy: ConnectProxy) -> None:
    """What holds for every failure."""
    text = str(error)
    assert not error.is_perhaps_billed
    assert error.status is None
    assert "HTTPS_PROXY" in text
    assert f"127.0.0.1:{proxy.port}" in text
    assert not [secret for secret in (*SECRETS, KEY, MARKER, "svc-lake") if secret in text]
    assert "\n" not in text
    assert proxy.connections == 1
    assert len(proxy.heads) == 1


def head(status: str, *fields: str, body: str = "") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"X-Words: {MARKER}", *fields, "", body]
    return "\r\n".join(lines).encode("latin-1")


GARBAGE = {
    "nothing": b"",
    "blank lines": b"\r\n\r\n",
    "no version": b"200 OK\r\n\r\n",
    "http/2": b"HTTP/2 200 OK\r\n\r\n",
    "http/0.9": f"<html>{MARKER}</html>\r\n\r\n".encode(),
    "icecast": b"ICY 200 OK\r\n\r\n",
    "four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "no digits": b"HTTP/1.1 OK\r\n\r\n",
    "other digits": "HTTP/1.1 ２００ OK\r\n\r\n".encode(),
    "minus": b"HTTP/1.1 -200 OK\r\n\r\n",
    "blank before": b" HTTP/1.1 200 OK\r\n\r\n",
    "interim": head("100 Continue"),
    "switching": head("101 Switching Protocols", "Upgrade: tls"),
    "tls alert": b"\x15\x03\x03\x00\x02\x02\x28\n\n",
    "http/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "socks": b"\x05\x00\n\n",
    "no end": b"HTTP/1.1 200 OK\r\nX-Words: " + MARKER.encode(),
    "no blank line": ESTABLISHED[:-2],
    "bare cr": b"HTTP/1.1 200 OK\r\r\r\r",
    "zeros": bytes(4096) + b"\n\n",
    "extra byte": ESTABLISHED + b"\0",
    "extra answer": ESTABLISHED + http_answer(MARKER.encode()),
    "body": head("200 OK", "Content-Length: 5", body="words"),
    "tls bytes": ESTABLISHED + b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03",
}
LASTING = {
    "302": head("302 Found", "Location: http://127.0.0.1:9/"),
    "307": head("307 Temporary Redirect", f"Location: {BASE_URL}/v1/chat/completions"),
    "400": head("400 Bad Request", body=MARKER),
    "401": head("401 Unauthorized", 'WWW-Authenticate: Basic realm="x"'),
    "403": head("403 Forbidden", "Set-Cookie: a=b", body=f"<html>{MARKER}"),
    "404": head("404 Not Found"),
    "405": head("405 Method Not Allowed"),
    "407": head("407 Proxy Authentication Required", f'Proxy-Authenticate: Basic realm="{MARKER}"'),
    "501": head("501 Not Implemented"),
    "511": head("511 Network Authentication Required"),
}
PASSING = {
    str(status): head(f"{status} {MARKER}", f"X-Echo: {SECRETS[2]} {SECRETS[0]}", body=MARKER * 99)
    for status in (408, 425, 429, 500, 502, 503, 504, 599)
}


@pytest.mark.parametrize("make_loop", LOOPS)
@pytest.mark.parametrize("name", [*GARBAGE, *PASSING])
def test_no_answer_but_a_tunnel_lets_anything_out(
    name: str, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """The proxy closes after what it has said."""

    async def attack() -> None:
        async with ConnectProxy(answer={**GARBAGE, **PASSING}[name]) as proxy:
            error = await failure(proxy)
            assert isinstance(error, ApiUnavailable)
            check(error, proxy)
            assert proxy.rest == b""

    run(attack(), make_loop)


@pytest.mark.parametrize("make_loop", LOOPS)
@pytest.mark.parametrize("name", LASTING)
def test_a_refusal_ends_the_run_and_is_followed_nowhere(
    name: str, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def attack() -> None:
        async with ConnectProxy(answer=LASTING[name]) as proxy:
            error = await failure(proxy)
            assert isinstance(error, AccessRefused)
            check(error, proxy)
            assert f"HTTP {name}" in str(error)
            assert ("user name and password" in str(error)) is (name == "407")
            assert proxy.rest == b""

    run(attack(), make_loop)


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def silence_after_tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(ESTABLISHED)
    await reader.read()


async def half_an_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(ESTABLISHED[:20])
    await reader.read()


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in itertools.chain(ESTABLISHED[:-2], itertools.cycle(b"X: y\r\n")):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)


async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    field = b"X-Words: " + MARKER.encode() * 4000 + b"\r\n"
    writer.write(ESTABLISHED[:-2])
    while True:
        writer.write(field)
        await writer.drain()


async def one_endless_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 200 " + b"O" * 65_536)
        await writer.drain()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def reset_after_tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(ESTABLISHED)
    await reader.read(1)
    writer.transport.abort()


async def garbage_after_tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(ESTABLISHED)
    await reader.read(1)
    writer.write(http_answer(MARKER.encode(), status="403 Forbidden"))
    await writer.drain()
    await reader.read()


async def endless_garbage_after_tunnel(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(ESTABLISHED)
    await reader.read(1)
    while True:
        writer.write(b"\x16\x03\x03\x40\x00" + bytes(16_384))
        await writer.drain()


SILENT = [silence, half_an_answer, silence_after_tunnel]
LOUD = [
    drip,
    flood,
    one_endless_line,
    reset,
    reset_after_tunnel,
    garbage_after_tunnel,
    endless_garbage_after_tunnel,
]


@pytest.mark.parametrize("make_loop", LOOPS)
@pytest.mark.parametrize("misbehave", SILENT)
def test_a_silent_proxy_is_left_after_the_connect_timeout(
    misbehave: Misbehave, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def attack() -> None:
        async with ConnectProxy(misbehave=misbehave) as proxy:
            error = await failure(proxy, timeout_s=0.2)
            assert isinstance(error, ApiUnavailable)
            assert "did not answer in time" in str(error)
            check(error, proxy)

    run(attack(), make_loop)


@pytest.mark.parametrize("make_loop", LOOPS)
@pytest.mark.parametrize("misbehave", LOUD)
def test_what_a_proxy_says_takes_bounded_memory(
    misbehave: Misbehave, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def attack() -> None:
        async with ConnectProxy(misbehave=misbehave) as proxy:
            to = endpoint(proxy)
            transport = open_transport(connections_max=1, route=to.route, connect_timeout_s=0.5)
            async with CompletionClient(to, transport=transport, request_timeout_s=30) as client:
                with pytest.raises(ApiUnavailable):  # also loads what the first use loads
                    await client.send(PROMPT, "row")
                tracemalloc.start()
                with pytest.raises(ApiUnavailable) as raised:
                    await client.send(PROMPT, "row")
                _, peak_bytes = tracemalloc.get_traced_memory()
                tracemalloc.stop()
            proxy.connections, proxy.heads = 1, proxy.heads[:1]
            check(raised.value, proxy)
        # Its own send buffer is in the figure, and TLS holds two records.
        assert peak_bytes < 40 * HEAD_BYTES_MAX

    run(attack(), make_loop)


@pytest.mark.parametrize("names", [(HOST,), ("elsewhere.corp.invalid",)])
def test_proxy_that_reads_along_gets_neither_key_nor_prompt(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    """Its certificate is by another authority, or by the right one and for another name."""

    async def attack() -> None:
        company, own = trustme.CA(), trustme.CA()
        company.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        ca = own if names[0] == HOST else company
        async with answering(http_answer()) as spy, TlsFront(ca, spy.port, names=names) as front:
            proxy = ConnectProxy({TARGET: front.port}, credentials=CREDENTIALS)
            async with proxy:
                error = await failure(proxy, SSL_CERT_FILE=str(tmp_path / "ca.pem"))
                assert isinstance(error, AccessRefused)
                assert "did not prove who it is" in str(error)
                assert "from SSL_CERT_FILE" in str(error)
                check(error, proxy)
                assert KEY.encode() not in proxy.seen
                assert b"row-that" not in proxy.seen
            assert spy.requests == []

    run(attack(), asyncio.new_event_loop)


@pytest.mark.parametrize("make_loop", LOOPS)
def test_a_hundred_calls_given_up_leave_no_socket_open(
    make_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def attack() -> None:
        ended, are_asking, are_closed = 0, asyncio.Event(), asyncio.Event()

        async def misbehave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal ended
            writer.write(ESTABLISHED[:20])
            if len(proxy.heads) == 100:
                are_asking.set()
            with contextlib.suppress(ConnectionResetError):
                await reader.read()
            ended += 1
            if ended == 100:
                are_closed.set()

        async with ConnectProxy(misbehave=misbehave) as proxy:
            to = endpoint(proxy)
            transport = open_transport(connections_max=100, route=to.route)
            async with CompletionClient(to, transport=transport, request_timeout_s=30) as client:
                async with asyncio.TaskGroup() as group:
                    calls = [group.create_task(client.send(PROMPT, f"row-{n}")) for n in range(100)]
                    await are_asking.wait()
                    for call in calls:
                        call.cancel()
                await are_closed.wait()

    before = len(list(OPEN_FILES.iterdir()))
    run(attack(), make_loop)
    assert len(list(OPEN_FILES.iterdir())) < before + 10  # a loop's first use opens a few


def test_every_cut_of_an_answer_means_the_same() -> None:
    """However the proxy's bytes are cut, all of them count, and none of TLS's are taken."""

    async def attack(cut: int) -> None:
        async def misbehave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(ESTABLISHED[:cut])
            await writer.drain()
            await asyncio.sleep(0)
            writer.write(ESTABLISHED[cut:])
            hello.append(await reader.read(3))

        hello: list[bytes] = []
        async with ConnectProxy(misbehave=misbehave) as proxy:
            check(await failure(proxy), proxy)
        assert hello == [b"\x16\x03\x01"]

    for cut in range(1, len(ESTABLISHED)):
        run(attack(cut), asyncio.new_event_loop)
