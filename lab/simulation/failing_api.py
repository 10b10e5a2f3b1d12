"""Whole runs in virtual time, one try after another, against an API that fails some rows or all.

Larger than a seed of the simulation, with default settings: what ends a run takes minutes of failures.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
from pyarrow import parquet as pq

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.core.money.pricing import TokenPrices
from airflow_provider_aimlapi.engine.job import Job, OpenLocation
from airflow_provider_aimlapi.engine.run import run
from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.engine.world import World
from airflow_provider_aimlapi.errors import AimlapiError, ApiUnavailable, StoreUnavailable
from lab.simulation.dataset_shapes import FILES, PROMPT, Shape, input_of
from tests.fakes.memory_store import MemoryStore
from tests.fakes.virtual_loop import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary

Failure = Literal["500", "400", "403", "slow", "broken", "page"]
FAILURES: tuple[Failure, ...] = ("500", "slow", "broken", "page")
"""How a call fails: answered 500, too slow for the time-out, a broken connection, a page of a proxy."""
OUTAGE_S = 1200.0
RETRY_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """When all calls fail.

    Attributes:
        after_answers: it begins with this completion. is_total: whether calls that were on their way
            before fail, too.
    """

    after_answers: int
    kind: Failure = "500"
    is_total: bool = True
    lasts_s: float = OUTAGE_S


@dataclass(kw_only=True)
class FailingApi:
    """The API.

    Attributes:
        bad: rows that always fail, and how.
        sent: rows, in the order of their calls. sent_s: when. answered: in the order of their completions.
        bought: rows that were charged for, or may have been.
        broken: calls whose connection breaks, by their order, and after how long.
        refused_once: rows whose next call after the outage is answered 403.
    """

    random: Random
    timeout_s: float
    bad: dict[int, Failure] = field(default_factory=dict)
    outage: Outage | None = None
    answer_s: float = 1.5
    sigma: float = 0.6
    broken: dict[int, float] = field(default_factory=dict)
    refused_once: set[int] = field(default_factory=set)
    sent: list[int] = field(default_factory=list)
    sent_s: list[float] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    bought: list[int] = field(default_factory=list)
    outage_s: float | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close nothing, because nothing is open."""

    async def send(self, body: bytes, client_request_id: str) -> Answer:  # noqa: ARG002
        """Make one exchange, within the time-out."""
        row = int(json.loads(body)["messages"][0]["content"].rsplit(" ", 1)[1])
        breaks_s = self.broken.get(len(self.sent))
        self.sent.append(row)
        self.sent_s.append(_now_s())
        try:
            async with asyncio.timeout(self.timeout_s):
                if breaks_s is not None:
                    await asyncio.sleep(breaks_s)
                    return await self._fail(row, "broken")
                return await self._exchange(row)
        except TimeoutError:
            self.bought.append(row)
            raise ApiUnavailable("no answer in time", is_perhaps_billed=True) from None

    async def _exchange(self, row: int) -> Answer:
        kind = self._failure_now() or self.bad.get(row)
        if kind is not None:
            return await self._fail(row, kind)
        if self.outage_s is not None and row in self.refused_once:
            self.refused_once.remove(row)
            return await self._fail(row, "403")
        await asyncio.sleep(self.answer_s * self.random.lognormvariate(0.0, self.sigma))
        if self.outage and self.outage.is_total and (kind := self._failure_now()):
            return await self._fail(row, kind)
        return self._answer(row)

    async def _fail(self, row: int, kind: Failure) -> Answer:
        if kind == "slow":
            await asyncio.sleep(2 * self.timeout_s)
        await asyncio.sleep(self.random.uniform(0.05, 0.15))
        if kind == "broken":
            self.bought.append(row)
            raise ApiUnavailable("the connection broke", is_perhaps_billed=True)
        if kind == "page":
            self.bought.append(row)
            return Answer(status=200, content_type="text/html", body=b"<title>Sign in</title>")
        return Answer(status=int(kind), content_type="application/json", body=b'{"message": "No."}')

    def _answer(self, row: int) -> Answer:
        self.answered.append(row)
        self.bought.append(row)
        if (
            self.outage
            and self.outage_s is None
            and len(self.answered) >= self.outage.after_answers
        ):
            self.outage_s = asyncio.get_running_loop().time()
        choices = [{"message": {"content": f"Of {row}."}, "finish_reason": "stop"}]
        return Answer(status=200, body=json.dumps({"choices": choices}).encode(), usd_spent="0.001")

    def _failure_now(self) -> Failure | None:
        if self.outage is None or self.outage_s is None:
            return None
        is_over = asyncio.get_running_loop().time() >= self.outage_s + self.outage.lasts_s
        return None if is_over else self.outage.kind


