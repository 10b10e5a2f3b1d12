"""The API of the simulated world: answers that depend on the prompt alone, and who was billed."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.api.account import Account
from airflow_provider_aimlapi.core.money.pricing import TokenPrices
from airflow_provider_aimlapi.errors import ApiUnavailable
from lab.simulation.process import Killed
from lab.simulation.weather import api_fate, is_within

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random
    from types import TracebackType
    from typing import Literal, Self

    from lab.simulation.process import Process
    from lab.simulation.scheduler import Scheduler
    from lab.simulation.weather import Sky

NANO_USD = 1_000_000
COST_STEPS = 4
PRICES = TokenPrices(input_nano_usd=1_000_000_000, output_nano_usd=60_000_000_000)
"""With 64 tokens to answer, a little more than the dearest answer costs."""
POISON = "never acceptable"
"""A prompt that contains this is always answered 400."""
FORBIDDEN = "not to be seen"
"""A prompt that contains this is always answered 403, although the key is good."""
FAILING = {
    "always an error": "500",
    "always too slow": "slow",
    "always broken off": "broken",
    "always a page": "page",
}
"""Prompts that contain one of these never succeed. The value says how their calls fail."""
PAGE = Answer(status=200, content_type="text/html", body=b"<title>Sign in</title>")


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of one process.

    Attributes:
        end: how the process saw it end; None while it has not, or if it never did.
        bills: how often it was billed, which is once or never.
    """

    number: int
    prompt: str
    process: Process
    sent_s: float
    end: Literal["answered", "failed"] | None = None
    bills: int = 0


@dataclass(slots=True, kw_only=True)
class Ledger:
    """All calls, in the order in which they were made."""

    calls: list[Call] = field(default_factory=list)

    def billed(self) -> list[Call]:
        """Return the calls that were charged."""
        return [call for call in self.calls if call.bills]


def answer_to(prompt: str) -> str:
    """Return the simulated model's answer."""
    return f"Thought about {sha256(prompt.encode()).hexdigest()[:12]}."


def cost_nano_usd(prompt: str) -> int:
    """Return its charge: 1 to 4 thousandths of a dollar."""
    return NANO_USD * (1 + sha256(prompt.encode()).digest()[0] % COST_STEPS)


class SimulatedApi:
    """Where all processes' calls arrive."""

    def __init__(self, scheduler: Scheduler, *, sky: Sky, timeout_s: float, random: Random) -> None:
        self.ledger = Ledger()
        self.pages: Counter[str] = Counter()
        self._scheduler = scheduler
        self._sky = sky
        self._timeout_s = timeout_s
        self._random = random

    def receive(self, call: Call, reply: Callable[[Answer | None], None]) -> None:
        """Receive a request. It is processed even if its sender dies.

        Args:
            reply: brings the answer to the sender; None for a connection that breaks.
        """
        fate = api_fate(self._sky.weather, self._scheduler.now_s, self._timeout_s, self._random)
        failing = next((FAILING[text] for text in FAILING if text in call.prompt), None)
        if failing is not None and fate.status == 200:
            self._fail(call, failing, reply)
            return
        status = self.status_for(call)
        if status != 200 and fate.status == 200:
            self._scheduler.after(0.1, lambda: reply(_refusal(status)))
            return
        if fate.status != 200:
            self._scheduler.after(fate.latency_s, lambda: reply(_refusal(fate.status)))
            return
        answer = None if fate.is_lost else self.completion(call)
        self._scheduler.after(fate.latency_s * fate.billed_at, lambda: self._bill(call))
        self._scheduler.after(fate.latency_s, lambda: reply(answer))

    def name_of(self, body: bytes) -> str:
        """Return the name of a call by its request: the prompt."""
        prompt: str = json.loads(body)["messages"][0]["content"]
        return prompt

    def status_for(self, call: Call) -> int:
        """Return the status of a call's answer in good weather."""
        return _status_for(call.prompt)

    def completion(self, call: Call) -> Answer:
        """Return the answer to a call."""
        return _completion(call)

    def _fail(self, call: Call, failing: str, reply: Callable[[Answer | None], None]) -> None:
        """Fail a call. An answer that comes too late is still charged."""
        if failing == "slow":
            self._scheduler.after(self._timeout_s * 1.2, lambda: self._bill(call))
            return
        answer = {"500": _refusal(500), "broken": None, "page": PAGE}[failing]
        self.pages.update([call.prompt] if failing == "page" else [])
        self._scheduler.after(0.1, lambda: reply(answer))

    async def tell_prices(self) -> TokenPrices:
        """Return the price list, which fails as often as calls do."""
        await asyncio.sleep(self._random.uniform(0.01, 0.5))
        if self._random.random() < self._sky.weather.api_failed:
            raise ApiUnavailable("no price list")
        return PRICES

    async def tell_account(self) -> Account:
        """Return balance and key, which fails as often as calls do."""
        await asyncio.sleep(self._random.uniform(0.01, 0.5))
        if self._random.random() < self._sky.weather.api_failed:
            raise ApiUnavailable("no account")
        is_refused = is_within(self._scheduler.now_s, self._sky.weather.refusals)
        return Account(balance=10.0, is_disabled=is_refused)

    def _bill(self, call: Call) -> None:
        call.bills += 1
        call.process.tell(f"call {call.number} is billed")


