"""Limits of the transport, and certificates that do not hold."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from typing import TYPE_CHECKING

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from airflow_provider_aimlapi.api.client import CompletionClient
from airflow_provider_aimlapi.api.http.transport import open_transport
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.errors import AccessRefused, ApiUnavailable
from tests.unit.api.raw_server import KEY, RawServer, answering, hang_up, http_answer, saying

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("connections_max", [3, 130])
async def test_connections_are_exactly_as_many_as_requested(connections_max: int) -> None:
    """130: more than the 100 at which clients like to stop."""
    in_flight = 0
    most_in_flight = 0
    is_full = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal in_flight, most_in_flight
        while True:
            await server.read_request(reader)
            in_flight += 1
            most_in_flight = max(most_in_flight, in_flight)
            if in_flight == connections_max:
                is_full.set()
            await is_full.wait()
            in_flight -= 1
            writer.write(http_answer())

    transport = open_transport(connections_max=connections_max)
    async with (
        RawServer(script) as server,
        CompletionClient(server.endpoint, transport=transport, request_timeout_s=20) as client,
        asyncio.TaskGroup() as group,
    ):
        for row in range(connections_max + 20):
            group.create_task(client.send(b"{}", f"row-{row}"))
    assert most_in_flight == connections_max
    assert server.connections == connections_max


async def test_unaccepted_connection_ends_early_and_was_not_billed() -> None:
    backlogged = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await backlogged.wait()

    # A TLS handshake that nobody answers is a connection that is never made.
    async with RawServer(script) as server:
        endpoint = Endpoint(base_url=f"https://127.0.0.1:{server.port}", key=KEY)
        transport = open_transport(connections_max=1, connect_timeout_s=0.2)
        client = CompletionClient(endpoint, transport=transport, request_timeout_s=20)
        async with client:
            with pytest.raises(ApiUnavailable, match="No connection") as failed:
                await client.send(b"{}", "row")
        backlogged.set()
    assert not failed.value.is_perhaps_billed


async def test_untrusted_certificate_halts_before_the_key_is_sent(
    tmp_path: Path,
) -> None:
    received = bytearray()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.read(65_536))

    async with RawServer(script, tls=self_signed(tmp_path)) as server:
        transport = open_transport(connections_max=1)
        async with CompletionClient(
            server.endpoint, transport=transport, request_timeout_s=5
        ) as client:
            with pytest.raises(AccessRefused, match="did not prove who it is") as failed:
                await client.send(b"{}", "row")
    assert not failed.value.is_perhaps_billed
    assert not received


async def test_request_without_a_connection_in_time_was_not_billed() -> None:
    is_asked = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        is_asked.set()
        await hang_up(reader)

    async with (
        RawServer(script) as server,
        open_transport(connections_max=1) as transport,
        asyncio.TaskGroup() as tasks,
    ):
        patient = CompletionClient(server.endpoint, transport=transport, request_timeout_s=20)
        hasty = CompletionClient(server.endpoint, transport=transport, request_timeout_s=0.2)
        first = tasks.create_task(patient.send(b"{}", "first"))
        await is_asked.wait()
        with pytest.raises(ApiUnavailable, match="no connection became free") as failed:
            await hasty.send(b"{}", "second")
        first.cancel()
    assert not failed.value.is_perhaps_billed


async def test_request_without_a_deadline_waits_for_a_connection() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.read_request(reader)
            writer.write(http_answer())

    async def ask() -> int:
        request = httpx.Request("POST", server.endpoint.base_url, content=b"{}")
        response = await transport.handle_async_request(request)
        await response.aread()
        return response.status_code

    async with (
        RawServer(script) as server,
        open_transport(connections_max=1) as transport,
        asyncio.TaskGroup() as tasks,
    ):
        asked = [tasks.create_task(ask()) for _ in range(3)]
    assert [task.result() for task in asked] == [200, 200, 200]
    assert server.connections == 1


async def test_each_exchange_on_connection_has_deadline_of_its_own() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(http_answer())
        await hang_up(reader)

    async with RawServer(script) as server, open_transport(connections_max=1) as transport:
        patient = CompletionClient(server.endpoint, transport=transport, request_timeout_s=20)
        hasty = CompletionClient(server.endpoint, transport=transport, request_timeout_s=0.2)
        await patient.send(b"{}", "first")
        with pytest.raises(ApiUnavailable, match=r"within 0\.2 s") as failed:
            await hasty.send(b"{}", "second")
    assert server.connections == 1
    assert failed.value.is_perhaps_billed


async def test_deadline_of_an_ended_exchange_ends_no_later_one() -> None:
    """The first one's time runs out while the second waits; the answer comes after that."""
    asked: list[asyncio.StreamWriter] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.read_request(reader)
            asked.append(writer)
            if len(asked) == 1:
                writer.write(http_answer())

    async with RawServer(script) as server, open_transport(connections_max=1) as transport:
        hasty = CompletionClient(server.endpoint, transport=transport, request_timeout_s=0.2)
        patient = CompletionClient(server.endpoint, transport=transport, request_timeout_s=20)
        await hasty.send(b"{}", "first")
        asyncio.get_running_loop().call_later(0.4, lambda: asked[1].write(http_answer(b"[]")))
        assert (await patient.send(b"{}", "second")).body == b"[]"


