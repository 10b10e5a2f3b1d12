"""Does a whole run for each case that was asked for, in a few processes, before the first test looks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_aimlapi.api.messages.wire import decode_answer
from airflow_provider_aimlapi.core.durable.journal import decode_segment
from lab.hostile.case import ALWAYS_ROW, ONCE_ROW, PATIENT_TIMEOUT_S, ROWS, Case, timeout_s
from lab.hostile.hostile_server import HostileServer, serving

if TYPE_CHECKING:
    from pathlib import Path

PROCESSES = 8
PROCESS_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of a case.

    Attributes:
        result: of the run against the hostile server, as `measured_runs` tells it.
        folder: holds what was published.
    """

    result: dict[str, Any]
    folder: Path

    @property
    def unavailable(self) -> str | None:
        """The error of a run that ended as unavailable, since only the hostile row was left; else None."""
        words: str | None = self.result["unavailable"]
        return words

    def kept(self) -> dict[int, str | None]:
        """The texts of the answers that the journal keeps, by row."""
        segments = sorted((self.folder / "out" / "_aimlapi").glob("*/journal/*/*"))
        records = [each for file in segments for each in decode_segment(file.read_bytes())]
        return {
            record.row: decode_answer(record.received_answer()).text
            for record in records
            if record.kind == "answer"
        }

    def rows(self) -> list[dict[str, Any]]:
        """The published rows."""
        files = sorted((self.folder / "out").glob("*.parquet"))
        return [row for file in files for row in pq.read_table(file).to_pylist()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """All that was run.

    Attributes:
        told: by the case's name. log: everything that the processes logged.
        elsewhere_connections: made to where redirects pointed.
    """

    told: dict[str, Told]
    log: str
    elsewhere_connections: int


END_S_MAX = 120.0
"""A process ends within a second when it is idle, and may need half a minute on a loaded machine."""


class Runner:
    """A process that does the runs it is told to do."""

    def __init__(self, log: Path, root: Path) -> None:
        paths = os.pathsep.join((str(root / "provider"), str(root)))
        self._log = log.open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lab.hostile.measured_runs"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=root,
            env={**os.environ, "PYTHONPATH": paths, "PYTHONFAULTHANDLER": "1"},
        )

    def run(self, name: str, base_url: str, folder: Path, timeout_s: float) -> dict[str, Any]:
        """One run; the process's end is an error that shows in its log."""
        order = {
            "name": name,
            "base_url": base_url,
            "input": str(folder / "in"),
            "output": str(folder / "out"),
            "timeout_s": timeout_s,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._process.stdout.readline() or b'{"died": true}')
        return told

    def close(self) -> None:
        """Wait until it ends; if it does not, log where each of its threads is."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGABRT)
            self._process.wait()
            raise
        self._process.stdout.close()
        self._log.close()


def run_share(
    share: list[Case], runner: Runner, server: HostileServer, place: Path, told: dict[str, Told]
) -> None:
    """Have one process do its share of the cases, after a run that warms it up."""
    well = f"{server.url}/well"
    runner.run("warm up", well, _folder(place / "warm-up", padding=0), PATIENT_TIMEOUT_S)
    for case in share:
        folder = _folder(place / case.path[1:], padding=case.padding)
        result = runner.run(case.name, server.url + case.path, folder, timeout_s(case))
        told[case.name] = Told(result=result, folder=folder)


def _folder(folder: Path, *, padding: int) -> Path:
    """A folder whose input is a dozen rows."""
    (folder / "in").mkdir(parents=True)
    bodies = [
        f"Row {row} of a dozen. {'x' * padding if row in (ONCE_ROW, ALWAYS_ROW) else ''}"
        for row in range(ROWS)
    ]
    pq.write_table(pa.table({"row": range(ROWS), "body": bodies}), folder / "in" / "a.parquet")
    return folder


def _cases_asked_for(items: list[pytest.Item]) -> dict[str, Case]:
    """The cases of the tests that were chosen, by name."""
    tests = [item for item in items if isinstance(item, pytest.Function)]
    parameters = [test.callspec.params for test in tests if hasattr(test, "callspec")]
    found = [value for values in parameters for value in values.values()]
    return {case.name: case for case in found if isinstance(case, Case)}


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """The runs of all cases that tests of this session ask about."""
    cases = _cases_asked_for(request.session.items)
    place = tmp_path_factory.mktemp("hostile")
    told: dict[str, Told] = {}
    with serving(cases.values()) as server:
        runners = [
            Runner(place / f"{number}.log", request.config.rootpath)
            for number in range(min(PROCESSES, len(cases)))
        ]
        threads = [
            threading.Thread(
                target=run_share,
                args=(
                    list(cases.values())[number :: len(runners)],
                    runner,
                    server,
                    place / str(number),
                    told,
                ),
            )
            for number, runner in enumerate(runners)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PROCESS_TIMEOUT_S)
        for runner in runners:
            runner.close()
        elsewhere_connections = server.elsewhere_connections
    log = "".join(file.read_text(errors="replace") for file in sorted(place.glob("*.log")))
    return Runs(told=told, log=log, elsewhere_connections=elsewhere_connections)
