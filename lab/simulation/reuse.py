"""A run that takes answers from another output, while that output is removed, damaged or replaced.

The other output was written before, in good weather. Its rows are cut into other files, so that some
have moved. Attempts read it through a store that fails as the run's own does.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import pyarrow as pa
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.calls import completion
from airflow_provider_aimlapi.core.durable.keys import SUCCESS_NAME, PublicationNames
from airflow_provider_aimlapi.engine.job import OpenLocation
from airflow_provider_aimlapi.engine.reuse import earlier_runs, reused_answers
from airflow_provider_aimlapi.engine.reuse.answer_search import AnswerSearch
from airflow_provider_aimlapi.engine.reuse.earlier_runs import EarlierRun
from lab.simulation.dataset_shapes import FILES, Shape, body_of
from lab.simulation.scenario import Scenario, scenario_of, settings_for
from lab.simulation.simulated_api import cost_nano_usd
from lab.simulation.simulated_store import SimulatedStore
from lab.simulation.simulation import Simulation, Verdict
from lab.simulation.swapping import swapped
from tests.fakes.memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.engine.job import Job
    from lab.simulation.process import Process

SOURCE = "/source"
Mishap = Literal["nothing", "removed", "replaced", "damaged"]
MISHAPS: tuple[Mishap, ...] = ("nothing", "removed", "replaced", "damaged")
SOURCE_FILES = ((20,), (5, 9), (3, 3, 3, 3, 3))
"""The rows of the files of the other output: the first rows of the run, in other files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReuseScenario:
    """A seed, written out.

    Attributes:
        common: the run, and the troubles of its attempts.
        source: the rows of each file of the other output.
        mishap: what happens to the other output.
        at_s: when.
    """

    common: Scenario
    source: tuple[int, ...]
    mishap: Mishap
    at_s: float


def reuse_scenario_of(seed: int) -> ReuseScenario:
    """Draw everything that a seed decides before the start."""
    random = Random(f"{seed} reuse")
    return ReuseScenario(
        common=scenario_of(seed),
        source=random.choice(SOURCE_FILES),
        mishap=random.choice(MISHAPS),
        at_s=random.expovariate(1 / random.choice((0.5, 4.0, 40.0))),
    )


@lru_cache(maxsize=8)
def _published(rows: tuple[int, ...]) -> dict[str, bytes]:
    """Return the objects of a published run over plain rows."""
    shape = Shape(rows=rows)
    simulation = Simulation(Scenario(seed=0, shape=shape, settings=settings_for(shape)))
    simulation.run()
    return dict(simulation.objects.objects)


class SourceStore(SimulatedStore):
    """The other output as a process sees it."""

    def uri(self, name: str) -> str:
        return f"memory://source/{name}"


class _Blind:
    """Sees nothing: the promises are about the run's own output."""

    def saw(self, *_: object) -> None:
        return None


