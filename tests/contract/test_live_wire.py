"""The real API takes what the encoder writes, and what it answers is read. `make live` runs this."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.api.client import CompletionClient
from airflow_provider_aimlapi.api.http.transport import open_transport
from airflow_provider_aimlapi.api.messages.wire import decode_answer
from airflow_provider_aimlapi.api.price_list import fetch_prices
from airflow_provider_aimlapi.api.request_log import fetch_log_page
from airflow_provider_aimlapi.commands.endpoint_variable import endpoint_from_key
from airflow_provider_aimlapi.core.texts.wording import format_usd
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.errors import AccessRefused, ApiError, RequestRejected
from tests.live.calls import CALLS, DATED, DOTTED, FORCED, LiveCall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.core.calls.completion import Completion
    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint

pytestmark = pytest.mark.live
MODELS = os.environ.get("LIVE_API_MODELS", "").split(",")
PRICED = [call for call in CALLS if call.model in MODELS]
FINISH_REASONS = {
    *("end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal"),
    *("stop", "length", "content_filter", "tool_calls"),
}
HOUR_US = 3_600_000_000
UNKNOWN = "anthropic/claude-none-such"


@dataclass
class Bill:
    costs: list[int | None] = field(default_factory=list)


@pytest.fixture(scope="session")
def endpoint() -> Endpoint:
    return endpoint_from_key(os.environ, "LIVE_API_KEY", base_url=os.environ["LIVE_API_URL"])


@pytest.fixture(scope="session")
def bill() -> Iterator[Bill]:
    """What the answers said they cost, written down for `make live` to print."""
    kept = Bill()
    yield kept
    known = [cost for cost in kept.costs if cost is not None]
    silent = len(kept.costs) - len(known)
    text = f"Cost: {format_usd(sum(known))} for {len(kept.costs)} calls"
    silence = f", {silent} of which did not say" if silent else ""
    Path(os.environ["LIVE_API_BILL"]).write_text(f"{text}{silence}.", encoding="utf-8")


async def completion(endpoint: Endpoint, body: bytes) -> Completion:
    transport = open_transport(connections_max=1, route=endpoint.route)
    async with CompletionClient(
        endpoint,
        transport=transport,
        request_timeout_s=120.0,
        is_streaming=json.loads(body).get("stream", False),
    ) as client:
        return decode_answer(await client.send(body, f"live-{secrets.token_hex(6)}"), body)


@pytest.mark.parametrize("call", PRICED, ids=[call.name for call in PRICED])
async def test_the_api_answers_what_the_encoder_writes(
    call: LiveCall, endpoint: Endpoint, bill: Bill
) -> None:
    answer = await completion(endpoint, call.body)
    bill.costs.append(answer.cost_nano_usd)
    assert answer.status in ("ok", "truncated")
    assert answer.text or answer.tool_calls
    assert answer.finish_reason in FINISH_REASONS
    assert answer.inference_id
    assert (answer.prompt_tokens or 0) > 0
    assert (answer.completion_tokens or 0) > 0
    if call.parameters == FORCED:
        (called,) = answer.tool_calls
        assert (called.name, called.is_valid_json) == ("record", True)


async def test_missing_model_is_an_access_refused(endpoint: Endpoint) -> None:
    with pytest.raises(ApiError) as refused:
        await completion(endpoint, LiveCall(model=UNKNOWN, parameters={}).body)
    assert isinstance(refused.value, AccessRefused | RequestRejected)
    assert refused.value.status in (400, 404)


async def test_a_body_without_messages_is_rejected_with_a_reason(endpoint: Endpoint) -> None:
    body = b'{"max_tokens":1,"model":"%s","messages":[]}' % DATED.encode()
    with pytest.raises(RequestRejected) as refused:
        await completion(endpoint, body)
    assert "messages" in refused.value.in_full.lower()


@pytest.mark.parametrize("model", [DATED, DOTTED])
async def test_the_price_list_is_read(model: str, endpoint: Endpoint) -> None:
    async with open_transport(connections_max=1, route=endpoint.route) as transport:
        prices = await fetch_prices(endpoint, transport, model)
    assert prices is not None
    assert 0 < prices.input_nano_usd < prices.output_nano_usd


async def test_the_log_is_read(endpoint: Endpoint) -> None:
    now_us = SystemClock().wall_us()
    async with open_transport(connections_max=1, route=endpoint.route) as transport:
        window_us = (now_us - HOUR_US, now_us + HOUR_US)
        page = await fetch_log_page(endpoint, transport, window_us, offset=0, rows_max=1)
    assert len(page.rows) <= 1
