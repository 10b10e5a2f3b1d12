"""Limits of the transport, and certificates that do not hold."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from airflow_provider_aimlapi.api.client import CompletionClient
from airflow_provider_aimlapi.api.transport import open_transport
from airflow_provider_aimlapi.core.endpoint import Endpoint
from airflow_provider_aimlapi.errors import AccessRefused, ApiUnavailable
from tests.unit.api.raw_server import KEY, RawServer, http_answer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("connections_max", [3, 130])
async def test_as_many_connections_as_asked_for_and_not_one_more(connections_max: int) -> None:
    """130: an adapter that lost the limit would fall back to aiohttp's 100."""
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


async def test_a_connection_that_is_not_taken_up_ends_early_and_was_not_billed() -> None:
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


async def test_a_certificate_that_nobody_vouches_for_halts_before_the_key_is_sent(
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
async def test_what_is_said_on_an_idle_connection_answers_no_request(later: bytes) -> None:
    """aiohttp 3.14 would take it for the answer to the next request on that connection."""

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
