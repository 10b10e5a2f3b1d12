"""Each way in which an exchange fails, by what really comes over a socket."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import socket
import struct
import time
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import httpx
import pytest

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.api.client import CompletionClient
from airflow_provider_aimlapi.api.http.exchange import ANSWER_BYTES_MAX, exchange
from airflow_provider_aimlapi.api.http.transport import open_transport
from airflow_provider_aimlapi.api.messages.key_removal import KeyRemoval
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.errors import ApiUnavailable, WireViolation
from tests.unit.api.raw_server import KEY, RawServer, answering, hang_up, http_answer, saying

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

MIB = 1024 * 1024
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


@contextlib.asynccontextmanager
async def client_of(
    endpoint: Endpoint, timeout_s: float = 5.0, *, is_streaming: bool = False
) -> AsyncIterator[CompletionClient]:
    transport = open_transport(connections_max=4)
    async with CompletionClient(
        endpoint, transport=transport, request_timeout_s=timeout_s, is_streaming=is_streaming
    ) as client:
        yield client


async def send(endpoint: Endpoint, body: bytes = b"{}", timeout_s: float = 5.0) -> Answer:
    async with client_of(endpoint, timeout_s) as client:
        return await client.send(body, "run.row-1:attempt-1")


async def test_a_refused_connection_was_not_billed() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(ApiUnavailable, match=f"No connection to http://127.0.0.1:{port}") as failed:
        await send(Endpoint(base_url=f"http://127.0.0.1:{port}", key=KEY))
    assert not failed.value.is_perhaps_billed


async def test_a_name_that_does_not_resolve_was_not_billed() -> None:
    with pytest.raises(ApiUnavailable, match="No connection to") as failed:
        await send(Endpoint(base_url="http://no-such-host.invalid", key=KEY))
    assert not failed.value.is_perhaps_billed


async def test_close_before_the_request_was_read_is_perhaps_billed() -> None:
    """It counts only once the request was sent."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with RawServer(script) as server:
        with pytest.raises(ApiUnavailable, match=r"broke|before it was asked") as failed:
            await send(server.endpoint)
    assert failed.value.is_perhaps_billed == ("broke" in str(failed.value))


async def test_close_after_the_request_was_read_is_perhaps_billed() -> None:
    """The request is not sent again."""
    async with saying([]) as server:
        with pytest.raises(ApiUnavailable, match="broke") as failed:
            await send(server.endpoint)
    assert failed.value.is_perhaps_billed
    assert len(server.requests) == 1


async def test_a_reset_in_mid_body_is_perhaps_billed() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with RawServer(script) as server:
        with pytest.raises(ApiUnavailable, match="broke") as failed:
            await send(server.endpoint)
    assert failed.value.is_perhaps_billed


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"],
        [CHUNKED, b"5\r\n{}"],
        [CHUNKED, b"2\r\n{}\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Le"],
    ],
    ids=["content length too long", "chunk cut off", "no last chunk", "headers cut off"],
)
async def test_an_answer_that_ends_early_is_perhaps_billed(pieces: list[bytes]) -> None:
    async with saying(pieces) as server:
        with pytest.raises(ApiUnavailable, match="broke") as failed:
            await send(server.endpoint)
    assert failed.value.is_perhaps_billed


async def test_short_content_length_does_not_leak_into_later_answers() -> None:
    lying = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[bad]"
    async with (
        answering(lying, http_answer(b'{"second": 2}')) as server,
        client_of(server.endpoint) as client,
    ):
        first = await client.send(b"{}", "first")
        second = await client.send(b"{}", "second")
    assert (first.body, second.body) == (b"{}", b'{"second": 2}')


def header_flood() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    yield from (b"X-Filler-%d: x\r\n" % number for number in range(100_000))


@pytest.mark.parametrize(
    "pieces",
    [
        [b"SSH-2.0-OpenSSH_9.9\r\n\r\n"],
        header_flood(),
        itertools.chain([b"HTTP/1.1 200 OK\r\nX-Long: "], itertools.repeat(b"x" * 1_000, 5_000)),
        itertools.chain([b"HTTP/1.1 200 "], itertools.repeat(b"x" * 1_000, 5_000)),
        [CHUNKED, b"not-a-length\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}    "],
    ],
    ids=[
        "another protocol",
        "many headers",
        "long header",
        "long status line",
        "bad chunk",
        "negative length",
        "two lengths",
    ],
)
async def test_what_is_no_http_is_violation_and_perhaps_billed(
    pieces: Iterator[bytes],
) -> None:
    async with saying(pieces) as server:
        with pytest.raises(WireViolation, match="did not answer in HTTP") as failed:
            await send(server.endpoint)
    assert failed.value.is_perhaps_billed


