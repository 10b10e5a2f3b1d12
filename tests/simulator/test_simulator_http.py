"""HTTP over raw sockets: framing, pipelining, limits, and bytes that are no request."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from aimlapi_simulator import Fault, Latency, Script, Simulator
from aimlapi_simulator.http.connection import Connection, Connections
from aimlapi_simulator.http.message import Request, Response, json_response
from aimlapi_simulator.http.request_parser import BODY_BYTES_MAX, MalformedRequest, RequestParser
from tests.simulator.conftest import Playground, Start, body_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BODY = json.dumps(body_of()).encode()
AUTH = b"Authorization: Bearer k\r\n"
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n" + AUTH


class Wire:
    """One connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(head[0].split()[1]), headers, body

    async def is_closed(self) -> bool:
        return await self.reader.read() == b""


@pytest.fixture
async def wire(play: Playground) -> AsyncIterator[Wire]:
    async for opened in wire_to(play.sim):
        yield opened


async def wire_to(sim: Simulator) -> AsyncIterator[Wire]:
    host, _, port = sim.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


def whole_request(body: bytes = BODY, more: bytes = b"") -> bytes:
    return HEAD + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


async def test_a_connection_serves_one_request_after_another(wire: Wire) -> None:
    for _ in range(3):
        await wire.send(whole_request())
        status, headers, body = await wire.answer()
        assert status == 200
        assert "connection" not in headers
        assert json.loads(body)["choices"]


async def test_pipelined_requests_are_answered_in_their_order(start: Start) -> None:
    play = await start(Script(latency=Latency(median_s=0.005, sigma=1.0)))
    texts = [f"Text {number}." for number in range(20)]
    async for wire in wire_to(play.sim):
        await wire.send(b"".join(whole_request(json.dumps(body_of(t)).encode()) for t in texts))
        for text in texts:
            _, _, body = await wire.answer()
            assert json.loads(body)["choices"][0]["message"]["content"].startswith(text)


async def test_pipelined_requests_are_read_as_fast_as_answered(
    start: Start,
) -> None:
    play = await start(Script(latency=Latency(median_s=0.0005)))
    body = json.dumps(body_of("x" * 20_000)).encode()
    async for wire in wire_to(play.sim):
        flood = asyncio.get_running_loop().create_task(wire.send(*[whole_request(body)] * 100))
        for _ in range(100):
            status, _, _ = await wire.answer()
            assert status == 200
        await flood


@pytest.mark.parametrize("size", [1, 7, 100])
async def test_a_request_may_come_in_small_pieces(wire: Wire, size: int) -> None:
    whole = whole_request()
    await wire.send(*[whole[start : start + size] for start in range(0, len(whole), size)])
    status, _, _ = await wire.answer()
    assert status == 200


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    chunks = b"".join(b"%X;note=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return chunks + b"0\r\nTrailer: x\r\n\r\n"


@pytest.mark.parametrize("piece", [1, 13, 100_000])
async def test_a_body_may_come_in_chunks(wire: Wire, piece: int) -> None:
    whole = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(BODY, 50) + whole_request()
    await wire.send(*[whole[start : start + piece] for start in range(0, len(whole), piece)])
    for _ in range(2):
        status, _, _ = await wire.answer()
        assert status == 200


async def test_client_that_waits_for_100_continue_gets_it_once(wire: Wire) -> None:
    await wire.send(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
    assert await wire.reader.readexactly(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
    await wire.send(BODY[:10], BODY[10:])
    status, _, _ = await wire.answer()
    assert status == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        whole_request(more=b"Connection: close\r\n"),
        whole_request().replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
    ids=["close", "1.0"],
)
async def test_a_connection_ends_when_the_client_wants_that(
    wire: Wire, request_bytes: bytes
) -> None:
    await wire.send(request_bytes)
    status, headers, _ = await wire.answer()
    assert status == 200
    assert headers["connection"] == "close"
    assert await wire.is_closed()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (HEAD + b"no colon\r\n\r\n", 400),
        (HEAD + b"Space : 1\r\n\r\n", 400),
        (HEAD + b"A: 1\r\n folded\r\n\r\n", 400),
        (HEAD + b"Content-Length: ten\r\n\r\n", 400),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (HEAD + b"Content-Length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1), 413),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (BODY_BYTES_MAX + 1), 413),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n+5\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n", 400),
        (HEAD + b"A: " + b"x" * 40_000, 431),
    ],
)
async def test_what_is_no_request_is_refused_and_connection_ends(
    wire: Wire, request_bytes: bytes, status: int
) -> None:
    await wire.send(request_bytes)
    answered, headers, body = await wire.answer()
    assert answered == status
    assert headers["connection"] == "close"
    assert json.loads(body)["status"] == status
    assert await wire.is_closed()


