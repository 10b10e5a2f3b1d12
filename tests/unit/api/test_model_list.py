"""The two free questions about a model: what replaces it, and which models there are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator import Gateway, Script, simulator_thread
from airflow_provider_aimlapi.api.http.transport import open_transport
from airflow_provider_aimlapi.api.model_list import fetch_model_ids, fetch_replacement
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.errors import ApiError
from tests.unit.api.raw_server import KEY, RawServer, http_answer

if TYPE_CHECKING:
    import asyncio

OLD = "anthropic/claude-3-5-sonnet-20241022"
NEW = "anthropic/claude-sonnet-4-6-20260218"


async def replacement_in(payload: Any, model: str = OLD) -> str | None:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.read_request(reader)
            writer.write(http_answer(body))

    server = RawServer(script)
    async with server, open_transport(connections_max=1) as transport:
        return await fetch_replacement(server.endpoint, transport, model)


@pytest.mark.parametrize(
    "payload",
    [
        {"object": "list", "data": [{"id": "x"}, {"id": OLD, "replaced_by": NEW}]},
        [{"model": OLD, "replaced_by": NEW}],
        {"data": [{"id": "x", "aliases": [OLD], "replaced_by": NEW}]},
        {"withdrawn": [{"id": OLD, "replaced_by": {"id": NEW}}], "deprecated": []},
        {"withdrawn": {OLD: {"replaced_by": [NEW, "other"]}}},
        {"data": [{"id": OLD.removeprefix("anthropic/"), "replaced_by": NEW}]},
    ],
)
async def test_a_replacement_is_found_wherever_it_stands(payload: Any) -> None:
    assert await replacement_in(payload) == NEW
    assert await replacement_in(payload, OLD.removeprefix("anthropic/")) == NEW


@pytest.mark.parametrize(
    "payload",
    [
        {"data": []},
        {"data": [{"id": OLD}]},
        {"data": [{"id": OLD, "replaced_by": None}]},
        {"data": [{"id": OLD, "replaced_by": OLD}]},
        {"data": [{"id": OLD, "replaced_by": "x" * 200}]},
        {"data": [{"id": NEW, "replaced_by": "claude-opus-5"}]},
        b"<html>",
        b"",
        b"null",
    ],
)
async def test_lists_without_the_model_name_no_replacement(payload: Any) -> None:
    assert await replacement_in(payload) is None


async def test_the_simulators_lists_are_read() -> None:
    script = Script(gateway=Gateway(withdrawn={"claude-opus-5": "claude-opus-5-5"}))
    with simulator_thread(script) as simulator:
        endpoint = Endpoint(base_url=simulator.url, key=KEY)
        async with open_transport(connections_max=1) as transport:
            found = await fetch_replacement(endpoint, transport, "anthropic/claude-opus-5")
            ids = await fetch_model_ids(endpoint, transport)
    assert found == "claude-opus-5-5"
    assert {NEW, "claude-haiku-5.5", "anthropic/claude-sonnet-4.6"} <= ids


async def test_list_that_is_not_given_out_is_an_error() -> None:
    with simulator_thread(Script()) as simulator:
        endpoint = Endpoint(base_url=f"{simulator.url}/v1", key=KEY)
        async with open_transport(connections_max=1) as transport:
            with pytest.raises(ApiError):
                await fetch_replacement(endpoint, transport, OLD)
