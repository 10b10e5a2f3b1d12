"""A run of a few rows in a simulated world, in whose store a test may plant what it likes.

Time is virtual, so a wait for a lease costs nothing, and an attempt takes milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.engine.job import Job, OpenLocation
from airflow_provider_aimlapi.engine.prepare import prepare_run
from airflow_provider_aimlapi.engine.run import run
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.engine.world import World
from airflow_provider_aimlapi.storage.runs.progress_object import ProgressObject
from lab.simulation.dataset_shapes import FILES, Shape, input_of
from lab.simulation.history import History
from lab.simulation.process import Process, SimulatedClock
from lab.simulation.scenario import CALM, settings_for
from lab.simulation.scheduler import Scheduler
from lab.simulation.simulated_api import SimulatedApi, SimulatedClient, cost_nano_usd
from lab.simulation.simulated_store import SimulatedStore
from lab.simulation.weather import Sky
from tests.fakes.memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary

SHAPE = Shape(rows=(4, 0, 5, 3), nulls=frozenset({2}), poison=frozenset({6}))
ROWS = 12
LIMIT_S = 100_000.0
STEPS_MAX = 200_000
PROMPT = "Q: {body}"
Objects = dict[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of an attempt.

    Attributes:
        error: None when it succeeded.
        prompts: those that it called the API for, in order; cost_nano_usd: what that cost.
        objects: what stands in the store afterwards.
    """

    report: RunSummary | None
    error: BaseException | None
    prompts: list[str]
    cost_nano_usd: int
    objects: Objects


@dataclass(kw_only=True)
class Bench:
    """Attempts over one store's objects, which are copied before each.

    Attributes:
        share: of the run, which is then divided for four workers.
    """

    objects: Objects = field(default_factory=dict)
    share: int | None = None

    def attempt(
        self,
        *,
        kill_at: str = "",
        prompt: str = PROMPT,
        changes: Mapping[str, bytes | None] = {},
        meanwhile: Mapping[str, Objects] = {},
        **settings: Any,
    ) -> Attempt:
        """Run once.

        Args:
            kill_at: the process dies at the first operation whose name holds this.
            changes: what is planted before; None for what is removed.
            meanwhile: what is planted when an operation begins whose name holds the key.
        """
        scheduler = Scheduler(limit_s=LIMIT_S, steps_max=STEPS_MAX)
        world = _World(scheduler, {**self.objects}, kill_at, meanwhile)
        for name, data in changes.items():
            world.objects.objects.pop(name, None)
            if data is not None:
                world.objects.objects[name] = data
        usual = {"max_concurrency": 2, "unflushed_rows_max": 1, "max_attempts": 1}
        used = settings_for(SHAPE, **{**usual, **settings})
        job = job_of(prompt)
        process = Process(1, scheduler, History())
        process.on_operation = world.watch
        process.start(lambda: run(job, used, world.of(process, used.request_timeout_s), self.share))
        scheduler.run()
        prompts = [call.prompt for call in world.api.ledger.calls]
        billed = [call.prompt for call in world.api.ledger.billed()]
        return Attempt(
            report=process.report,
            error=process.error,
            prompts=prompts,
            cost_nano_usd=sum(map(cost_nano_usd, billed)),
            objects=world.objects.objects,
        )


class _World:
    def __init__(
        self,
        scheduler: Scheduler,
        objects: Objects,
        kill_at: str,
        meanwhile: Mapping[str, Objects],
    ) -> None:
        self.objects = MemoryStore()
        self.objects.objects = objects
        self._random = Random(1)  # noqa: S311  # a test repeats itself
        self._sky = Sky(CALM)
        self._kill_at = kill_at
        self._meanwhile = meanwhile
        self._scheduler = scheduler
        self.api = SimulatedApi(scheduler, sky=self._sky, timeout_s=30.0, random=self._random)

    def watch(self, process: Process, name: str) -> None:
        for operation, planted in self._meanwhile.items():
            if operation in name:
                self.objects.objects.update(planted)
        if self._kill_at and self._kill_at in name:
            self._scheduler.after(0.0, process.kill)

    def saw(self, *_: object) -> None:
        """Nothing: what matters is what stands there at the end."""

    def of(self, process: Process, timeout_s: float) -> World:
        store = SimulatedStore(
            process, self.objects, sky=self._sky, random=self._random, watcher=self
        )
        return World(
            clock=SimulatedClock(process),
            random=self._random,
            open_client=lambda: SimulatedClient(
                process,
                self.api,
                timeout_s=timeout_s,
                random=self._random,
                on_sent=lambda _: None,
                on_ended=lambda _: None,
            ),
            ask_prices=lambda _: self.api.tell_prices(),
            open_store=lambda _: store,
            stop=process.stop,
            open_sink=ProgressObject,
        )


def job_of(prompt: str = PROMPT) -> Job:
    return Job(
        completion=CompletionSpec(model="anthropic/claude-sonnet-4-6-20260218", max_tokens=64),
        prompt=prompt,
        system=None,
        output_column="completion",
        limit_rows=None,
        endpoint=Endpoint(base_url="https://api.example", key="simulated-key"),
        input=OpenLocation(fs=FILES, path=input_of(SHAPE).path),
        output=OpenLocation(fs=FILES, path="/output"),
    )


def divided(workers: int) -> Objects:
    """What the task that plans a run leaves."""
    store = MemoryStore()
    prepare_run(job_of(), lambda _: store, SystemClock(), workers=workers)
    return store.objects
