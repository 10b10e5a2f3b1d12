"""What it costs to send each request once: time and memory per row, and how many duplicates are found.

    python -m lab.benchmarks.duplicates                    10 thousand and 1 million rows
    python -m lab.benchmarks.duplicates --rows 10000000    10 million: half an hour, 2 GB of disk

Each line is a process of its own. It hands rows over in batches of 256, as the reader of a run does, and
decides each row that is sent 256 rows later, with an answer of 300 characters. Making rows and outcomes
is not measured. `us a row` is CPU time. `MB` is what the process takes beyond its imports. `found` is the
share of the duplicates that need no call.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from bisect import bisect
from collections import deque
from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.engine.reuse.duplicates import Duplicates
from airflow_provider_aimlapi.engine.row import Row
from lab.benchmarks.reuse import BATCH_ROWS, ROWS, peak_mb, say
from tests.fakes.paid_run import hash_of, paid_outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_aimlapi.core.calls.completion import Outcome

IN_FLIGHT = 256
PART_ROWS = 8192
NEAR_ROWS = 1_000
KINDS = 2_000_000
"""The requests of the skewed and of the uniform case."""
SEED = 1


def main() -> None:
    """Measure each case in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="*", default=ROWS)
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--child", nargs=2, metavar=("ROWS", "CASE"))
    options = parser.parse_args()
    if options.child:
        rows, case = options.child
        say(json.dumps(measure(int(rows), case)))
        return
    say(f"{'rows':>11} {'case':12} {'us a row':>9} {'MB':>6} {'sent':>8} {'found':>8}\n")
    for rows in options.rows:
        for case in options.cases:
            print_case(rows, case)


def print_case(rows: int, case: str) -> None:
    """Measure in a new process, and print a line."""
    found = subprocess.run(  # this module
        [sys.executable, "-m", __spec__.name, "--child", str(rows), case],
        check=True,
        capture_output=True,
    )
    line = json.loads(found.stdout)
    say(
        f"{rows:>11,} {case:12} {line['us']:>9.2f} {line['mb']:>6.0f} "
        f"{line['sent']:>8.2%} {line['found']:>8.2%}\n"
    )


def _skewed(rows: int, exponent: float) -> Iterator[int]:
    """Yield requests of which few are frequent, as in Zipf's law."""
    random = Random(SEED)  # noqa: S311  # the same each time
    weights = list(accumulate(1 / rank**exponent for rank in range(1, KINDS + 1)))
    for _ in range(rows):
        yield bisect(weights, random.random() * weights[-1])


def _uniform(rows: int) -> Iterator[int]:
    random = Random(SEED)  # noqa: S311  # the same each time
    return (random.randrange(KINDS) for _ in range(rows))


def _near(rows: int) -> Iterator[int]:
    """Yield requests of which three in ten repeat one of the last thousand."""
    return (row if row % 10 < 7 or row < NEAR_ROWS else row - row % 10 - 500 for row in range(rows))


CASES: dict[str, Callable[[int], Iterator[int]]] = {
    "distinct": lambda rows: iter(range(rows)),
    "30% near": _near,
    "sorted": lambda rows: (row // 4 for row in range(rows)),
    "skewed 1.05": lambda rows: _skewed(rows, 1.05),
    "skewed 1.3": lambda rows: _skewed(rows, 1.3),
    "uniform": _uniform,
}
"""The requests of the rows, for each case."""


class Meter:
    """Sends each request once, and measures that.

    Attributes:
        spent_s: CPU time.
        sent: the rows that were sent.
        given: the duplicates that got an outcome.
    """

    def __init__(self, rows: int) -> None:
        self.spent_s = 0.0
        self.sent = self.given = 0
        self._duplicates = Duplicates(is_on=True, rows=rows, validator=None, keep=self._keep)
        self._in_flight: deque[Row] = deque()

    def send_batch(self, rows: list[Row]) -> None:
        """Hand over rows, and decide those that are answered by now."""
        began_s = time.process_time()
        admitted = self._duplicates.admit(rows)
        self.spent_s += time.process_time() - began_s
        self.sent += len(admitted)
        self._in_flight.extend(admitted)
        self.decide(len(self._in_flight) - IN_FLIGHT)

    def decide(self, count: int) -> None:
        """Answer the oldest rows in flight."""
        answered = [self._in_flight.popleft() for _ in range(max(0, count))]
        outcomes = [paid_outcome(row.row, row.body.decode()) for row in answered]
        began_s = time.process_time()
        for row, outcome in zip(answered, outcomes, strict=True):
            self._duplicates.decided(row, outcome)
        self.spent_s += time.process_time() - began_s

    def finish(self) -> None:
        """Answer all rows."""
        self.decide(len(self._in_flight))
        self._duplicates.close()

    def _keep(self, _part: int, _outcome: Outcome) -> None:
        self.given += 1


def measure(rows: int, case: str) -> dict[str, float]:
    """Send the rows of a case."""
    requests = CASES[case](rows)
    seen = bytearray(max(rows, KINDS) + 1)  # which requests came before
    repeated, before_mb, batch = 0, peak_mb(), list[Row]()
    meter = Meter(rows)
    for number, request in enumerate(requests):
        if number == 1:  # the generator has its weights
            before_mb = peak_mb()
        repeated += seen[request]
        seen[request] = 1
        part, row = divmod(number, PART_ROWS)
        body = str(request).encode()
        batch.append(Row(part=part, row=row, body=body, request_hash=hash_of(request)))
        if len(batch) == BATCH_ROWS:
            meter.send_batch(batch)
            batch = []
    meter.send_batch(batch)
    meter.finish()
    return {
        "us": meter.spent_s / rows * 1e6,
        "mb": peak_mb() - before_mb,
        "sent": meter.sent / rows,
        "found": meter.given / repeated if repeated else 1.0,
    }


if __name__ == "__main__":
    main()
