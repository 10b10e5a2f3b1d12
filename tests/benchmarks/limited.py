"""The engine for real against limits that it does not know: wall over ideal, 429s, rows lost.

    python -m tests.benchmarks.limited [--rows 5000] [--rounds 1]

The simulator runs in a process of its own. The ideal is what the limit allows, without start-up.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fsspec.implementations.local import LocalFileSystem

from airflow_provider_aimlapi.core.endpoint import Endpoint
from airflow_provider_aimlapi.core.request import CompletionSpec
from airflow_provider_aimlapi.engine.entry import run_job
from airflow_provider_aimlapi.engine.job import Job, Place
from airflow_provider_aimlapi.engine.settings import Settings
from tests.benchmarks.row_cost import ROOT, make_data_set

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.core.report import Report

KEY = "benchmark-key"


@dataclass(frozen=True, slots=True)
class Limited:
    """A limit of the simulator's, and how long so many rows take at least."""

    options: tuple[str, ...]
    latency_s: float
    slots: int = 256
    per_s: float = float("inf")
    burst: float = 0.0

    def ideal_s(self, rows: int) -> float:
        """Seconds, knowing the limit."""
        by_slots_s = rows / self.slots * self.latency_s
        return max(by_slots_s, (rows - self.burst) / self.per_s + self.latency_s)


LIMITS = (
    Limited(("--max-concurrent", "32"), 0.2, slots=32),
    Limited(("--max-concurrent", "4"), 0.05, slots=4),
    Limited(("--rps", "200"), 0.2, per_s=200, burst=200),
    Limited(("--max-concurrent", "32", "--rps", "200"), 0.1, slots=32, per_s=200, burst=200),
    Limited((), 0.2),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aimlapi-limited-") as name:
        source = make_data_set(Path(name) / "input", options.rows)
        _print(f"{'limit':38}{'wall':>9}{'of ideal':>11}{'429s':>7}{'lost':>6}  bound by")
        for number in range(options.rounds):
            for place, limit in enumerate(LIMITS):
                _measure(limit, source, Path(name) / f"out-{number}-{place}", options.rows)


def _measure(limit: Limited, source: Path, target: Path, rows: int) -> None:
    with _simulator(limit) as url:
        started_s = time.perf_counter()
        report = _run(source, target, url)
        wall_s = time.perf_counter() - started_s
    title = f"{' '.join(limit.options) or 'none'}, {limit.latency_s:g} s"
    ideal_s = limit.ideal_s(rows)
    _print(
        f"{title:38}{wall_s / ideal_s:>9.3f}{ideal_s:>9.1f} s{report.throttled:>7}"
        f"{rows - report.tally.ok:>6}  {report.bound_by}"
    )


def _run(source: Path, target: Path, url: str) -> Report:
    fs = LocalFileSystem()
    job = Job(
        completion=CompletionSpec(model="anthropic/claude-sonnet-4.6", max_tokens=1024),
        prompt="Summarise in two sentences:\n\n{text}",
        system=None,
        output_column="completion",
        limit_rows=None,
        endpoint=Endpoint(base_url=url, key=KEY),
        input=Place(fs=fs, path=str(source)),
        output=Place(fs=fs, path=str(target)),
    )
    return run_job(job, Settings())


@contextmanager
def _simulator(limit: Limited) -> Iterator[str]:
    command = [sys.executable, "-m", "aimlapi_simulator", "--port", "0", "--key", KEY]
    command += ["--latency", str(limit.latency_s), *limit.options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait()


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # printing is what a benchmark is for


if __name__ == "__main__":
    main()
