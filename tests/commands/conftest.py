"""Output paths with runs in them, made by running real jobs against a simulator that listens."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fsspec.implementations.local import LocalFileSystem

from aimlapi_simulator import Latency, simulator_thread
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from airflow_provider_aimlapi.errors import RunInterrupted
from tests.runs.conftest import Workplace, script, texts_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimlapi_simulator import Simulator

DAY_S = 86_400


def grow_old(folder: str | Path, days: float) -> None:
    """Set the last change of all files in a folder to a number of days ago."""
    then_s = SystemClock().wall_us() / 1e6 - days * DAY_S
    for path in Path(folder).rglob("*"):
        os.utime(path, (then_s, then_s))


def run_folder(place: Workplace, run_key: str) -> str:
    return f"{place.output}/_aimlapi/{run_key}"


def names_in(place: Workplace, run_key: str) -> list[str]:
    """Every object of a run, relative to its folder."""
    folder = run_folder(place, run_key)
    return sorted(path[len(folder) + 1 :] for path in place.fs.find(folder))


def stop_half_way(place: Workplace, calls: int) -> str:
    """Run the usual job, stop it after a number of billed calls, and return its run key."""
    place.sim.follow(script(latency=Latency(median_s=0.01)))
    stop = StopSignal()

    def watch() -> None:
        pause = threading.Event()
        while place.sim.ledger.billed_calls < calls:
            pause.wait(0.002)
        stop.request_stop()

    watcher = threading.Thread(target=watch)
    watcher.start()
    with pytest.raises(RunInterrupted):
        place.run(stop=stop, max_concurrency=4, unflushed_rows_max=2)
    watcher.join()
    place.sim.follow(script())
    [path] = place.fs.ls(f"{place.output}/_aimlapi", detail=False)
    return str(path).rpartition("/")[2]


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with simulator_thread(script()) as simulator:
        yield simulator


@pytest.fixture
def place(tmp_path: Path, sim: Simulator) -> Workplace:
    workplace = Workplace(
        fs=LocalFileSystem(), input=str(tmp_path / "in"), output=str(tmp_path / "out"), sim=sim
    )
    for number in range(3):
        workplace.write(texts_table(20, number * 20), f"{number}.parquet")
    return workplace
