"""The transport, and the httpx client that users get, through a proxy and with a company's authority."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest
import trustme

from airflow_provider_aimlapi.api.client import CompletionClient
from airflow_provider_aimlapi.api.client_session import open_client
from airflow_provider_aimlapi.api.http.environment import settle_route
from airflow_provider_aimlapi.api.http.transport import open_transport
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.errors import ApiUnavailable, WireViolation
from tests.fakes.connect_proxy import ConnectProxy
from tests.fakes.corporate_network import (
    BASE_URL,
    CREDENTIALS,
    HOST,
    SECRETS,
    TARGET,
    TYPED_CREDENTIALS,
    TlsFront,
)
from tests.unit.api.raw_server import KEY, RawServer, answering, http_answer, saying

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def ca(tmp_path: Path) -> trustme.CA:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return ca


@asynccontextmanager
async def network(
    ca: trustme.CA, api: RawServer, *, names: tuple[str, ...] = (HOST,), target: str = TARGET
) -> AsyncIterator[tuple[ConnectProxy, TlsFront]]:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(api)
        front = await stack.enter_async_context(TlsFront(ca, api.port, names=names))
        proxy = ConnectProxy({target: front.port}, credentials=CREDENTIALS)
        yield await stack.enter_async_context(proxy), front


def endpoint(proxy: ConnectProxy, tmp_path: Path, base_url: str = BASE_URL) -> Endpoint:
    variables = {
        "HTTPS_PROXY": f"http://{TYPED_CREDENTIALS}@127.0.0.1:{proxy.port}",
        "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
    }
    return settle_route(Endpoint(base_url=base_url, key=KEY), variables)


def client_of(to: Endpoint, connections_max: int = 4) -> CompletionClient:
    transport = open_transport(connections_max=connections_max, route=to.route)
    return CompletionClient(to, transport=transport, request_timeout_s=20)


async def test_a_tunnel_serves_one_call_after_another(ca: trustme.CA, tmp_path: Path) -> None:
    async with network(ca, answering(http_answer(b'{"n": 1}'))) as (proxy, front):
        async with client_of(endpoint(proxy, tmp_path)) as client:
            for row in range(5):
                answer = await client.send(b'{"prompt": "p"}', f"row-{row}")
                assert answer.body == b'{"n": 1}'
        assert (proxy.tunnels, front.connections) == (1, 1)
        assert KEY.encode() not in proxy.seen
        assert b"prompt" not in proxy.seen


async def test_connect_names_the_api_and_brings_the_credentials(
    ca: trustme.CA, tmp_path: Path
) -> None:
    async with network(ca, answering(http_answer())) as (proxy, _):
        async with client_of(endpoint(proxy, tmp_path)) as client:
            await client.send(b"{}", "row")
        assert proxy.heads == [
            f"CONNECT {TARGET} HTTP/1.1\r\nHost: {TARGET}\r\n"
            f"Proxy-Authorization: Basic {SECRETS[2]}\r\n\r\n".encode()
        ]


@pytest.mark.parametrize(
    ("base_url", "name", "target"),
    [
        ("https://api.corp.invalid:8443/v", "api.corp.invalid", "api.corp.invalid:8443"),
        ("https://[fd00::1]", "fd00::1", "[fd00::1]:443"),
        ("https://10.9.8.7", "10.9.8.7", "10.9.8.7:443"),
        ("https://bücher.invalid", "xn--bcher-kva.invalid", "xn--bcher-kva.invalid:443"),
    ],
)
async def test_every_form_of_host_is_named_to_the_proxy(
    ca: trustme.CA, tmp_path: Path, base_url: str, name: str, target: str
) -> None:
    async with network(ca, answering(http_answer()), names=(name,), target=target) as (proxy, _):
        async with client_of(endpoint(proxy, tmp_path, base_url)) as client:
            await client.send(b"{}", "row")
        assert proxy.heads[0].startswith(
            f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n".encode()
        )


async def test_many_tunnels_are_made_at_once(ca: trustme.CA, tmp_path: Path) -> None:
    in_flight = 0
    is_full = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal in_flight
        while True:
            await api.read_request(reader)
            in_flight += 1
            if in_flight == 60:
                is_full.set()
            await is_full.wait()
            writer.write(http_answer())

    api = RawServer(script)
    async with network(ca, api) as (proxy, front):
        async with client_of(endpoint(proxy, tmp_path), 60) as client, asyncio.TaskGroup() as group:
            for row in range(100):
                group.create_task(client.send(b"{}", f"row-{row}"))
        assert (proxy.tunnels, front.connections, len(api.requests)) == (60, 60, 100)


async def test_a_proxy_that_comes_back_is_used_again(ca: trustme.CA, tmp_path: Path) -> None:
    async with (
        network(ca, answering(http_answer())) as (proxy, _),
        client_of(endpoint(proxy, tmp_path)) as client,
    ):
        proxy.is_down = True
        with pytest.raises(ApiUnavailable, match="HTTPS_PROXY") as failed:
            await client.send(b"{}", "row")
        assert not failed.value.is_perhaps_billed
        proxy.is_down = False
        assert (await client.send(b"{}", "row")).status == 200


async def test_what_fails_within_a_tunnel_names_the_proxy(ca: trustme.CA, tmp_path: Path) -> None:
    """Such as a proxy that cuts long answers. The call may have been billed, as without a proxy."""
    for pieces, kind in (([b"HTTP/1.1 200"], ApiUnavailable), ([b"nonsense\r\n"], WireViolation)):
        async with network(ca, saying(pieces)) as (proxy, _):
            async with client_of(endpoint(proxy, tmp_path)) as client:
                with pytest.raises(
                    kind, match=f"127.0.0.1:{proxy.port}, from HTTPS_PROXY"
                ) as failed:
                    await client.send(b"{}", "row")
            assert failed.value.is_perhaps_billed
            assert not [secret for secret in SECRETS if secret in str(failed.value)]


async def test_an_answer_that_is_late_names_the_proxy(ca: trustme.CA, tmp_path: Path) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with network(ca, RawServer(script)) as (proxy, _):
        to = endpoint(proxy, tmp_path)
        transport = open_transport(connections_max=1, route=to.route)
        async with CompletionClient(to, transport=transport, request_timeout_s=1.0) as client:
            with pytest.raises(ApiUnavailable, match=r"from HTTPS_PROXY.* within 1 s"):
                await client.send(b"{}", "row")


async def test_certificates_of_a_company_are_trusted_without_a_proxy(
    ca: trustme.CA, tmp_path: Path
) -> None:
    async with network(ca, answering(http_answer()), names=("localhost",)) as (proxy, front):
        to = endpoint(proxy, tmp_path, f"https://localhost:{front.port}")
        to = replace(to, route=replace(to.route, proxy=None))
        async with client_of(to) as client:
            assert (await client.send(b"{}", "row")).status == 200
        assert proxy.connections == 0


async def test_the_clients_of_users_go_the_same_way(ca: trustme.CA, tmp_path: Path) -> None:
    api = answering(http_answer(b'{"data": []}'))
    async with network(ca, api) as (proxy, _):
        to = endpoint(proxy, tmp_path)

        def ask() -> httpx.Response:
            with open_client(to) as client:
                assert not [secret for secret in SECRETS if secret in repr(vars(client))]
                client.get("/v1/models")
                return client.get("/v1/models")

        response = await asyncio.to_thread(ask)
        assert response.json() == {"data": []}
        assert proxy.tunnels == 1
        assert f"Basic {SECRETS[2]}".encode() in proxy.heads[0]
        assert KEY.encode() not in proxy.heads[0] + bytes(proxy.seen)
        assert b"Proxy-Authorization" not in api.requests[0]
        assert b"CONNECT" not in api.requests[0]


async def test_the_clients_of_users_trust_no_other_certificates(
    ca: trustme.CA, tmp_path: Path
) -> None:
    async with network(trustme.CA(), answering(http_answer())) as (proxy, _):
        to = endpoint(proxy, tmp_path)

        def ask() -> None:
            with open_client(to) as client:
                client.get("/v1/models")

        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await asyncio.to_thread(ask)
        assert KEY.encode() not in proxy.seen


async def test_plain_http_goes_past_the_proxy(tmp_path: Path, ca: trustme.CA) -> None:
    """Whatever the route says: a proxy would read along."""
    async with ConnectProxy() as proxy, answering(http_answer(), http_answer()) as api:
        route = endpoint(proxy, tmp_path).route
        to = replace(api.endpoint, route=route)
        async with client_of(to) as client:
            assert (await client.send(b"{}", "row")).status == 200

        def ask() -> int:
            with open_client(to) as client:
                return client.get("/v1/models").status_code

        assert await asyncio.to_thread(ask) == 200
        assert proxy.connections == 0