class SimulatedClient:
    """The engine's Client in one process."""

    def __init__(
        self,
        process: Process,
        api: SimulatedApi,
        *,
        timeout_s: float,
        random: Random,
        on_sent: Callable[[Call], None],
        on_ended: Callable[[Call], None],
    ) -> None:
        self._process = process
        self._api = api
        self._timeout_s = timeout_s
        self._random = random
        self._on_sent = on_sent
        self._on_ended = on_ended
        self._idle = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close all open connections."""
        self._process.close_sockets(self._idle)
        self._idle = 0

    async def send(self, body: bytes, client_request_id: str) -> Answer:  # noqa: ARG002
        """Make one exchange as `api.client` does: return an answer, or raise ApiUnavailable."""
        process = self._process
        process.has_called = True
        if self._idle:
            self._idle -= 1
        elif not process.open_socket():
            raise ApiUnavailable("no connection: too many open files")
        try:
            return await self._send(body)
        finally:
            self._idle += 1

    async def _send(self, body: bytes) -> Answer:
        process = self._process
        process.note_operation("call")
        prompt = self._api.name_of(body)
        calls = self._api.ledger.calls
        call = Call(
            number=len(calls), prompt=prompt, process=process, sent_s=process.scheduler.now_s
        )
        calls.append(call)
        process.tell(f"call {call.number} asks {prompt!r}")
        self._on_sent(call)
        try:
            answer = await self._exchange(call)
        except TimeoutError:
            self._end(call, "failed", "timed out")
            raise ApiUnavailable("no answer in time", is_perhaps_billed=True) from None
        if answer is None:
            self._end(call, "failed", "broke off")
            raise ApiUnavailable("the connection broke", is_perhaps_billed=True)
        is_answer = answer.is_success and answer is not PAGE
        self._end(call, "answered" if is_answer else "failed", f"HTTP {answer.status}")
        return answer

    async def _exchange(self, call: Call) -> Answer | None:
        loop, scheduler = self._process.loop, self._process.scheduler
        future: asyncio.Future[Answer | None] = loop.create_future()

        def reply(answer: Answer | None) -> None:
            delay_s = self._random.uniform(0.001, 0.05)
            loop.call_from_world(delay_s, come, answer)

        def come(answer: Answer | None) -> None:
            if not future.done():
                future.set_result(answer)

        def arrive() -> None:
            if not self._process.lands(self._random):
                call.process.tell(f"call {call.number} is lost on its way")
            else:
                self._api.receive(call, reply)

        async with asyncio.timeout(self._timeout_s):
            await asyncio.sleep(self._random.uniform(0.0, 0.05))  # a freeze may fall in here
            scheduler.after(self._random.uniform(0.001, 0.05), arrive)
            return await future

    def _end(self, call: Call, end: Literal["answered", "failed"], event: str) -> None:
        if self._process.loop.is_dead:
            raise Killed
        call.end = end
        self._process.tell(f"call {call.number}: {event}")
        self._on_ended(call)


def _completion(call: Call) -> Answer:
    payload = {
        "choices": [{"message": {"content": answer_to(call.prompt)}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5},
    }
    return Answer(
        status=200,
        content_type="application/json",
        body=json.dumps(payload).encode(),
        inference_id=f"inference-{call.number}",
        usd_spent=f"{cost_nano_usd(call.prompt) / 1e9:.9f}",
    )


def _status_for(prompt: str) -> int:
    if POISON in prompt:
        return 400
    return 403 if FORBIDDEN in prompt else 200


def _refusal(status: int) -> Answer:
    return Answer(status=status, content_type="application/json", body=b'{"message": "No."}')
