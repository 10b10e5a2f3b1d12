"""The cost of a row: this provider, without and with a schema, and hand-written aiohttp, as medians.

    make benchmark                      20,000 rows at 256 in flight and 200 ms; memory at 200,000
    python -m lab.benchmarks.row_cost --rows 5000 --rounds 1 --memory-rows 0
    python -m lab.benchmarks.row_cost --in-flight 1000 --characters 50000

It judges nothing. The simulator runs in a process of its own; every contender in a fresh one,
so that time, CPU and memory include its imports, of modules that are compiled already. Time and CPU
are told without them, too: an Airflow task has most of ours in memory before it begins, and a long
job forgets either's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ROOT / "demo" / "data"
TEXT_CHARACTERS = 2_000
BATCH_CHARACTERS = 10_000_000
CONTENDERS = ("by_hand", "ours", "typed")
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
}
"""Of processes that are measured. Python keeps what it has compiled, as it does wherever programs are
installed; set otherwise, as in many containers, half of what imports cost is the compiler's."""
IMPORTS = (
    "import json, sys\n"
    "import lab.benchmarks.{}\n"
    "from lab.benchmarks.cost import own_cost\n"
    "sys.stdout.write(json.dumps(own_cost()))"
)
Cost = dict[str, float]


def main() -> None:
    """Measure and print."""
    options = parse_options()
    with tempfile.TemporaryDirectory(prefix="aimlapi-benchmark-") as name:
        folder = Path(name)
        costs = compare(folder, options)
        print_comparison(costs, options)
        if options.memory_rows:
            source = make_data_set(folder / "long", options.memory_rows, options.characters)
            with simulator(latency_s=0.05) as url:
                cost = measure("ours", source, folder / "long-out", url, options.in_flight)
            print(  # noqa: T201  # printing is what a benchmark is for
                f"\npeak memory of ours: {median(c['peak_mb'] for c in costs['ours']):.0f} MB at "
                f"{options.rows:,} rows, {cost['peak_mb']:.0f} MB at {options.memory_rows:,} rows; "
                f"CPU {cost['cpu_s'] / cost['rows'] * 1000:.3f} ms a row at the latter"
            )


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--latency-s", type=float, default=0.2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory-rows", type=int, default=200_000)
    parser.add_argument("--characters", type=int, default=TEXT_CHARACTERS)
    return parser.parse_args()


def compare(folder: Path, options: argparse.Namespace) -> dict[str, list[Cost]]:
    """Measure each contender in turn, round after round, so that a busy minute affects both."""
    source = make_data_set(folder / "input", options.rows, options.characters)
    costs: dict[str, list[Cost]] = {name: [] for name in CONTENDERS}
    for name in CONTENDERS:
        imported_cost(name)  # compiles what is not compiled yet
    with simulator(options.latency_s) as url:
        for number in range(options.rounds):
            for name in CONTENDERS:
                target = folder / f"{name}-{number}"
                costs[name].append(measure(name, source, target, url, options.in_flight))
    return costs


def make_data_set(
    folder: Path, rows: int, characters: int = TEXT_CHARACTERS, *, long_every: int = 0
) -> Path:
    """Make a data set of real texts with the wanted characters per row and number of rows.

    Args:
        long_every: one row in this many is twice as long; 0: none.
    """
    pieces = pa.concat_tables(
        pq.read_table(path, columns=["text"], partitioning=None)
        for path in sorted(TEXTS.rglob("*.parquet"))
    )["text"].to_pylist()
    whole = " ".join(pieces)
    whole *= 1 + 2 * characters // len(whole)
    batch_rows = max(1, min(5_000, BATCH_CHARACTERS // characters))
    folder.mkdir(parents=True)
    path = folder / "texts.parquet"
    schema = pa.schema([("id", pa.int64()), ("text", pa.string())])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for first in range(0, rows, batch_rows):
            ids = range(first, min(first + batch_rows, rows))
            starts = [(row * 997) % (len(whole) - characters) for row in ids]
            texts = [
                whole[start : start + characters * (1 + (long_every > 0 and row % long_every == 0))]
                for row, start in zip(ids, starts, strict=True)
            ]
            writer.write_table(pa.table({"id": list(ids), "text": texts}, schema=schema))
    return path


@contextmanager
def simulator(latency_s: float) -> Iterator[str]:
    """Run the simulated API in a process of its own."""
    command = [sys.executable, "-m", "aimlapi_simulator", "--port", "0"]
    command += ["--latency", str(latency_s), "--key", "benchmark-key"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait()


def measure(name: str, source: Path, target: Path, url: str, in_flight: int) -> Cost:
    """Return the figures that one contender reports."""
    command = [sys.executable, "-m", f"lab.benchmarks.{name}"]
    command += [str(source), str(target), url, str(in_flight)]
    done = subprocess.run(
        command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-4000:]}")
    cost: Cost = json.loads(done.stdout.splitlines()[-1])
    return cost


def imported_cost(name: str) -> Cost:
    """Measure the cost of a contender's imports: the smallest of three."""
    command = [sys.executable, "-c", IMPORTS.format(name)]
    runs = [
        subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, check=True)
        for _ in range(3)
    ]
    costs: list[Cost] = [json.loads(run.stdout) for run in runs]
    return min(costs, key=lambda cost: cost["cpu_s"])


def print_comparison(costs: dict[str, list[Cost]], options: argparse.Namespace) -> None:
    """Print a line for each contender, and the ratios."""
    ideal_s = options.rows / options.in_flight * options.latency_s
    title = (
        f"{options.rows:,} rows, {options.in_flight} in flight, {options.latency_s:g} s answers, "
        f"median of {options.rounds} (spread); imports included; ideal {ideal_s:.1f} s"
    )
    head = (
        f"{'':10}{'rows/s':>10}{'wall/ideal':>12}{'no imports':>12}"
        f"{'CPU ms a row':>24}{'no imports':>12}{'peak MB':>10}"
    )
    lines = [title, head]
    cpu_ms: dict[str, float] = {}
    lean_ms: dict[str, float] = {}
    for name, rounds in costs.items():
        per_row = [cost["cpu_s"] / cost["rows"] * 1000 for cost in rounds]
        cpu_ms[name] = median(per_row)
        imports = imported_cost(name)
        lean_ms[name] = cpu_ms[name] - imports["cpu_s"] / options.rows * 1000
        wall_s = median(cost["wall_s"] for cost in rounds)
        lines.append(
            f"{name:10}{options.rows / wall_s:>10,.0f}{wall_s / ideal_s:>12.2f}"
            f"{(wall_s - imports['wall_s']) / ideal_s:>12.2f}"
            f"{f'{cpu_ms[name]:.3f} ({min(per_row):.3f}–{max(per_row):.3f})':>24}"
            f"{lean_ms[name]:>12.3f}"
            f"{median(cost['peak_mb'] for cost in rounds):>10.0f}"
        )
    lines.append(
        f"CPU of ours over by_hand: {cpu_ms['ours'] / cpu_ms['by_hand']:.2f}, without imports "
        f"{lean_ms['ours'] / lean_ms['by_hand']:.2f}"
    )
    lines.append(
        f"CPU of typed over ours: {cpu_ms['typed'] / cpu_ms['ours']:.2f}, without imports "
        f"{lean_ms['typed'] / lean_ms['ours']:.2f}"
    )
    print("\n".join(lines))  # noqa: T201  # printing is what a benchmark is for


if __name__ == "__main__":
    main()
