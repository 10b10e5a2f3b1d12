"""The engine for real against limits that it does not know: wall over ideal, 429s, rows lost.

    python -m lab.benchmarks.limited                     all of them: half an hour
    python -m lab.benchmarks.limited --only '200 a second'

The simulator runs in a process of its own. The ideal is what the limit allows, without start-up.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

from fsspec.implementations.local import LocalFileSystem

from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.engine.blocking import run_job
from airflow_provider_aimlapi.engine.job import Job, OpenLocation
from airflow_provider_aimlapi.engine.settings import Settings
from lab.benchmarks.limited_scenarios import LIMITS, LONG_EVERY
from lab.benchmarks.row_cost import ROOT, make_data_set

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary
    from lab.benchmarks.limited_scenarios import Limited

KEY = "benchmark-key"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--only", default="", help="limits whose titles contain this")
    options = parser.parse_args()
    _print(f"{'limit':40}{'wall':>7}{'of ideal':>11}{'429s':>16}{'lost':>6}  bound by")
    for limit in LIMITS:
        if options.only in limit.title:
            with tempfile.TemporaryDirectory(prefix="aimlapi-limited-") as name:
                _measure(limit, Path(name))


def _measure(limit: Limited, folder: Path) -> None:
    long_every = LONG_EVERY if limit.are_some_long else 0
    source = make_data_set(folder / "input", limit.rows, long_every=long_every)
    with _simulator() as url:
        _tell(url, "script", limit.script())
        minute_left_s = 60.0 - _tell(url, "clock", {"advance_s": 0.0})["now_s"] % 60.0
        timers = [Timer(at_s, _tell, (url, "script", change)) for at_s, change in limit.story]
        started_s = time.perf_counter()
        for timer in timers:
            timer.start()
        runs = [(0.0, limit.rows), *limit.beside]
        with ThreadPoolExecutor(len(runs)) as pool:
            reports = list(
                pool.map(
                    lambda number: _run(limit, runs[number], source, folder / f"{number}", url),
                    range(len(runs)),
                )
            )
        wall_s = time.perf_counter() - started_s
        for timer in timers:
            timer.cancel()
    _print(_line(limit, reports, wall_s, minute_left_s))


def _line(limit: Limited, reports: list[RunSummary], wall_s: float, minute_left_s: float) -> str:
    tallies = [report.tally for report in reports]
    ideal_s = limit.ideal_s(
        tokens=sum(tally.prompt_tokens + tally.completion_tokens for tally in tallies),
        minute_left_s=minute_left_s,
    )
    throttled = sum(report.throttled for report in reports)
    share = throttled / sum(report.requests for report in reports)
    lost = limit.rows_of_all - sum(tally.ok for tally in tallies)
    apart = [report.elapsed_s for report in reports]
    parts = f"; runs of {' and '.join(f'{s:.1f} s' for s in apart)}" if len(apart) > 1 else ""
    if len(set(limit.beside)) == 1 and limit.beside[0] == (0.0, limit.rows):
        parts += f"; fairness {_fairness(apart):.3f}"
    return (
        f"{limit.title:40}{wall_s / ideal_s:>7.3f}{ideal_s:>9.1f} s{throttled:>7} = {share:>6.2%}"
        f"{lost:>6}  {reports[0].bound_by}{parts}"
    )


def _fairness(elapsed_s: list[float]) -> float:
    """Return Jain's index of the rates of runs with equally many rows."""
    rates = [1.0 / each_s for each_s in elapsed_s]
    return sum(rates) ** 2 / (len(rates) * sum(rate**2 for rate in rates))


def _run(
    limit: Limited, begins: tuple[float, int], source: Path, target: Path, url: str
) -> RunSummary:
    after_s, rows = begins
    time.sleep(after_s)
    fs = LocalFileSystem()
    job = Job(
        completion=CompletionSpec(model="anthropic/claude-sonnet-4-6-20260218", max_tokens=1024),
        prompt="Summarise in two sentences:\n\n{text}",
        system=None,
        output_column="completion",
        limit_rows=rows,
        endpoint=Endpoint(base_url=url, key=KEY),
        input=OpenLocation(fs=fs, path=str(source)),
        output=OpenLocation(fs=fs, path=str(target)),
    )
    return run_job(job, Settings(max_concurrency=limit.max_concurrency))


def _tell(url: str, what: str, body: dict[str, Any]) -> dict[str, Any]:
    """Read or change the simulator while it runs."""
    request = urllib.request.Request(f"{url}/_simulator/{what}", json.dumps(body).encode())  # noqa: S310  # http, ours
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # http, ours
        told: dict[str, Any] = json.load(answer)
    return told


@contextmanager
def _simulator() -> Iterator[str]:
    command = [sys.executable, "-m", "aimlapi_simulator", "--port", "0", "--key", KEY]
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