def test_a_body_of_64_mb_is_read() -> None:
    parser = RequestParser()
    parser.feed_bytes(HEAD + b"Content-Length: %d\r\n\r\n" % BODY_BYTES_MAX)
    block = b" " * (1024 * 1024)
    for _ in range(63):
        parser.feed_bytes(block)
        assert parser.next_request() is None
    parser.feed_bytes(block)
    request = parser.next_request()
    assert request is not None
    assert len(request.body) == BODY_BYTES_MAX
    assert parser.next_request() is None


def test_endless_chunk_line_and_an_endless_trailer_are_refused() -> None:
    for endless, status in [(b"1" * 2000, 400), (b"0\r\nA: " + b"x" * 40_000, 431)]:
        parser = RequestParser()
        parser.feed_bytes(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + endless)
        with pytest.raises(MalformedRequest) as refusal:
            parser.next_request()
        assert refusal.value.status == status


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "BREW"])
async def test_other_methods_are_405_and_say_which_are_known(play: Playground, method: str) -> None:
    answer = await play.http.request(method, "/v1/chat/completions")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert (await play.ask()).status_code == 200  # the connection goes on


async def test_other_paths_are_404(play: Playground) -> None:
    for path in ("/", "/v1/chat", "/v1/chat/completions/", "/v1/messages"):
        answer = await play.http.post(path)
        assert answer.status_code == 404
        assert answer.json()["instance"] == path
        assert answer.headers["x-request-id"]


async def test_client_that_leaves_in_mid_request_does_no_harm(play: Playground) -> None:
    async for wire in wire_to(play.sim):
        await wire.send(whole_request()[:-5])
    assert (await play.ask()).status_code == 200
    assert play.sim.ledger.billed_calls == 1


async def test_client_that_leaves_before_late_answer_does_no_harm(start: Start) -> None:
    faults = (Fault(kind="drip", drip_s=0.001),)
    play = await start(Script(latency=Latency(median_s=0.01), faults=faults))
    async for wire in wire_to(play.sim):
        await wire.send(whole_request())
    async for wire in wire_to(play.sim):
        await wire.send(whole_request())
        await wire.reader.readexactly(200)
    play.sim.follow(Script())
    assert (await play.ask()).status_code == 200
    while (await play.control("GET", "stats"))["in_flight"]:
        pass
    assert play.sim.ledger.billed_calls == 3


async def test_unanswerable_request_ends_its_own_connection_only() -> None:
    class Faulty:
        """Answers all but one path, at which it has a bug."""

        def serve_request(self, request: Request, connection: Connection) -> None:
            if request.path == "/bug":
                raise ZeroDivisionError
            connection.send_response(json_response(request.path))

        def refuse_bytes(self, status: int, reason: str) -> Response:
            return json_response(reason, status=status)

    loop, connections, bugs = asyncio.get_running_loop(), Connections(), []
    loop.set_exception_handler(lambda _, context: bugs.append(context["exception"]))
    server = await loop.create_server(lambda: Connection(Faulty(), connections), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bad, good = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
    bad[1].write(b"GET /bug HTTP/1.1\r\n\r\n")
    good[1].write(b"GET /fine HTTP/1.1\r\n\r\n")
    assert b'"/fine"' in await good[0].readuntil(b'"/fine"')
    assert await bad[0].read() == b""
    assert [type(bug) for bug in bugs] == [ZeroDivisionError]
    for _, writer in (bad, good):
        writer.close()
        await writer.wait_closed()
    server.close()
