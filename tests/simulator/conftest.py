"""A simulator that really listens and a client that really calls it, for each test anew."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvloop

from aimlapi_simulator import Script, Simulator
from tests.contract.published import SONNET_4_6

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY = "sim-key-1234567890"
SONNET = "anthropic/claude-sonnet-4-6-20260218"
DOTTED = "anthropic/claude-sonnet-4.6"
LATEST = "anthropic/claude-sonnet-latest"
DOCUMENTS = {SONNET: SONNET_4_6}
"""Ids that stand in the published document of another id."""
PROMPT = (
    "Summarise in two sentences:\n\n"
    "The harbour was built in 1871. It burnt down twice. Fishermen still remember the second fire."
)


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run tests of bytes on both loops, because their transports differ."""
    loops: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if item.path.name == "test_simulator_http.py":
        loops["uvloop"] = uvloop.new_event_loop
    return loops


def body_of(prompt: str = PROMPT, **changes: Any) -> dict[str, Any]:
    """Return a request body. A change to None leaves the field out."""
    body: dict[str, Any] = {
        "model": SONNET,
        "max_tokens": 256,
        "messages": [{"role": "user", "content": prompt}],
    }
    return {name: value for name, value in (body | changes).items() if value is not None}


@dataclass(kw_only=True)
class Playground:
    """A simulator and a client of it."""

    sim: Simulator
    http: httpx.AsyncClient

    async def ask(self, prompt: str = PROMPT, **changes: Any) -> httpx.Response:
        """Call chat completions once."""
        return await self.http.post("/v1/chat/completions", json=body_of(prompt, **changes))

    async def ask_with(self, headers: dict[str, str], prompt: str = PROMPT) -> httpx.Response:
        """Call chat completions once, with further headers."""
        return await self.http.post("/v1/chat/completions", json=body_of(prompt), headers=headers)

    async def control(self, method: str, name: str, body: object = None) -> Any:
        """Call a control endpoint, which must succeed."""
        answer = await self.http.request(method, f"/_simulator/{name}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


Start = Callable[..., Awaitable[Playground]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Return a function that starts a simulator with a script."""
    async with AsyncExitStack() as stack:

        async def begin(script: Script | None = None) -> Playground:
            sim = await stack.enter_async_context(Simulator(script))
            http = await stack.enter_async_context(
                httpx.AsyncClient(
                    base_url=sim.url, headers={"Authorization": f"Bearer {KEY}"}, trust_env=False
                )
            )
            return Playground(sim=sim, http=http)

        yield begin


@pytest.fixture
async def play(start: Start) -> Playground:
    """Start a simulator with the default script."""
    return await start()
