"""Whole runs in virtual time against an API that refuses some rows, and from some call on all of them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.api.account import Account
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.core.money.pricing import TokenPrices
from airflow_provider_aimlapi.engine.job import Job, OpenLocation
from airflow_provider_aimlapi.engine.run import run
from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.engine.world import World
from airflow_provider_aimlapi.errors import AimlapiError
from lab.simulation.dataset_shapes import FILES, PROMPT, Shape, input_of
from tests.fakes.memory_store import MemoryStore
from tests.fakes.virtual_loop import VirtualClock, run_virtual

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary

REFUSAL_S = 0.1
ANSWER_S = 1.5
SIGMA = 0.6


@dataclass(kw_only=True)
class RefusingApi:
    """The API, and the account behind it.

    Attributes:
        refused: rows that are always refused, and with which status.
        closes_at: from this call on, counted as they arrive, every row is refused; None: never.
        answered, refusals: rows, in the order of their answers.
    """

    random: Random
    refused: dict[int, int]
    closes_at: int | None = None
    answer_s: float = ANSWER_S
    jitter_s: float = 0.05
    arrived: int = 0
    answered: list[int] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)

    @property
    def is_closed(self) -> bool:
        """Whether every row is refused."""
        return self.closes_at is not None and self.arrived >= self.closes_at

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is open."""

    async def send(self, body: bytes, client_request_id: str) -> Answer:  # noqa: ARG002
        """One exchange: calls overtake each other on their way."""
        row = int(json.loads(body)["messages"][0]["content"].rsplit(" ", 1)[1])
        await asyncio.sleep(self.random.uniform(0.0, self.jitter_s))
        self.arrived += 1
        status = 401 if self.is_closed else self.refused.get(row)
        if status is not None:
            await asyncio.sleep(self.random.uniform(0.5, 1.5) * REFUSAL_S)
            self.refusals.append(row)
            return Answer(status=status, content_type="text/html", body=b"<title>No</title>")
        await asyncio.sleep(self.answer_s * self.random.lognormvariate(0.0, SIGMA))
        self.answered.append(row)
        choices = [{"message": {"content": f"Of {row}."}, "finish_reason": "stop"}]
        return Answer(status=200, body=json.dumps({"choices": choices}).encode(), usd_spent="0.001")

    async def tell_account(self) -> Account:
        """Balance and key."""
        await asyncio.sleep(REFUSAL_S)
        return Account(balance=10.0, is_disabled=self.is_closed)


@dataclass(kw_only=True)
class Attempts:
    """One run, and the attempts at it."""

    rows: int
    api: RefusingApi
    settings: Settings
    store: MemoryStore = field(default_factory=MemoryStore)

    def attempt(self) -> RunSummary | AimlapiError:
        """One attempt, from its start to its end."""
        world = World(
            clock=VirtualClock(),
            random=self.api.random,
            open_client=lambda: self.api,
            ask_prices=lambda _: _prices(),
            ask_account=self.api.tell_account,
            open_store=lambda _: self.store,
            stop=StopSignal(),
        )
        try:
            return run_virtual(run(self._job(), self.settings, world))
        except AimlapiError as error:
            return error

    def _job(self) -> Job:
        return Job(
            completion=CompletionSpec(model="anthropic/claude-sonnet-4-6-20260218", max_tokens=64),
            prompt=PROMPT,
            system=None,
            output_column="completion",
            limit_rows=None,
            endpoint=Endpoint(base_url="https://api.example", key="simulated-key"),
            input=OpenLocation(fs=FILES, path=input_of(Shape(rows=(self.rows,))).path),
            output=OpenLocation(fs=FILES, path="/output"),
        )


async def _prices() -> TokenPrices:
    return TokenPrices(input_nano_usd=1, output_nano_usd=1)


def attempts_at(
    rows: int,
    *,
    seed: int = 1,
    concurrency: int = 256,
    refused: dict[int, int] | None = None,
    closes_at: int | None = None,
) -> Attempts:
    """A run, not begun yet."""
    random = Random(seed)  # noqa: S311  # a seeded order of events
    api = RefusingApi(random=random, refused=refused or {}, closes_at=closes_at)
    settings = Settings(max_concurrency=concurrency, max_rejected_rows=len(api.refused))
    return Attempts(rows=rows, api=api, settings=settings)
