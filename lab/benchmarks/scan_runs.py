"""Runs for `scans`: the real engine in virtual time, over a store that counts."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Self

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.core.durable.keys import parse_segment_name
from airflow_provider_aimlapi.engine.durable.visible_run import VisibleRun
from airflow_provider_aimlapi.engine.job import Job, OpenLocation
from airflow_provider_aimlapi.engine.prepare import prepare_run
from airflow_provider_aimlapi.engine.run import run
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.engine.world import World
from airflow_provider_aimlapi.errors import AimlapiError
from lab.simulation.dataset_shapes import FILES, PROMPT, Shape, input_of
from tests.fakes.distant_store import DistantStore
from tests.fakes.virtual_loop import VirtualClock, run_virtual

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.durable.manifest import Manifest
    from airflow_provider_aimlapi.core.money.pricing import TokenPrices
    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.runtime.clock import Clock

SIGMA = 0.4
OPEN_CALLS = 8
"""Calls beside those of slow rows: fewer than two answers a second, so a segment has one or two."""


@dataclass(kw_only=True)
class SteadyApi:
    """Answers after some seconds of virtual time.

    Attributes:
        rejected: rows that it never accepts. text_bytes: of each answer.
        slow: rows whose answers take `slow_s`.
        left: calls until the run is asked to stop by `stop`; None for never.
    """

    answer_s: float = 5.0
    text_bytes: int = 20
    rejected: frozenset[int] = frozenset()
    slow: frozenset[int] = frozenset()
    slow_s: float = 0.0
    left: int | None = None
    stop: StopSignal = field(default_factory=StopSignal)
    random: Random = field(default_factory=lambda: Random(1))  # noqa: S311  # the same each time

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close nothing, because nothing is open."""

    async def send(self, body: bytes, client_request_id: str) -> Answer:  # noqa: ARG002
        """Answer one call."""
        row = int(json.loads(body)["messages"][0]["content"].rsplit(" ", 1)[1])
        answer_s = self.answer_s * self.random.lognormvariate(0.0, SIGMA)
        await asyncio.sleep(self.slow_s if row in self.slow else answer_s)
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                self.stop.request_stop()
        if row in self.rejected:
            return Answer(status=422, content_type="application/json", body=b'{"error": "no"}')
        message = {"content": self.random.randbytes(self.text_bytes // 2).hex()}
        choices = [{"message": message, "finish_reason": "stop"}]
        return Answer(status=200, body=json.dumps({"choices": choices}).encode(), usd_spent="0.001")


@dataclass(kw_only=True)
class ScannedRun:
    """A run over files of as many rows each.

    Attributes:
        prompt: what makes it another run than others at the same output path.
    """

    files: int
    rows: int
    store: DistantStore = field(default_factory=DistantStore)
    prompt: str = PROMPT

    def attempt(
        self, api: SteadyApi | None = None, **settings: object
    ) -> RunSummary | AimlapiError:
        """Make one attempt, from its start to its end, in virtual time."""
        world = self._world(api or SteadyApi(), VirtualClock())
        usual = Settings(max_rejected_rows=self.files * self.rows)
        try:
            return run_virtual(run(self._job(), replace(usual, **settings), world))  # type: ignore[arg-type]
        except AimlapiError as error:
            return error

    def attempt_with_open_parts(self) -> RunSummary | AimlapiError:
        """Make one attempt in which the first row of each part is answered last.

        So all parts stay open together, and there is a segment for each second of answers.
        """
        rows = self.files * self.rows
        slow_s = rows * SteadyApi.answer_s / OPEN_CALLS * 1.5
        api = SteadyApi(slow=frozenset(range(0, rows, self.rows)), slow_s=slow_s)
        return self.attempt(
            api,
            max_concurrency=self.files + OPEN_CALLS,
            request_timeout_s=2 * slow_s,
            stall_timeout_s=4 * slow_s,
        )

    def publish(self, manifest: Manifest) -> None:
        """Show the run, in real time."""

        async def finish() -> None:
            visible = VisibleRun(
                self.prepared(),
                manifest,
                is_ours=True,
                times=Settings().publication_times,
                world=self._world(SteadyApi(), SystemClock()),
                report=_nothing,
            )
            await visible.show_run()

        asyncio.run(finish())

    def prepared(self) -> Prepared:
        """Prepare the run as the next attempt does."""
        return prepare_run(self._job(), lambda _: self.store, SystemClock())

    def unpublish(self, segments: dict[str, bytes] | None = None) -> None:
        """Take back the publication, as if the last attempt had been killed just before it.

        Args:
            segments: what the journal holds beside that.
        """
        objects = self.store.objects
        for name in [name for name in objects if name.endswith(("/manifest.json", "_SUCCESS"))]:
            del objects[name]
        for name in [name for name in objects if not name.startswith("_aimlapi/")]:
            del objects[name]
        objects.update(segments or {})

    def segments(self) -> dict[str, bytes]:
        """Return the segments of the journal."""
        objects = self.store.objects
        return {name: data for name, data in objects.items() if parse_segment_name(name)}

    def _world(self, api: SteadyApi, clock: Clock) -> World:
        return World(
            clock=clock,
            random=Random(1),  # noqa: S311  # the same each time
            open_client=lambda: api,
            ask_prices=lambda _: _no_prices(),
            open_store=lambda _: self.store,
            stop=api.stop,
        )

    def _job(self) -> Job:
        shape = Shape(rows=(self.rows,) * self.files)
        return Job(
            completion=CompletionSpec(model="anthropic/claude-sonnet-4-6-20260218", max_tokens=64),
            prompt=self.prompt,
            system=None,
            output_column="completion",
            limit_rows=None,
            endpoint=Endpoint(base_url="https://api.example", key="benchmark-key"),
            input=OpenLocation(fs=FILES, path=input_of(shape).path),
            output=OpenLocation(fs=FILES, path="/output"),
        )


async def _no_prices() -> TokenPrices | None:
    return None


async def _nothing(_: float) -> None:
    """Report no wait."""
