"""Count what makes the code easy or hard to read: `python -m lab.counts [--list NAME]`.

One line per count: the figure, its goal, and where the worst case is. `--list` prints every case
behind one of the counts. The graph of imports is grimp's, as in the import contracts. All other
counts come from `ast` and `tokenize`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lab.counts.counts import Count, code_counts, counts_of_tests, folder_count
from lab.counts.imports import import_counts

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
PACKAGES = ("airflow_provider_aimlapi", "aimlapi_simulator")


def counts_of(root: Path, packages: tuple[str, ...]) -> list[Count]:
    """Return all counts of a tree whose packages are below `provider` and importable."""
    folders = [root / "provider" / package for package in packages]
    return [
        folder_count(folders),
        *import_counts(packages),
        *code_counts(folders, first_file=folders[0] / "engine" / "run.py"),
        *counts_of_tests(root / "tests"),
    ]


def main() -> int:
    """Print the counts, or the cases behind one of them; 2 if no count has that name."""
    parser = argparse.ArgumentParser(prog="python -m lab.counts", description=__doc__)
    parser.add_argument("--list", metavar="NAME", help="print every case behind this count")
    wanted = parser.parse_args().list
    counts = {count.name: count for count in counts_of(ROOT, PACKAGES)}
    if wanted is None:
        _print_lines(count.line() for count in counts.values())
    elif wanted in counts:
        _print_lines(counts[wanted].cases)
    else:
        print(f"No count is named {wanted!r}. The names are: {', '.join(counts)}.", file=sys.stderr)
        return 2
    return 0


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        print(line.replace(f"{ROOT}/", ""))


if __name__ == "__main__":
    raise SystemExit(main())
