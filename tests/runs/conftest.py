"""A place to run whole jobs: a folder, a simulator that really listens, and a ledger to check."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem

from aimlapi_simulator import Account, Script, answer_for, simulator_thread
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.engine.blocking import run_job
from airflow_provider_aimlapi.engine.job import Job, OpenLocation
from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import RunInterrupted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fsspec import AbstractFileSystem

    from aimlapi_simulator import Simulator
    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary

KEY = "runs-secret-key"
MODEL = "anthropic/claude-sonnet-4-6-20260218"
PROMPT = "Summarise:\n\n{body}"
MAX_TOKENS = 256


@dataclass(kw_only=True)
class Workplace:
    """A job over `input`, its results in `output`, the API as the simulator plays it."""

    fs: AbstractFileSystem
    input: str
    output: str
    sim: Simulator

    def write(self, table: pa.Table, name: str = "a.parquet", **options: Any) -> None:
        """Put a table at the input path."""
        path = f"{self.input}/{name}"
        self.fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        with self.fs.open(path, "wb") as file:
            pq.write_table(table, file, **options)

    def job(self, **changes: Any) -> Job:
        """The usual job, or one that differs in some fields."""
        usual = Job(
            completion=CompletionSpec(model=MODEL, max_tokens=MAX_TOKENS),
            prompt=PROMPT,
            system=None,
            output_column="completion",
            limit_rows=None,
            endpoint=Endpoint(base_url=self.sim.url, key=KEY),
            input=OpenLocation(fs=self.fs, path=self.input),
            output=OpenLocation(fs=self.fs, path=self.output),
        )
        return replace(usual, **changes)

    def run(
        self, job: Job | None = None, *, stop: StopSignal | None = None, **settings: Any
    ) -> RunSummary:
        """Run to the end, with settings that differ from the usual ones."""
        return run_job(job or self.job(), Settings(**settings), stop=stop)

    def run_until_billed(self, bills: int, *, job: Job | None = None, **settings: Any) -> None:
        """Run, and ask to stop as soon as so many calls were billed."""
        stop = StopSignal()

        def stop_soon() -> None:
            pause = threading.Event()
            while len(self.sim.ledger.billed) < bills:
                pause.wait(0.005)
            stop.request_stop()

        watcher = threading.Thread(target=stop_soon)
        watcher.start()
        with pytest.raises(RunInterrupted):
            self.run(job, stop=stop, **settings)
        watcher.join()

    def visible(self) -> list[str]:
        """Names at the output path that plain readers see, in order."""
        start = len(self.output) + 1
        found = [path[start:] for path in self.fs.find(self.output)]
        return sorted(name for name in found if name.endswith(".parquet") and name[0] != "_")

    def result(self) -> pa.Table:
        """The published rows."""
        tables = []
        for name in self.visible():
            with self.fs.open(f"{self.output}/{name}", "rb") as file:
                tables.append(pq.read_table(file))
        return pa.concat_tables(tables)

    def paid_prompts(self) -> list[str]:
        """A hash for each call that was billed."""
        return [record.prompt_sha256 or "" for record in self.sim.ledger.billed]


def texts_table(rows: int, start: int = 0) -> pa.Table:
    """Distinct texts."""
    ids = range(start, start + rows)
    bodies = [f"Ticket {number}. The printer on floor {number % 7} is on fire." for number in ids]
    return pa.table({"id": pa.array(ids, pa.int32()), "body": bodies})


def expected(body: str, prompt: str = PROMPT) -> str:
    """What the simulated model answers to a row."""
    return answer_for(MODEL, "", prompt.replace("{body}", body), MAX_TOKENS)


def script(**changes: Any) -> Script:
    """A script that knows the key."""
    return Script(account=Account(key=KEY), **changes)


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """The API, obeying at first."""
    with simulator_thread(script()) as simulator:
        yield simulator


@pytest.fixture
def place(tmp_path: Path, sim: Simulator) -> Workplace:
    """A workplace in a local folder."""
    return Workplace(
        fs=LocalFileSystem(), input=str(tmp_path / "in"), output=str(tmp_path / "out"), sim=sim
    )