class JumpingLoop(asyncio.SelectorEventLoop):
    """Its time can be moved on, as it is for a process that stood still."""

    jumped_s = 0.0

    def time(self) -> float:
        return super().time() + self.jumped_s


def test_answer_that_arrived_is_read_before_a_late_deadline() -> None:
    """Loops tell of time first, and what is thrown away here is paid for."""
    loop = JumpingLoop()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        loop.jumped_s += 1000.0
        loop.call_later(0.1, writer.write, http_answer(b"[]"))
        await hang_up(reader)

    server = RawServer(script)

    async def ask() -> bytes:
        async with server, open_transport(connections_max=1) as transport:
            client = CompletionClient(server.endpoint, transport=transport, request_timeout_s=20)
            return (await client.send(b"{}", "row")).body

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        assert runner.run(ask()) == b"[]"


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate for 127.0.0.1 that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    begin = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=36_500))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


@pytest.mark.parametrize("later", [b"", b"HTTP/1.1 200 OK\r\n"], ids=["whole", "begun"])
async def test_data_on_an_idle_connection_answers_no_request(later: bytes) -> None:
    """Or one row would get another's answer."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while True:
            request = await server.read_request(reader)
            writer.write(http_answer(request.rpartition(b"\r\n")[2]))

    writers: list[asyncio.StreamWriter] = []
    transport = open_transport(connections_max=2)
    async with (
        RawServer(script) as server,
        CompletionClient(server.endpoint, transport=transport, request_timeout_s=5) as client,
    ):
        assert (await client.send(b'"first"', "first")).body == b'"first"'
        writers[0].write(http_answer(b'"of nobody"') + later)
        for _ in range(5):
            await asyncio.sleep(0)  # both ends live in this loop: it arrives in the next round
        assert (await client.send(b'"second"', "second")).body == b'"second"'
    assert server.connections == 2


async def test_connection_closed_while_idle_is_not_used() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(http_answer(str(server.connections).encode()))

    transport = open_transport(connections_max=1)
    async with (
        RawServer(script) as server,
        CompletionClient(server.endpoint, transport=transport, request_timeout_s=5) as client,
    ):
        for expected in (b"1", b"2", b"3"):
            assert (await client.send(b"{}", "row")).body == expected
            for _ in range(5):
                await asyncio.sleep(0)


@pytest.mark.parametrize(
    "answer",
    [
        http_answer(headers=("Connection: close",)),
        http_answer().replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
    ids=["close", "HTTP/1.0"],
)
async def test_connection_that_server_will_close_serves_no_other_request(
    answer: bytes,
) -> None:
    async with (
        answering(answer) as server,
        open_transport(connections_max=1) as transport,
    ):
        client = CompletionClient(server.endpoint, transport=transport, request_timeout_s=5)
        for _ in range(3):
            assert (await client.send(b"{}", "row")).body == b"{}"
    assert server.connections == 3


async def test_connection_idle_too_long_is_not_used_again() -> None:
    async with (
        answering(http_answer()) as server,
        open_transport(connections_max=1, keep_alive_s=0) as transport,
    ):
        client = CompletionClient(server.endpoint, transport=transport, request_timeout_s=5)
        for _ in range(2):
            await client.send(b"{}", "row")
    assert server.connections == 2


async def test_answer_that_comes_before_request_is_out_is_read() -> None:
    """The server takes 200 bytes of a large request, says no, and reads no further."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(200)
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(http_answer(b'{"message": "too long"}', status="413 Too Large"))
        await gone.wait()

    gone = asyncio.Event()
    async with RawServer(script) as server, open_transport(connections_max=1) as transport:
        client = CompletionClient(server.endpoint, transport=transport, request_timeout_s=5)
        for _ in range(2):
            answer = await client.send(b" " * 20_000_000, "row")
            assert (answer.status, answer.body) == (413, b'{"message": "too long"}')
        gone.set()
    assert server.connections == 2, "the rest of the request would be taken for the next one"


