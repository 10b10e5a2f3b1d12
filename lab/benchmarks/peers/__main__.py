"""This provider beside other clients, on one simulated API: prints, writes a page and plots.

    make benchmark-peers                                        all of it: half an hour
    python -m lab.benchmarks.peers --only openai --only 'this provider' --rounds 1 --no-page
    python -m lab.benchmarks.peers --again                    the page once more, nothing measured

It judges nothing. Peers are installed from lock files of their own into `.venv/peers`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab.benchmarks.peers import ceiling, page
from lab.benchmarks.peers.environments import INSTALLED, install
from lab.benchmarks.peers.plan import Plan, measure_all
from lab.benchmarks.peers.record import Record, load_record, machine, save_record
from lab.benchmarks.peers.roster import CEILING, PEERS, Peer
from lab.benchmarks.peers.scenarios import SCENARIOS
from lab.benchmarks.peers.simulated import ROOT, simulated_api

if TYPE_CHECKING:
    from lab.benchmarks.peers.runs import Measured

RESULTS = INSTALLED / "results.json"


def main() -> None:
    """Install, measure, write."""
    began_s = time.perf_counter()
    options = parse_options()
    record = load_record(options.results) if options.again else measure(options)
    print(page.tables(record))
    if not options.no_page:
        page.write(record, ROOT / "provider" / "docs")
    minutes = (time.perf_counter() - began_s) / 60
    print(f"measured in {record.minutes:.1f} minutes; {minutes:.1f} in all, installing included")


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("--rounds", type=int, default=3)
    add("--rows", type=int, default=5_000, help="for fast peers, where there is no limit")
    add("--slow-rows", type=int, default=1_000, help="for slow ones")
    add("--limited-rows", type=int, default=1_000, help="for all, where there is a limit")
    add("--only", action="append", choices=[peer.name for peer in PEERS], help="repeatable")
    add("--scenario", action="append", choices=[scenario.key for scenario in SCENARIOS])
    add("--timeout-s", type=float, default=60, help="of one run")
    add("--slow-s", type=float, default=25, help="a peer slower than that is run once")
    add("--minutes", type=float, default=16, help="then no further round is begun")
    add("--no-page", action="store_true", help="print only")
    add("--again", action="store_true", help="write the page from the last results")
    add("--results", type=Path, default=RESULTS, help="where the results are kept")
    return parser.parse_args()


def measure(options: argparse.Namespace) -> Record:
    """Measure all rounds."""
    peers = [peer for peer in PEERS if not options.only or peer.name in options.only]
    scenarios = [s for s in SCENARIOS if not options.scenario or s.key in options.scenario]
    pairs = [(s, p) for s in scenarios for p in peers if s.key in p.scenarios]
    missing = install_all(peers)
    plan = Plan(
        rounds=options.rounds,
        rows_fast=options.rows,
        rows_slow=min(options.rows, options.slow_rows),
        rows_limited=options.limited_rows,
        timeout_s=options.timeout_s,
        slow_s=options.slow_s,
        minutes=options.minutes,
    )
    began_s = time.perf_counter()
    record = Record(machine=machine(), minutes=0, results=[], timeout_s=plan.timeout_s)
    with tempfile.TemporaryDirectory(prefix="aimlapi-peers-") as name, simulated_api() as api:
        texts = make_texts(Path(name), plan.sizes)
        for result in measure_all(plan, pairs, api, texts, missing):
            print(one_line(result), flush=True)
            record = replace(
                record,
                results=[*record.results, result],
                minutes=(time.perf_counter() - began_s) / 60,
            )
            save_record(record, options.results)  # saved after each run, in case a later one fails
    return record


def install_all(peers: list[Peer]) -> dict[str, str]:
    """Make every environment that is needed; return the failures with their reasons."""
    missing = {}
    for environment in sorted({peer.environment for peer in peers} - {""}):
        print(f"installing {environment} …", flush=True)
        missing[environment] = install(environment)
    if any(peer.name == CEILING for peer in peers):
        missing[CEILING] = ceiling.install()
    return {name: reason for name, reason in missing.items() if reason}


def make_texts(folder: Path, sizes: set[int]) -> Path:
    """Make the data sets in a process of its own."""
    command = [sys.executable, "-m", "lab.benchmarks.peers.texts", str(folder)]
    subprocess.run([*command, *map(str, sorted(sizes))], cwd=ROOT, check=True)
    return folder


def one_line(result: Measured) -> str:
    """Return the line that is printed after a run."""
    said = result.failure or (
        f"{result.done:,} rows in {result.calling_s:.1f} s ({result.wall_s:.1f} s in all), "
        f"{result.rows - result.done} lost, {result.throttled:,} times 429, "
        f"{result.cpu_s / result.rows * 1000:.3f} ms CPU a row, {result.peak_mb:.0f} MB"
    )
    return f"{result.scenario:10} {result.peer:30} {said} (load {result.load:.1f})"


if __name__ == "__main__":
    main()
