"""The price list, asked for over HTTP and read with care."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator import Account, Script, simulator_thread
from airflow_provider_aimlapi.api.http.transport import open_transport
from airflow_provider_aimlapi.api.price_list import fetch_prices
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.money.pricing import PriceStep, TokenPrices
from airflow_provider_aimlapi.errors import ApiUnavailable
from tests.unit.api.raw_server import KEY, RawServer, http_answer

if TYPE_CHECKING:
    import asyncio

MODEL = "anthropic/claude-sonnet-4-6-20260218"
SONNET = TokenPrices(
    input_nano_usd=3_900_000_000, output_nano_usd=19_500_000_000, answer_tokens_max=64_000
)
CACHED = replace(SONNET, read_nano_usd=390_000_000, written_nano_usd=4_875_000_000)
"""With the prices of the prompt cache, which the simulator's list has."""


def server_with(answer: bytes) -> RawServer:
    """A server that says this to whatever it is asked."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.read_request(reader)
            writer.write(answer)

    server = RawServer(script)
    return server


def unit(measure: str, price: Any = 3.9, per: Any = 1_000_000, name: str = "token") -> Any:
    return {"name": name, "measure": measure, "price": price, "per": per}


def listed(*units: Any, kind: str = "fixed", currency: str = "USD", **entry: Any) -> Any:
    pricing = {"kind": kind, "currency": currency, "units": list(units)}
    entry = {"id": MODEL, "aliases": [], "info": {"outputMax": 64_000}, "pricing": pricing} | entry
    return {"object": "list", "data": [entry]}


async def prices_from(payload: Any, model: str = MODEL) -> TokenPrices | None:
    server = server_with(http_answer(json.dumps(payload).encode()))
    async with server, open_transport(connections_max=1) as transport:
        return await fetch_prices(server.endpoint, transport, model)


async def test_list_is_fetched_once_for_one_models_prices() -> None:
    payload = listed(unit("input"), unit("output", 19.5), unit("cached_input", 0.39))
    server = server_with(http_answer(json.dumps(payload).encode()))
    async with server, open_transport(connections_max=1) as transport:
        found = await fetch_prices(server.endpoint, transport, MODEL)
    assert found == replace(SONNET, read_nano_usd=390_000_000)
    (request,) = server.requests
    path = b"GET /v1/models?include=pricing&id=anthropic%2Fclaude-sonnet-4-6-20260218 "
    assert request.startswith(path)
    assert f"Bearer {KEY}".encode() in request


@pytest.mark.parametrize("model", [MODEL, "anthropic/claude-sonnet-4.6"])
async def test_model_goes_by_its_id_and_by_its_aliases(model: str) -> None:
    with simulator_thread(Script(account=Account(key=KEY))) as sim:
        endpoint = Endpoint(base_url=sim.url, key=KEY)
        async with open_transport(connections_max=1) as transport:
            assert await fetch_prices(endpoint, transport, model) == CACHED
            assert await fetch_prices(endpoint, transport, "someone/else") is None
    assert sim.ledger.billed == []


async def test_the_simulator_s_dearer_step_is_read() -> None:
    with simulator_thread(Script(account=Account(key=KEY))) as sim:
        endpoint = Endpoint(base_url=sim.url, key=KEY)
        async with open_transport(connections_max=1) as transport:
            found = await fetch_prices(endpoint, transport, "anthropic/claude-haiku-5.5")
    assert found is not None
    (step,) = found.steps
    assert step.prompt_tokens == 100_000
    assert step.input_nano_usd == 2 * found.input_nano_usd
    assert step.output_nano_usd == 2 * found.output_nano_usd


async def test_price_is_read_with_its_number_of_tokens() -> None:
    payload = listed(unit("input", "0.0039", 1000), unit("output", 0.0000195, 1))
    assert await prices_from(payload) == SONNET


async def test_of_several_prices_of_one_measure_the_dearest_counts() -> None:
    payload = listed(
        unit("input", 1.0), unit("input"), unit("output", 19.5), unit("output", 999, name="image")
    )
    assert await prices_from(payload) == SONNET


@pytest.mark.parametrize(
    "payload",
    [
        {"data": []},
        {"data": "none"},
        {},
        listed(unit("input"), unit("output"), id="someone/else"),
        listed(unit("input"), unit("output"), kind="variable"),
        listed(unit("input"), unit("output"), kind="variants"),
        listed(unit("input"), unit("output"), currency="EUR"),
        listed(unit("input")),
        listed(unit("input"), unit("output", None)),
        listed(unit("input"), unit("output", "free")),
        listed(unit("input"), unit("output", -1)),
        listed(unit("input"), unit("output"), unit("output", True)),  # JSON's true
        listed(unit("input", per=0), unit("output")),
        listed(unit("input", name="second"), unit("output")),
        listed(pricing=None),
    ],
)
async def test_only_dollars_per_token_are_a_price(payload: Any) -> None:
    assert await prices_from(payload) is None


def charge(origin: str, price: Any = 3.9, **more: Any) -> Any:
    """A unit of the live list, which has no `measure`."""
    return {
        "name": "token",
        "origin": origin,
        "type": "charge",
        "price": price,
        "per": 1_000_000,
    } | more


LIVE = (
    charge("cache_write", 4.875),
    charge("provided"),
    charge("generated", 19.5),
    charge("cached", 0.39),
)


async def test_the_live_form_has_the_same_prices() -> None:
    assert await prices_from(listed(*LIVE)) == CACHED


async def test_what_is_no_charge_is_no_price() -> None:
    assert await prices_from(listed(*LIVE, charge("provided", 99, type="discount"))) == CACHED


async def test_a_null_measure_leaves_the_origin_to_go_by() -> None:
    units = [one | {"measure": None} for one in LIVE]
    assert await prices_from(listed(*units)) == CACHED


async def stepped(*thresholds: Any) -> tuple[PriceStep, ...] | None:
    payload = listed(*LIVE)
    payload["data"][0]["pricing"]["thresholds"] = list(thresholds)
    found = await prices_from(payload)
    return None if found is None else found.steps


@pytest.mark.parametrize(
    "threshold",
    [
        {"above": 100_000, "units": [charge("provided", 7.8), charge("generated", 39)]},
        {"from": 100_000, "to": 900_000, "units": [unit("input", 7.8), unit("output", 39)]},
    ],
    ids=["origin", "measure"],
)
async def test_a_threshold_is_a_step(threshold: Any) -> None:
    assert await stepped(threshold) == (
        PriceStep(prompt_tokens=100_000, input_nano_usd=7_800_000_000, output_nano_usd=39 * 10**9),
    )


async def test_a_threshold_may_be_a_unit_itself() -> None:
    steps = await stepped(
        charge("provided", 7.8, above=100_000), charge("generated", 39, above=200_000)
    )
    assert steps == (
        PriceStep(
            prompt_tokens=100_000, input_nano_usd=7_800_000_000, output_nano_usd=19_500_000_000
        ),
        PriceStep(
            prompt_tokens=200_000, input_nano_usd=3_900_000_000, output_nano_usd=39_000_000_000
        ),
    )


@pytest.mark.parametrize(
    "of_the_cache",
    [
        charge("cached", 0.8, above=100_000),
        {"above": 100_000, "units": [charge("cached", 0.8), charge("cache_write", 9)]},
    ],
)
async def test_a_step_of_the_cache_hides_no_price(of_the_cache: Any) -> None:
    steps = await stepped(charge("provided", 7.8, above=100_000), of_the_cache)
    assert steps == (
        PriceStep(
            prompt_tokens=100_000, input_nano_usd=7_800_000_000, output_nano_usd=19_500_000_000
        ),
    )


async def test_step_without_a_length_holds_from_the_first_token() -> None:
    steps = await stepped({"when": "long", "units": [charge("provided", 7.8)]})
    assert steps is not None
    assert [step.prompt_tokens for step in steps] == [0]


@pytest.mark.parametrize(
    "threshold",
    [
        None,
        {},
        {"above": 100_000, "factor": 2},
        {"above": 100_000, "units": [charge("provided", "much")]},
    ],
)
async def test_a_step_that_cannot_be_read_leaves_no_price(threshold: Any) -> None:
    """A bound that leaves out a dearer step would be none."""
    assert await stepped(threshold) is None


async def test_model_without_a_longest_answer_still_has_prices() -> None:
    found = await prices_from(listed(unit("input"), unit("output", 19.5), info={}))
    assert found is not None
    assert found.answer_tokens_max is None


async def test_no_list_is_an_error_of_the_api() -> None:
    server = server_with(http_answer(b"<html>busy", status="503 Service Unavailable"))
    async with server, open_transport(connections_max=1) as transport:
        with pytest.raises(ApiUnavailable):
            await fetch_prices(server.endpoint, transport, MODEL)