async def test_call_that_is_cancelled_gives_its_place_to_next() -> None:
    """One place: the first call is cancelled in mid-answer, the second while it waits."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        if server.connections == 1:
            writer.write(http_answer()[:-1])
            arrived.set()
            await reader.read()
        writer.write(http_answer(b"[]"))

    arrived = asyncio.Event()
    async with RawServer(script) as server, open_transport(connections_max=1) as transport:
        client = CompletionClient(server.endpoint, transport=transport, request_timeout_s=5)
        async with asyncio.TaskGroup() as group:
            first = group.create_task(client.send(b"{}", "first"))
            await arrived.wait()
            second = group.create_task(client.send(b"{}", "second"))
            third = group.create_task(client.send(b"{}", "third"))
            await asyncio.sleep(0)
            second.cancel()
            first.cancel()
        assert third.result().body == b"[]"


async def test_a_transport_keeps_to_its_first_origin() -> None:
    """The key is in every request."""
    async with (
        answering(http_answer()) as server,
        answering(http_answer()) as other,
        open_transport(connections_max=1) as transport,
    ):
        first = CompletionClient(server.endpoint, transport=transport, request_timeout_s=5)
        await first.send(b"{}", "row")
        second = CompletionClient(other.endpoint, transport=transport, request_timeout_s=5)
        with pytest.raises(ValueError, match="one origin"):
            await second.send(b"{}", "row")
        await first.send(b"{}", "row")
    assert other.connections == 0


@pytest.mark.parametrize("value", [b"a\r\nX-Evil: 1", b"a\nX-Evil: 1", b"a\r"])
async def test_a_field_with_a_line_break_is_not_sent(value: bytes) -> None:
    async with answering(http_answer()) as server, open_transport(connections_max=1) as transport:
        request = httpx.Request("GET", server.endpoint.base_url, headers={b"X-A": value})
        with pytest.raises(ValueError, match="line break"):
            await transport.handle_async_request(request)
    assert server.connections == 0


async def test_bodies_come_in_pieces_however_they_are_framed() -> None:
    pieces = [b"%d," % number for number in range(1_000)]
    chunked = b"".join(b"%x;a=b\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    until_close = b"HTTP/1.1 200 OK\r\n\r\n" + b"".join(pieces)
    for said in (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked + b"0\r\nX-T: 1\r\n\r\n",
        until_close,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX-A: b\r\n\r\n" + until_close,
    ):
        async with (
            saying(said[start : start + 1_500] for start in range(0, len(said), 1_500)) as server,
            open_transport(connections_max=1) as transport,
        ):
            client = CompletionClient(server.endpoint, transport=transport, request_timeout_s=5)
            assert (await client.send(b"{}", "row")).body == b"".join(pieces)
