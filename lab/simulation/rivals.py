"""Two different complete runs at one output path, and processes that show them.

They are killed, frozen and cut off while they do. At the end plain readers must see one run whole.
"""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.engine.job import Job, OpenLocation
from airflow_provider_aimlapi.engine.run import run
from airflow_provider_aimlapi.engine.world import World
from airflow_provider_aimlapi.errors import AimlapiError
from lab.simulation.dataset_shapes import FILES, Shape, input_of
from lab.simulation.history import History
from lab.simulation.process import Process, SimulatedClock
from lab.simulation.scenario import CALM, settings_for
from lab.simulation.scheduler import Scheduler
from lab.simulation.simulated_api import SimulatedApi, SimulatedClient
from lab.simulation.simulated_store import SimulatedStore
from lab.simulation.weather import Sky, Weather
from tests.fakes.memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary

SHAPE = Shape(rows=(3, 2, 2))
SETTINGS = settings_for(SHAPE, request_timeout_s=10.0)
JOBS: tuple[dict[str, Any], ...] = (
    {"prompt": "Q: {body}"},
    {"prompt": "Another question: {body}"},
    {"prompt": "Q: {body}", "limit_rows": 4},
)
"""The last run has fewer parts than the first ones."""
LIMIT_S = 20_000.0
STEPS_MAX = 400_000


class Rivals:
    """A seed: all runs are completed one after another, then shown by many processes at once.

    Args:
        named: troubles come at operations whose names hold this.

    Attributes:
        violations: what plain readers saw that they should not have seen.
        misfortunes: kills, freezes and cuts.
    """

    def __init__(self, seed: int, *, named: str = "") -> None:
        self.violations: list[str] = []
        self.misfortunes = 0
        self.history = History()
        self._random = Random(f"{seed} rivals")
        self._scheduler = Scheduler(limit_s=LIMIT_S, steps_max=STEPS_MAX)
        self._objects = MemoryStore()
        self._sky = Sky(CALM)
        self._number = 0
        self._named = named
        self._api = SimulatedApi(
            self._scheduler,
            sky=self._sky,
            timeout_s=SETTINGS.request_timeout_s,
            random=self._random,
        )

    def run(self) -> list[str]:
        """Run all jobs; return the violations."""
        for job in range(len(JOBS)):
            self._begin(job)
            self._scheduler.run()
        calls = len(self._api.ledger.calls)
        self._sky.weather = self._bad_weather()
        for _ in range(self._random.randint(2, 5)):
            start_s = self._random.expovariate(1 / self._random.choice((0.2, 5.0, 60.0)))
            self._scheduler.after(start_s, self._begin_in_trouble)
        self._scheduler.run()
        self._check("when all had ended")
        self._sky.weather = CALM
        last = self._begin(self._random.randrange(len(JOBS)))
        self._scheduler.run()
        if last.report is None:
            self.violations.append(f"the last process did not succeed: {last.error!r}")
        self._check("at the end")
        if len(self._api.ledger.calls) != calls:
            self.violations.append("a complete run was asked again")
        return self.violations

    def saw(self, process: Process, kind: str, name: str, *_: object) -> None:
        """Check after an operation of the store that readers see one run."""
        if not self.misfortunes and kind != "read":
            self._check(f"after {process.name} had done: {kind} {name}")

    def _bad_weather(self) -> Weather:
        share = self._random.choice((0.0, 0.0, 0.05, 0.15))
        return Weather(store_refused=share, store_unclear=share, store_timeout_s=2.0)

    def _begin_in_trouble(self) -> None:
        process = self._begin(self._random.randrange(len(JOBS)))
        if self._random.random() < 0.25:
            return
        left = self._random.randint(1, 3) if self._named else self._random.randint(5, 40)

        def count(counted: Process, name: str) -> None:
            nonlocal left
            left -= self._named in name
            if left == 0 and self._named in name:
                self._scheduler.after(0.0, lambda: self._befall(counted))

        process.on_operation = count

    def _befall(self, process: Process) -> None:
        if not process.is_alive:
            return
        self.misfortunes += 1
        duration_s = self._random.choice((10.0, 60.0, 300.0))
        if self._random.random() < 0.4:
            process.kill()
        elif self._random.random() < 0.7:
            process.freeze(duration_s)
        else:
            process.cut_off_until_s = self._scheduler.now_s + duration_s

    def _begin(self, job: int) -> Process:
        self._number += 1
        process = Process(self._number, self._scheduler, self.history)
        process.on_end = self._ended
        process.start(lambda: self._main(process, JOBS[job]))
        return process

    def _ended(self, process: Process) -> None:
        if process.error is not None and not isinstance(process.error, AimlapiError):
            self.violations.append(f"{process.name} ended with {process.error!r}")

    def _main(self, process: Process, job: dict[str, Any]) -> Coroutine[Any, Any, RunSummary]:
        store = SimulatedStore(
            process, self._objects, sky=self._sky, random=self._random, watcher=self
        )
        world = World(
            clock=SimulatedClock(process),
            random=self._random,
            open_client=lambda: SimulatedClient(
                process,
                self._api,
                timeout_s=SETTINGS.request_timeout_s,
                random=self._random,
                on_sent=lambda _: None,
                on_ended=lambda _: None,
            ),
            ask_prices=lambda _: self._api.tell_prices(),
            open_store=lambda _: store,
            stop=process.stop,
        )
        return run(_job(**job), SETTINGS, world)

    def _check(self, when: str) -> None:
        """Check that exactly the files that `_SUCCESS` names are visible."""
        stored = self._objects.objects
        if "_SUCCESS" not in stored:
            return
        run_key = json.loads(stored["_SUCCESS"])["run_key"]
        manifest = json.loads(stored[f"_aimlapi/{run_key}/manifest.json"])
        wanted = {
            entry["visible_name"]: stored[entry["staged_name"]] for entry in manifest["parts"]
        }
        found = {name: data for name, data in stored.items() if not name.startswith("_")}
        if found != wanted:
            strange = sorted(name for name in found if found[name] != wanted.get(name))
            self.violations.append(f"{when}: {strange or 'a part is missing'} beside {run_key}")


def _job(*, prompt: str, limit_rows: int | None = None) -> Job:
    return Job(
        completion=CompletionSpec(model="anthropic/claude-sonnet-4-6-20260218", max_tokens=64),
        prompt=prompt,
        system=None,
        output_column="completion",
        limit_rows=limit_rows,
        endpoint=Endpoint(base_url="https://api.example", key="simulated-key"),
        input=OpenLocation(fs=FILES, path=input_of(SHAPE).path),
        output=OpenLocation(fs=FILES, path="/output"),
    )