class ReuseSimulation(Simulation):
    """One scenario, up to a re-run of the published run."""

    def __init__(self, scenario: ReuseScenario) -> None:
        super().__init__(scenario.common)
        self._reuse_scenario = scenario
        self._source = MemoryStore()
        self._source.objects = dict(_published(scenario.source))
        self.scheduler.after(scenario.at_s, self._befall_source)

    def _job(self) -> Job:
        return replace(super()._job(), reuse_from=(OpenLocation(fs=FILES, path=SOURCE),))

    def _store_at(
        self, location: OpenLocation, process: Process, own: SimulatedStore
    ) -> SimulatedStore:
        if location.path != SOURCE:
            return own
        return SourceStore(
            process, self._source, sky=self._sky, random=self._random, watcher=_Blind()
        )

    def _befall_source(self) -> None:
        """Remove the other run, damage its parts, or show another run there."""
        objects = self._source.objects
        self.history.add(
            self.scheduler.now_s, "world", f"the source is: {self._reuse_scenario.mishap}"
        )
        match self._reuse_scenario.mishap:
            case "removed":
                objects.clear()
            case "damaged":
                for name in [name for name in objects if "/parts/" in name]:
                    data = objects[name]
                    objects[name] = data[:100] + bytes([data[100] ^ 1]) + data[101:]
            case "replaced":
                objects |= {
                    name: data
                    for name, data in _published((2,)).items()
                    if name.startswith("_aimlapi/") or name == SUCCESS_NAME
                }
                success = json.loads(objects[SUCCESS_NAME])
                change = {"run_key": success["run_key"], "replaces": None}
                names = PublicationNames()
                objects[names.lease_name(99)] = b""
                objects[names.change_name(99)] = json.dumps(change).encode()
            case "nothing":
                pass

    def _judge(self) -> None:
        super()._judge()
        if self.watcher.manifest is None:
            return
        reusable = self._reusable()
        billed = {call.prompt for call in self.api.ledger.billed()}
        is_there = self._reuse_scenario.mishap in ("nothing", "replaced")
        for number, row in enumerate(self._rows()):
            prompt = f"Q: {row['body']}"
            info = row["completion_info"]
            self._check_row(number, prompt, info)
            # A run that was shown later may be chosen, if that was before the first attempt's choice.
            if prompt in reusable and is_there and self._was_chosen() and prompt in billed:
                self.watcher.blame(f"row {number} was paid for, although it was answered before")

    def _was_chosen(self) -> bool:
        """Return whether the run that was there first was chosen by the first attempt to choose."""
        pins = [data for name, data in self.objects.objects.items() if "/reuse/" in name]
        first = next(name for name in _published(self._reuse_scenario.source) if "plan" in name)
        return any(first.split("/")[1].encode() in data for data in pins)

    def _check_row(self, number: int, prompt: str, info: dict[str, Any]) -> None:
        paid = round((info["cost_usd"] or 0) * 1e9)
        if info["reused_from"] is None:
            expected = cost_nano_usd(prompt) if info["status"] == "ok" else paid
        else:
            expected = 0
            saved = round((info["saved_usd"] or 0) * 1e9)
            if info["attempts"] or saved != cost_nano_usd(prompt):
                self.watcher.blame(f"reused row {number} was not paid for: {info}")
        if paid != expected:
            self.watcher.blame(f"row {number} cost {paid}, not {expected}")

    def _reusable(self) -> frozenset[str]:
        shape = self.scenario.shape
        rows = range(min(sum(shape.rows), sum(self._reuse_scenario.source)))
        bodies = {number: body_of(shape, number) for number in rows}
        return frozenset(f"Q: {body}" for number, body in bodies.items() if body == f"row {number}")

    def _rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for name in sorted(name for name in self.objects.objects if not name.startswith("_")):
            file = pq.ParquetFile(pa.BufferReader(self.objects.objects[name]), pre_buffer=False)
            rows += file.read(use_threads=False).to_pylist()
        return rows


def simulate_reuse(scenario: ReuseScenario) -> Verdict:
    """Run a scenario and judge it."""
    return ReuseSimulation(scenario).run()


# Seeded bugs.

_read_answers = EarlierRun.read_answers
_find = AnswerSearch.find_answers
_reused = completion.reused_outcome


def _read_one_row_off(self: EarlierRun, part: int) -> list[Outcome]:
    """Give each request the answer of the row after it."""
    answers = _read_answers(self, part)
    hashes = [one.request_hash for one in answers]
    return [
        msgspec.structs.replace(one, request_hash=request_hash)
        for one, request_hash in zip(answers[1:], hashes, strict=False)
    ]


def _find_by_prefix(
    self: AnswerSearch, shard: Any, rows_before: int, hashes: list[str], batch_rows: int
) -> dict[str, Outcome]:
    """Compare one digit of each hash."""
    del shard, rows_before, batch_rows
    by_digit = {
        str(one.request_hash)[0]: one
        for part in range(len(self.run.entries))
        for one in _read_answers(self.run, part)
    }
    return {one: by_digit[one[0]] for one in hashes if one[0] in by_digit}


def _reuse_at_cost(earlier: Outcome, **options: Any) -> Outcome:
    """Charge a reused row what the other run has paid."""
    outcome = _reused(earlier, **options)
    return msgspec.structs.replace(outcome, cost_nano_usd=outcome.saved_nano_usd)


@contextmanager
def _choose_again() -> Iterator[None]:
    """Let each attempt choose the runs anew."""
    with (
        swapped(earlier_runs, "read_pin", lambda *_: None),
        swapped(earlier_runs, "store_pin", lambda _store, _names, chosen: chosen),
    ):
        yield


REUSE_BUGS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "row off by one": lambda: swapped(EarlierRun, "read_answers", _read_one_row_off),
    "hash compared by prefix": lambda: swapped(AnswerSearch, "find_answers", _find_by_prefix),
    "stale source": _choose_again,
    "reused row charged on resume": lambda: swapped(
        reused_answers, "reused_outcome", _reuse_at_cost
    ),
}
SEEDS_MAX = 120


def caught_by_reuse(name: str) -> int | None:
    """Return the first seed that finds a bug; None if none does."""
    with REUSE_BUGS[name]():
        for seed in range(SEEDS_MAX):
            if simulate_reuse(reuse_scenario_of(seed)).violations:
                return seed
    return None
