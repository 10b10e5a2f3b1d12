"""`make celery`: one job by several Celery workers, with all of docker-compose.yml's services.

    python -m lab.celery [as-shipped below-1 cap-4 …]

Ends with 1 if a promise was broken. Everything is made in a temporary folder and gone at the end;
if something failed, the logs stay, and the last line says where.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from aimlapi_simulator import Script
from lab.celery import debian
from lab.celery.scenarios import SCENARIOS
from lab.celery.shipped import play_examples
from lab.celery.site import NotStarted, Site
from lab.celery.trial import Result, play
from lab.soak.servers import s3_server, simulated_api

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

AS_SHIPPED = "as-shipped"
NAMES = (AS_SHIPPED, *(scenario.name for scenario in SCENARIOS))


def main() -> int:
    """Play the scenarios; return the exit status."""
    wanted = _wanted()
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # both take everything down, also in a background
        signal.signal(number, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="aimlapi-celery-"))
    folder.chmod(0o711)  # the database runs as another user, within
    results: list[Result] = []
    passed = 0
    try:
        debian.install()
        for name, violations, result in _played(wanted, folder):
            _say("\n  ".join([f"{name}: {'FAILED' if violations else 'ok'}", *violations]))
            passed += not violations
            results += [result] if result else []
    except (debian.NotThere, NotStarted) as failure:
        _say(str(failure))
    _say("\n" + table(results))
    if passed == len(wanted):
        shutil.rmtree(folder)
        return 0
    _say(f"logs: {folder}")
    return 1


def _played(
    wanted: Collection[str], folder: Path
) -> Iterator[tuple[str, Sequence[str], Result | None]]:
    """Yield the name of each scenario, its violations, and its figures if it has any."""
    started_s = time.perf_counter()
    with (
        s3_server(folder / "s3.log") as s3_url,
        simulated_api(Script(), folder) as api,
        Site(folder, api_url=api.url, s3_url=s3_url) as site,
    ):
        _say(
            f"all services but the workers are healthy after {time.perf_counter() - started_s:.0f} s"
        )
        if AS_SHIPPED in wanted:
            yield AS_SHIPPED, list(play_examples(site)), None
        for scenario in SCENARIOS:
            if scenario.name in wanted:
                result = play(scenario, site, api, s3_url)
                yield scenario.name, result.violations, result


def table(results: Sequence[Result]) -> str:
    """Return the table for `provider/docs/how-to/scale-out.md`."""
    head = (
        "| scenario | workers | rows | rows a second | calls, s | DAG run, s | most in flight "
        "| 429s | tries | paid again | may be | memory, MB |"
    )
    return "\n".join([head, "|---" * 12 + "|", *map(_table_row, results)])


def _table_row(result: Result) -> str:
    facts = (
        result.scenario.name,
        result.scenario.workers,
        result.scenario.rows,
        f"{result.rows_per_s:.0f}",
        f"{result.calls_s:.0f}",
        f"{result.run_s:.0f}",
        result.in_flight_peak,
        f"{result.throttled / result.requests:.1%}",
        result.tries,
        result.spending.twice,
        result.spending.bound,
        f"{result.memory_mb:.0f}",
    )
    return f"| {' | '.join(map(str, facts))} |"


def _wanted() -> list[str]:
    parser = argparse.ArgumentParser(prog="make celery ONLY=")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=str(list(NAMES)))
    wanted = parser.parse_args().scenarios or list(NAMES)
    if unknown := set(wanted) - set(NAMES):
        parser.error(
            f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}"
        )
    return wanted


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
