"""The httpx client that users get: ready to use, and silent about its key."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from airflow_provider_aimlapi.api.client_session import open_client
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from tests.unit.api.raw_server import KEY, answering, http_answer

if TYPE_CHECKING:
    from pathlib import Path


async def test_it_knows_the_base_url_and_the_key() -> None:
    async with answering(http_answer(b'{"data": []}')) as server:

        def ask() -> httpx.Response:
            with open_client(server.endpoint) as client:
                return client.get("/v1/models")

        response = await asyncio.to_thread(ask)
    assert response.json() == {"data": []}
    assert server.requests[0].startswith(b"GET /v1/models HTTP/1.1\r\n")
    assert f"Bearer {KEY}".encode() in server.requests[0]


async def test_it_follows_no_redirect() -> None:
    async with answering(http_answer()) as elsewhere:
        location = f"Location: {elsewhere.endpoint.base_url}/v1/models"
        moved = http_answer(b"", status="302 Found", headers=(location,))
        async with answering(moved) as server:

            def ask() -> httpx.Response:
                with open_client(server.endpoint) as client:
                    return client.get("/v1/models")

            response = await asyncio.to_thread(ask)
    assert (response.status_code, elsewhere.connections) == (302, 0)


def test_neither_its_repr_nor_its_errors_show_the_key() -> None:
    with open_client(Endpoint(base_url="http://127.0.0.1:1", key=KEY), timeout_s=2.0) as client:
        with pytest.raises(httpx.ConnectError) as failed:
            client.get("/v1/models")
        shown = [repr(client), repr(client.headers), repr(failed.value), str(failed.value)]
        shown.append(repr(failed.value.request) + repr(failed.value.request.headers))
    assert not [text for text in shown if KEY in text]


async def test_it_reads_neither_netrc_nor_proxies_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment counts where an endpoint is made from a connection, and only there."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password never-to-be-sent\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with answering(http_answer()) as server:

        def ask() -> int:
            with open_client(server.endpoint) as client:
                return client.get("/v1/models").status_code

        assert await asyncio.to_thread(ask) == 200
    assert f"Bearer {KEY}".encode() in server.requests[0]
    assert server.requests[0].lower().count(b"authorization:") == 1