class HeldStore(MemoryStore):
    """A store of which some requests fail for a time, from the API's outage on.

    Args:
        holds: what a request does and to which object, as `create .*/journal/`.
    """

    def __init__(self, api: FailingApi, *, holds: str, lasts_s: float) -> None:
        super().__init__()
        self._api = api
        self._holds = re.compile(holds)
        self._lasts_s = lasts_s

    def read(self, name: str, *, bytes_max: int) -> bytes | None:
        self._let_pass("read", name)
        return super().read(name, bytes_max=bytes_max)

    def list(self, prefix: str) -> list[str]:
        self._let_pass("list", prefix)
        return super().list(prefix)

    def create(self, name: str, data: bytes) -> bool:
        self._let_pass("create", name)
        return super().create(name, data)

    def write(self, name: str, data: bytes) -> None:
        self._let_pass("write", name)
        super().write(name, data)

    def _let_pass(self, kind: str, name: str) -> None:
        began_s = self._api.outage_s
        is_away = began_s is not None and _now_s() < began_s + self._lasts_s
        if is_away and self._holds.match(f"{kind} {name}"):
            raise StoreUnavailable(f"{kind} {name}: the store is away")


def _now_s() -> float:
    return asyncio.get_running_loop().time()


@dataclass(kw_only=True)
class Tries:
    """A run and its tries.

    Attributes:
        ends: how each try ended; a report means that the run is published.
        ended_s: when. calls: how many each had sent by then.
    """

    rows: int
    api: FailingApi
    settings: Settings
    store: MemoryStore = field(default_factory=MemoryStore)
    ends: list[RunSummary | AimlapiError] = field(default_factory=list)
    ended_s: list[float] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)

    def until_published(
        self, most: int = 5, *, pause_s: float = RETRY_S, parks: bool = False
    ) -> RunSummary | AimlapiError:
        """Try until one publishes, `most` times; the pause grows after each, as Airflow's does."""
        return run_virtual(self._try_all(most, pause_s, parks=parks))

    async def _try_all(
        self, most: int, pause_s: float, *, parks: bool
    ) -> RunSummary | AimlapiError:
        for number in range(most):
            settings = replace(self.settings, starts_with_probe=parks and number > 0)
            self.ends.append(await self._try(settings))
            self.ended_s.append(asyncio.get_running_loop().time())
            self.calls.append(len(self.api.sent))
            if not isinstance(self.ends[-1], ApiUnavailable):
                break
            await asyncio.sleep(pause_s * (min(3, number + 1) if parks else 2**number))
        return self.ends[-1]

    async def _try(self, settings: Settings) -> RunSummary | AimlapiError:
        world = World(
            clock=VirtualClock(),
            random=self.api.random,
            open_client=lambda: self.api,
            ask_prices=lambda _: _prices(),
            open_store=lambda _: self.store,
            stop=StopSignal(),
        )
        try:
            return await run(self._job(), settings, world)
        except AimlapiError as error:
            return error

    def _job(self) -> Job:
        return Job(
            completion=CompletionSpec(model="anthropic/claude-sonnet-4.6", max_tokens=64),
            prompt=PROMPT,
            system=None,
            output_column="completion",
            limit_rows=None,
            endpoint=Endpoint(base_url="https://api.example", key="simulated-key"),
            input=OpenLocation(fs=FILES, path=input_of(Shape(rows=(self.rows,))).path),
            output=OpenLocation(fs=FILES, path="/output"),
        )

    def rejected(self) -> list[int]:
        """Return the rejected rows of the published run."""
        parts = sorted(name for name in self.store.objects if "/parts/" in name)
        infos: list[dict[str, str]] = []
        for name in parts:
            table = pq.read_table(pa.BufferReader(self.store.objects[name]))
            infos += table["completion_info"].to_pylist()
        return [row for row, info in enumerate(infos) if info["status"] == "rejected"]

    def calls_of(self, rows: Iterable[int]) -> list[int]:
        """Count how often each row was sent."""
        counts = Counter(self.api.sent)
        return [counts[row] for row in rows]

    def calls_between(self, from_s: float, until_s: float) -> int:
        """Count the calls that were sent between two times after the start of the outage."""
        began_s = self.api.outage_s
        assert began_s is not None
        return sum(from_s <= sent_s - began_s < until_s for sent_s in self.api.sent_s)


async def _prices() -> TokenPrices:
    return TokenPrices(input_nano_usd=1, output_nano_usd=1)


def tries_at(
    rows: int,
    *,
    seed: int = 1,
    bad: dict[int, Failure] | None = None,
    outage: Outage | None = None,
    answer_s: float = 1.5,
    sigma: float = 0.6,
    **changes: object,
) -> Tries:
    """Return a run that has not started, with default settings except these changes."""
    settings = Settings(**({"progress_interval_s": 1e6} | changes))  # type: ignore[arg-type]
    api = FailingApi(
        random=Random(seed),  # a seeded order of events
        timeout_s=settings.request_timeout_s,
        bad=bad or {},
        outage=outage,
        answer_s=answer_s,
        sigma=sigma,
    )
    return Tries(rows=rows, api=api, settings=settings)
