"""What it costs to take answers from an earlier run: time and memory per row, requests per part.

    python -m lab.benchmarks.reuse                    10 thousand and 1 million rows
    python -m lab.benchmarks.reuse --rows 10000000    10 million: an hour, 4 GB of disk

Each line is a process of its own that searches an earlier run on the local disk, as the reader of a
run does: in batches of 256 rows. Making the rows is not measured, and the earlier run is made before.
`us a row` is CPU time. `MB` is what the process takes beyond its imports.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_aimlapi.core.durable.manifest import PartEntry
from airflow_provider_aimlapi.core.durable.plan import Plan, Shard
from airflow_provider_aimlapi.engine.reuse.earlier_runs import Difference, EarlierRun, FoundRuns
from airflow_provider_aimlapi.engine.reuse.reused_answers import ReusedAnswers
from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns
from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore
from lab.benchmarks.counted_store import CountedStore
from tests.fakes.paid_run import EARLIER, paid_run, rows_of, shards_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

ROWS = (10_000, 1_000_000)
FILES = 4
BATCH_ROWS = 256
STRIDE = 999_983
"""A prime, so that each row is met once."""


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of a file, made when they are wanted, so that they take no memory.

    Attributes:
        rows: the number of rows.
        request_at: returns the request of a row.
    """

    rows: int
    request_at: Callable[[int], object]

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, rows: slice) -> list[object]:
        return [self.request_at(row) for row in range(*rows.indices(self.rows))]


def main() -> None:
    """Make an earlier run for each size, and measure each case in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="*", default=ROWS)
    parser.add_argument("--cases", nargs="*", choices=CASE_FILES, default=list(CASE_FILES))
    parser.add_argument("--child", nargs=3, metavar=("FOLDER", "ROWS", "CASE"))
    options = parser.parse_args()
    if options.child:
        folder, rows, case = options.child
        say(json.dumps(measure(Path(folder), int(rows), case)))
        return
    say(
        f"{'rows':>11} {'case':12} {'us a row':>9} {'MB':>6} {'requests a part':>16} {'found':>8}\n"
    )
    for rows in options.rows:
        with tempfile.TemporaryDirectory(prefix="aimlapi-reuse-") as folder:
            make_run(Path(folder), rows)
            for case in options.cases:
                print_case(Path(folder), rows, case)


def print_case(folder: Path, rows: int, case: str) -> None:
    """Measure in a new process, and print a line."""
    found = subprocess.run(  # this module
        [sys.executable, "-m", __spec__.name, "--child", str(folder), str(rows), case],
        check=True,
        capture_output=True,
    )
    line = json.loads(found.stdout)
    say(
        f"{rows:>11,} {case:12} {line['us']:>9.2f} {line['mb']:>6.0f} "
        f"{line['requests']:>16.2f} {line['found']:>8.2%}\n"
    )


def make_run(folder: Path, rows: int) -> None:
    """Store the parts of an earlier run, and its description."""
    run = paid_run(FsspecStore(LocalFileSystem(), str(folder)), CASE_FILES["unchanged"](rows))
    (folder / "run.json").write_bytes(msgspec.json.encode((run.shards, run.entries)))


def described(folder: Path, store: ObjectStore) -> EarlierRun:
    """Return the earlier run with this store."""
    data = (folder / "run.json").read_bytes()
    shards, entries = msgspec.json.decode(
        data, type=tuple[tuple[Shard, ...], tuple[PartEntry, ...]]
    )
    return EarlierRun(
        store=store,
        run_key=EARLIER,
        shards=shards,
        entries=entries,
        outcome_columns=OutcomeColumns("summary"),
        has_same_template=True,
        difference=Difference(EARLIER, "the text of each row"),
    )


def _files(
    rows: int, request_at: Callable[[int], object], *, name: str = "f", files: int = FILES
) -> dict[str, Requests]:
    """Return files with these requests; `request_at` gets the row's number in all files."""
    each = rows // files

    def of_file(file: int) -> Requests:
        return Requests(each, lambda row: request_at(file * each + row))

    return {f"{name}{file}": of_file(file) for file in range(files)}


def _shuffled(row: int, rows: int) -> int:
    """Return another row of these for each row."""
    return (row * STRIDE + 1) % rows


CASE_FILES: dict[str, Callable[[int], dict[str, Requests]]] = {
    "unchanged": lambda rows: _files(rows, lambda row: row),
    "2% changed": lambda rows: _files(rows, lambda row: row if row % 50 else f"new {row}"),
    "1% inserted": lambda rows: _files(
        rows, lambda row: row - row // 100 if row % 100 else f"new {row}"
    ),
    "shuffled": lambda rows: _files(
        rows,
        lambda row: (
            row // (rows // FILES) * (rows // FILES)
            + _shuffled(row % (rows // FILES), rows // FILES)
        ),
    ),
    "moved": lambda rows: _files(rows, lambda row: _shuffled(row, rows)),
    "other files": lambda rows: _files(rows, lambda row: row, name="g", files=5),
    "new": lambda rows: _files(rows, lambda row: f"new {row}"),
}
"""The requests of this run, for each case."""


def measure(folder: Path, rows: int, case: str) -> dict[str, float]:
    """Search the earlier run for all rows of a case."""
    store = CountedStore(FsspecStore(LocalFileSystem(), str(folder)), is_dropping=False)
    run = described(folder, store)
    files = CASE_FILES[case](rows)
    plan = Plan(run_key="ab" * 16, shards=shards_of({k: len(v) for k, v in files.items()}, 8192))
    requests = list(files.values())
    answers = ReusedAnswers(FoundRuns(usable=(run,), first=run.difference), plan)
    store.operations = Counter()
    before_mb, spent_s, found = peak_mb(), 0.0, 0
    for shard in plan.shards:
        wanted = requests[shard.file][shard.first_row : shard.first_row + shard.rows]
        for first in range(0, len(wanted), BATCH_ROWS):
            batch = rows_of(shard, wanted[first : first + BATCH_ROWS], first)
            began_s = time.process_time()
            found += len(answers.find_outcomes(shard, batch))
            spent_s += time.process_time() - began_s
    answers.close_searches()
    return {
        "us": spent_s / plan.rows * 1e6,
        "mb": peak_mb() - before_mb,
        "requests": store.operations["read"] / len(run.shards),
        "found": found / plan.rows,
    }


def peak_mb() -> float:
    """Return the most memory that this process has taken."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
