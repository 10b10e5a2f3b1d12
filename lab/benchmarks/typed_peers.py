"""CPU of a row with six typed fields: this provider, instructor and pydantic-ai, each without imports.

    make benchmark-typed                5,000 rows of ours, 1,000 of each peer, 3 rounds: 5 minutes
    python -m lab.benchmarks.typed_peers --rows 500 --peer-rows 200 --rounds 1

It judges nothing. Each client forces a tool with the same fields, and no answer is repaired. This
provider reads and writes Parquet and keeps a journal in its figure; the peers do not journal. They
are installed from lock files of their own into `.venv/peers`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from lab.benchmarks.peers.environments import install, python_of
from lab.benchmarks.peers.runs import start
from lab.benchmarks.row_cost import imported_cost, make_data_set, measure, simulator

if TYPE_CHECKING:
    from collections.abc import Callable

LATENCY_S = 0.2
TIMEOUT_S = 300.0
OURS = {"this provider, no schema": "ours", "this provider, typed": "typed"}
PEERS = {
    "instructor": ("instructor", "instructor_client", ""),
    "pydantic-ai, no schema": ("pydantic-ai", "pydantic_agent", ""),
    "pydantic-ai, typed": ("pydantic-ai", "pydantic_agent", "typed"),
}
"""By what is printed: the environment, the script and its variant."""


def main() -> None:
    """Install, measure, print."""
    options = parse_options()
    for environment in sorted({environment for environment, _, _ in PEERS.values()}):
        failure = install(environment)
        if failure:
            raise SystemExit(f"{environment}: {failure}")
    with tempfile.TemporaryDirectory(prefix="aimlapi-typed-") as name, simulator(LATENCY_S) as url:
        contenders = contenders_of(Path(name), url, options)
        found: dict[str, list[float]] = {title: [] for title in contenders}
        for number in range(options.rounds):
            for title, cpu_ms in contenders.items():
                found[title].append(cpu_ms(number))
    print_comparison(found, options)


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=5_000, help="of this provider")
    parser.add_argument("--peer-rows", type=int, default=1_000, help="of each peer")
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def contenders_of(
    folder: Path, url: str, options: argparse.Namespace
) -> dict[str, Callable[[int], float]]:
    """Return by title a function that makes one run, and returns its CPU milliseconds per row."""
    rows: int = options.rows
    peer_rows: int = options.peer_rows
    source = make_data_set(folder / "input", rows)
    peer_source = make_data_set(folder / "peer-input", peer_rows)

    def ours(module: str) -> Callable[[int], float]:
        imports = imported_cost(module)

        def run(number: int) -> float:
            target = folder / f"{module}-{number}"
            cost = measure(module, source, target, url, options.in_flight)
            return (cost["cpu_s"] - imports["cpu_s"]) / rows * 1000

        return run

    def peer(environment: str, script: str, variant: str) -> Callable[[int], float]:
        command = [str(python_of(environment)), "-m", f"lab.benchmarks.peers.scripts.{script}"]
        command += [url, str(peer_source), str(folder / "peer.parquet")]
        command += [str(peer_rows), str(options.in_flight), variant]

        def run(_: int) -> float:
            line, failure = start(command, folder, TIMEOUT_S)
            if failure or line["rows_lost"]:
                raise SystemExit(f"{script}: {failure or line['rows_lost']} rows are lost")
            cpu_s: float = line["cpu_s"] - line["cpu_before_s"]
            return cpu_s / peer_rows * 1000

        return run

    return {title: ours(module) for title, module in OURS.items()} | {
        title: peer(*words) for title, words in PEERS.items()
    }


def print_comparison(found: dict[str, list[float]], options: argparse.Namespace) -> None:
    """Print a line for each contender, and the ratios to this provider's."""
    typed = median(found["this provider, typed"])
    title = (
        f"CPU ms a row without imports, median of {options.rounds} (spread), {options.rows:,} rows "
        f"of ours and {options.peer_rows:,} of each peer, {options.in_flight} in flight"
    )
    lines = [title]
    for title, figures in found.items():
        spread = f"({min(figures):.3f}–{max(figures):.3f})"
        ratio = median(figures) / typed
        lines.append(f"{title:26}{median(figures):>8.3f} {spread:18}{ratio:>7.2f} of ours, typed")
    print("\n".join(lines))  # noqa: T201  # printing is what a benchmark is for


if __name__ == "__main__":
    main()
