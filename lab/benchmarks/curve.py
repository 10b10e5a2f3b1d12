"""How memory and CPU of a run grow with its rows and with the size of its cells.

    python -m lab.benchmarks.curve                                  20,000 and 200,000 rows of 2 kB
    python -m lab.benchmarks.curve --rows 20000 200000 2000000      twenty minutes or more
    python -m lab.benchmarks.curve --rows 2000 --characters 2000 5000 50000 500000

Both should be flat: memory depends on the settings, and a row costs what its bytes cost. It judges
nothing. Each run is a process of its own, its imports included; what a process takes that only
imports them is printed first.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import product
from pathlib import Path

from lab.benchmarks.row_cost import (
    TEXT_CHARACTERS,
    imported_cost,
    make_data_set,
    measure,
    simulator,
)


def main() -> None:
    """Measure and print."""
    options = parse_options()
    imports = imported_cost("ours")
    print(  # noqa: T201  # printing is what a benchmark is for
        f"{options.in_flight} in flight, {options.latency_s:g} s answers; imports alone take "
        f"{imports['cpu_s']:.2f} s of CPU and {imports['peak_mb']:.0f} MB\n"
        f"{'rows':>10}{'characters':>12}{'CPU ms a row':>14}{'without imports':>17}{'peak MB':>9}"
    )
    for rows, characters in product(options.rows, options.characters):
        cost = run(rows, characters, options)
        per_row_ms = cost["cpu_s"] / rows * 1000
        lean_ms = (cost["cpu_s"] - imports["cpu_s"]) / rows * 1000
        print(  # noqa: T201
            f"{rows:>10,}{characters:>12,}{per_row_ms:>14.3f}{lean_ms:>17.3f}{cost['peak_mb']:>9.0f}",
            flush=True,
        )


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--characters", type=int, nargs="+", default=[TEXT_CHARACTERS])
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--latency-s", type=float, default=0.1)
    return parser.parse_args()


def run(rows: int, characters: int, options: argparse.Namespace) -> dict[str, float]:
    """Run over a data set of its own."""
    with tempfile.TemporaryDirectory(prefix="aimlapi-curve-") as name:
        source = make_data_set(Path(name) / "input", rows, characters)
        with simulator(options.latency_s) as url:
            return measure("ours", source, Path(name) / "output", url, options.in_flight)


if __name__ == "__main__":
    main()
