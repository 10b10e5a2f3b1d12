"""Rounds of real processes: `python -m lab.soak --rounds 20 --seed 1`, or `make soak ROUNDS=20`.

Each round is a job on an S3 server and a simulated API, with kill -9, SIGSTOP, twins and SIGTERM
where its seed says. A round that breaks a promise says how to run it again, and its logs stay.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lab.soak.misfortunes import Counts
from lab.soak.round_plan import round_of
from lab.soak.servers import s3_server
from lab.soak.soak_round import play, tails

if TYPE_CHECKING:
    from lab.soak.soak_round import Result


def main() -> int:
    """Play the rounds; return 1 if one of them broke a promise."""
    options = _options()
    started_s = time.perf_counter()
    folder = Path(tempfile.mkdtemp(prefix="aimlapi-soak-"))
    results = []
    with s3_server(folder / "s3.log") as s3_url:
        for seed in range(options.seed, options.seed + options.rounds):
            home = folder / str(seed)
            home.mkdir()
            result = play(round_of(seed), s3_url, home)
            results.append(result)
            _say(result.line())
            if result.violations:
                _explain(result, home)
            else:
                shutil.rmtree(home)
    failed = sum(bool(result.violations) for result in results)
    _say(_sums(results, time.perf_counter() - started_s))
    return min(failed, 1)


def _explain(result: Result, home: Path) -> None:
    for violation in result.violations:
        _say(f"  {violation}")
    _say(tails(home))
    _say(f"  again: make soak ROUNDS=1 SEED={result.seed}     logs: {home}")


def _sums(results: list[Result], elapsed_s: float) -> str:
    counts = sum((result.counts for result in results), Counts())
    return (
        f"{len(results)} rounds, {sum(result.rows for result in results):,} rows, "
        f"{counts.attempts} attempts, {sum(result.leases for result in results)} leases, "
        f"{counts.kills} kills, {counts.freezes} freezes, "
        f"{counts.pauses} pauses, {counts.twins} twins, {counts.terms} terms; "
        f"{sum(result.spending.twice for result in results):,} calls paid again of "
        f"{sum(result.spending.bound for result in results):,} allowed; "
        f"{sum(result.looks for result in results):,} looks at the bucket; "
        f"{sum(bool(result.violations) for result in results)} rounds with violations; "
        f"{elapsed_s:.0f} s"
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.soak", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument(
        "--seed", type=int, default=1, help="of the first round; then one more each"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