async def test_silence_ends_at_the_deadline() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hang_up(reader)

    async with RawServer(script) as server:
        with pytest.raises(ApiUnavailable, match=r"within 0\.2 s") as failed:
            await send(server.endpoint, timeout_s=0.2)
    assert failed.value.is_perhaps_billed


async def test_drip_ends_at_the_deadline_however_steadily_it_comes() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                writer.write(b" ")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.readexactly(1), 0.01)

    async with RawServer(script) as server:
        started_s = time.perf_counter()
        with pytest.raises(ApiUnavailable, match=r"within 0\.3 s"):
            await send(server.endpoint, timeout_s=0.3)
    assert time.perf_counter() - started_s < 2


async def test_a_chunk_that_turns_to_nonsense_is_no_http() -> None:
    """Head and body come apart here: what is wrong with the body is found while it is read."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(CHUNKED + b"2\r\n{}\r\n")
        await is_begun.wait()
        writer.write(b"not-a-length\r\n")

    class Watched(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await transport.handle_async_request(request)
            is_begun.set()
            return response

    is_begun = asyncio.Event()
    async with RawServer(script) as server, open_transport(connections_max=1) as transport:
        request = httpx.Request("POST", server.endpoint.base_url, content=b"{}")
        with pytest.raises(WireViolation, match="did not answer in HTTP") as failed:
            await exchange(Watched(), request, timeout_s=5, key_removal=KeyRemoval(KEY))
    assert failed.value.is_perhaps_billed


async def test_transport_that_is_not_asynchronous_is_mistake_of_ours() -> None:
    class Blocking(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, stream=httpx.SyncByteStream(), request=request)

    with pytest.raises(TypeError, match="synchronous"):
        await exchange(
            Blocking(),
            httpx.Request("GET", "http://127.0.0.1"),
            timeout_s=1,
            key_removal=KeyRemoval(KEY),
        )


async def test_deadline_holds_while_large_request_is_not_being_read() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(200)
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
        await writer.drain()
        await asyncio.Event().wait()

    async with RawServer(script) as server:
        started_s = time.perf_counter()
        with pytest.raises(ApiUnavailable, match=r"within 0\.3 s"):
            await send(server.endpoint, body=b" " * (30 * MIB), timeout_s=0.3)
    assert time.perf_counter() - started_s < 3


def endless_chunks() -> Iterator[bytes]:
    yield CHUNKED
    yield from itertools.repeat(b"10000\r\n" + b"x" * 65_536 + b"\r\n")


def bomb(compressor: zlib._Compress) -> bytes:
    """About a megabyte that stands for more than one thousand."""
    zeros = bytes(MIB)
    first = compressor.compress(zeros) + compressor.flush(zlib.Z_FULL_FLUSH)
    again = compressor.compress(zeros) + compressor.flush(zlib.Z_FULL_FLUSH)
    return first + again * 1_100 + compressor.flush()


def bomb_answer(encoding: str, wbits: int) -> bytes:
    body = bomb(zlib.compressobj(9, zlib.DEFLATED, wbits))
    assert len(body) < 2 * MIB
    return http_answer(body, headers=(f"Content-Encoding: {encoding}",))


async def test_endless_answer_is_cut_at_limit_with_memory_bounded() -> None:
    async with saying(endless_chunks()) as server:
        tracemalloc.start()
        try:
            with pytest.raises(WireViolation, match=f"larger than {ANSWER_BYTES_MAX:,}") as failed:
                await send(server.endpoint)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert failed.value.is_perhaps_billed
    assert peak < 24 * MIB


@pytest.mark.parametrize(("encoding", "wbits"), [("gzip", 31), ("deflate", 15)])
async def test_compression_bomb_is_cut_at_limit_with_memory_bounded(
    encoding: str, wbits: int
) -> None:
    async with answering(bomb_answer(encoding, wbits)) as server:
        tracemalloc.start()
        try:
            with pytest.raises(WireViolation, match=f"larger than {ANSWER_BYTES_MAX:,}") as failed:
                await send(server.endpoint)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert failed.value.is_perhaps_billed
    assert peak < 64 * MIB


async def test_compression_that_was_not_asked_for_is_undone() -> None:
    body = gzip.compress(b'{"kept": true}')
    async with answering(http_answer(body, headers=("Content-Encoding: GZIP",))) as server:
        assert (await send(server.endpoint)).body == b'{"kept": true}'


async def test_an_unknown_encoding_is_refused_and_perhaps_billed() -> None:
    async with answering(http_answer(b"\x0b\x01", headers=("Content-Encoding: br",))) as server:
        with pytest.raises(WireViolation, match="encoding br was not requested") as failed:
            await send(server.endpoint)
    assert failed.value.is_perhaps_billed


COSTLY = ("Content-Encoding: br", "X-AIMLAPI-USD-Spent: 0.5", "X-Inference-Id: gen-7")


async def test_refused_body_reports_its_cost_and_leaves_its_head() -> None:
    async with answering(http_answer(b"\x0b\x01", headers=COSTLY)) as server:
        with pytest.raises(WireViolation) as failed:
            await send(server.endpoint)
    assert failed.value.cost_nano_usd == 500_000_000
    assert failed.value.answer == Answer(
        status=200, content_type="application/json", inference_id="gen-7", usd_spent="0.5"
    )


async def test_oversized_answer_reports_its_cost() -> None:
    head = CHUNKED.replace(b"\r\n\r\n", b"\r\nX-AIMLAPI-Credits-Used: 2000000\r\n\r\n")
    pieces = itertools.chain([head], itertools.islice(endless_chunks(), 1, None))
    async with saying(pieces) as server:
        with pytest.raises(WireViolation, match="larger than") as failed:
            await send(server.endpoint)
    assert failed.value.cost_nano_usd == 1_000_000_000


async def test_error_whose_body_is_refused_was_charged_for_nothing() -> None:
    answer = http_answer(b"\x0b\x01", status="500 Boom", headers=COSTLY)
    async with answering(answer) as server:
        with pytest.raises(WireViolation, match="HTTP 500") as failed:
            await send(server.endpoint)
    assert (failed.value.cost_nano_usd, failed.value.answer) == (None, None)


@pytest.mark.parametrize("is_streaming", [True, False], ids=["requested", "not requested"])
async def test_a_requested_stream_may_exceed_a_plain_answer(is_streaming: bool) -> None:
    event = b"data: " + b" " * MIB + b"\n\n"
    stream = event * (ANSWER_BYTES_MAX // MIB + 1)
    async with (
        answering(http_answer(stream, content_type="text/event-stream")) as server,
        client_of(server.endpoint, is_streaming=is_streaming) as client,
    ):
        if is_streaming:
            assert (await client.send(b"{}", "row")).body == stream
        else:
            with pytest.raises(WireViolation, match=f"larger than {ANSWER_BYTES_MAX:,}"):
                await client.send(b"{}", "row")


async def test_a_cancelled_call_leaves_no_connection_behind() -> None:
    arrived = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        arrived.set()
        await hang_up(reader)
        left.set()

    left = asyncio.Event()
    async with RawServer(script) as server, client_of(server.endpoint) as client:
        async with asyncio.TaskGroup() as group:
            call = group.create_task(client.send(b"{}", "row"))
            await arrived.wait()
            call.cancel()
        async with asyncio.timeout(2):
            await left.wait()
    assert call.cancelled()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
async def test_the_key_is_taken_out_of_every_encoding(encoding: str) -> None:
    body = f'{{"said": "{KEY} is a key"}}'.encode(encoding)
    async with answering(http_answer(body)) as server:
        answer = await send(server.endpoint)
    assert KEY not in answer.body.decode(errors="replace").replace("\0", "")
    assert b"[key] is a key" in answer.body


async def test_the_answers_own_date_is_kept() -> None:
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    async with answering(http_answer(headers=(f"Date: {date}",))) as server:
        answer = await send(server.endpoint)
    assert answer.date == date
