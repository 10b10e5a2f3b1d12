"""What the journal costs: requests and dollars for 1,000 rows, and its share of the CPU.

    python -m lab.benchmarks.journal_cost                    all of it, some ten minutes
    python -m lab.benchmarks.journal_cost --rows 5000 --slow-rows 0 --rounds 1

Each run is a process of its own, whose CPU alone is counted: the simulated API and the S3 server
(moto, with a lock around writes) run in others. The journal's CPU is measured where it is spent:
in the creation of segments, their encoding, handing them to a thread, and removing them after
publication. As a check, the same run is done with a store that drops segments; the difference
holds the noise of a busy machine, too.

Dollars are by S3's public list price of November 2026 for us-east-1, standard class: 0.005 USD for
1,000 PUT, COPY, POST or LIST, 0.0004 USD for 1,000 of all others; DELETE is free.

It judges nothing; the goal is a journal below 5% of a row's CPU.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from aimlapi_simulator import Account, Latency, Script
from lab.benchmarks.row_cost import ROOT, make_data_set
from lab.soak.servers import s3_server, simulated_api

if TYPE_CHECKING:
    from collections.abc import Iterator

USD_PER_PUT = 0.005 / 1000
USD_PER_GET = 0.0004 / 1000
PUTS = ("create", "write", "copy", "list")
UNFLUSHED = (64, 256)
SIGMA = 0.3
"""Of answers' times, lognormal: all alike, they would come in waves, and in fewer segments."""
BUCKET = "journal-cost"
Cost = dict[str, Any]


def main() -> None:
    """Measure and print."""
    options = parse_options()
    with tempfile.TemporaryDirectory(prefix="aimlapi-journal-") as name:
        folder = Path(name)
        with s3_server(folder / "s3.log") as s3_url:
            request = urllib.request.Request(f"{s3_url}/{BUCKET}", method="PUT")  # noqa: S310  # http, ours
            urllib.request.urlopen(request, timeout=30).close()  # noqa: S310  # http, ours
            for rows, in_flight, latency_s in cases(options):
                compare(folder, s3_url, rows, in_flight, latency_s, rounds=options.rounds)


def cases(options: argparse.Namespace) -> list[tuple[int, int, float]]:
    """Return rows, calls in flight and seconds per answer: the fastest case, and the usual one."""
    both = [(options.rows, 256, 0.2), (options.slow_rows, 64, 1.5)]
    return [case for case in both if case[0]]


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--slow-rows", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def compare(
    folder: Path,
    s3_url: str,
    rows: int,
    in_flight: int,
    latency_s: float,
    *,
    rounds: int,
) -> None:
    """Measure every kind of run in turn, round after round, so that a busy minute affects all kinds."""
    say(
        f"\n{rows:,} rows, {in_flight} in flight, answers after about {latency_s:g} s, rounds: {rounds}"
    )
    source = make_data_set(folder / f"input-{rows}", rows)
    costs: dict[tuple[str, int], list[Cost]] = {}
    script = Script(
        account=Account(key="benchmark-key"), latency=Latency(median_s=latency_s, sigma=SIGMA)
    )
    with simulated_api(script, folder) as api:
        for number in range(rounds):
            for store, unflushed in kinds():
                target = f"{rows}-{number}-{store}-{unflushed}"
                is_s3 = store == "S3"
                asked = {
                    "source": str(source),
                    "target": f"{BUCKET}/{target}" if is_s3 else str(folder / target),
                    "api_url": api.url,
                    "s3_url": s3_url if is_s3 else "",
                    "in_flight": in_flight,
                    "unflushed": unflushed or max(UNFLUSHED),
                    "is_dropping": not unflushed,
                }
                costs.setdefault((store, unflushed), []).append(measure(asked))
    for (store, unflushed), found in costs.items():
        say(line(store, unflushed, found, costs[store, 0]))


def kinds() -> Iterator[tuple[str, int]]:
    """Yield each store with its number of unflushed rows; 0 means that all segments are dropped."""
    for store in ("disk", "S3"):
        yield store, 0
        for unflushed in UNFLUSHED:
            yield store, unflushed


def measure(asked: dict[str, Any]) -> Cost:
    """Return the figures that one run reports."""
    command = [sys.executable, "-m", "lab.benchmarks.journaled_run", json.dumps(asked)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the run failed:\n{done.stderr[-4000:]}")
    cost: Cost = json.loads(done.stdout.splitlines()[-1])
    return cost


def line(store: str, unflushed: int, found: list[Cost], without: list[Cost]) -> str:
    """Return the medians of a kind of run, as text."""
    rows = found[0]["rows"]
    cpu_us = median(cost["cpu_s"] for cost in found) / rows * 1e6
    least_us, most_us = (pick(c["cpu_s"] for c in found) / rows * 1e6 for pick in (min, max))
    words = f"{store:5}CPU {cpu_us:,.0f} us a row ({least_us:,.0f} to {most_us:,.0f}), "
    words += f"{rows / median(cost['elapsed_s'] for cost in found):,.0f} rows/s"
    if not unflushed:
        return f"{words}, segments dropped"
    dropped_us = median(cost["cpu_s"] for cost in without) / rows * 1e6
    return f"{words}, U = {unflushed}\n{journal_words(found, rows, cpu_us, dropped_us)}\n" + (
        request_words(found, rows)
    )


def journal_words(found: list[Cost], rows: int, cpu_us: float, dropped_us: float) -> str:
    """Return the journal's share of the cost, by its parts and by the run without it."""
    puts = median(cost["operations"]["segment create"] for cost in found)
    create_us, delete_us = (
        median(cost["segment_cpu_s"][kind] for cost in found) / rows * 1e6
        for kind in ("create", "delete")
    )
    encode_us = median(cost["encode_us"] for cost in found)
    hand_us = median(cost["hand_over_us"] for cost in found) * puts / rows
    whole_us = create_us + delete_us + encode_us + hand_us
    return (
        f"     journal {whole_us:.1f} us a row = {whole_us / cpu_us:.1%}: create {create_us:.1f} "
        f"({create_us * rows / puts:,.0f} a PUT), encode {encode_us:.1f}, hand over {hand_us:.1f}, "
        f"delete {delete_us:.1f}; against dropped segments {cpu_us - dropped_us:+.0f} us = "
        f"{cpu_us / dropped_us - 1:+.1%}"
    )


def request_words(found: list[Cost], rows: int) -> str:
    """Describe the requests and the dollars for 1,000 rows."""
    kinds = {kind: median(c["operations"].get(kind, 0) for c in found) for kind in (*PUTS, "read")}
    segments = median(cost["operations"]["segment create"] for cost in found)
    deletes = median(cost["operations"].get("delete", 0) for cost in found)
    usd = sum(kinds[kind] for kind in PUTS) * USD_PER_PUT + kinds["read"] * USD_PER_GET
    thousand = 1000 / rows
    words = (
        f"     per 1,000 rows: {segments * thousand:.1f} PUTs of the journal, "
        f"{(kinds['create'] + kinds['write'] + kinds['copy']) * thousand:.1f} in all, "
        f"{kinds['list'] * thousand:.2f} LISTs, {kinds['read'] * thousand:.2f} GETs, "
        f"{deletes * thousand:.1f} DELETEs; {usd * thousand:.6f} USD, "
        f"{segments * thousand * USD_PER_PUT:.6f} of it for the journal"
    )
    sent = found[0]["requests"]
    if not sent:
        return words
    told = ", ".join(f"{count:,} {method}" for method, count in sorted(sent.items()))
    return f"{words}\n     sent by one run: {told}"


def say(words: str) -> None:
    """Print a line at once."""
    print(words, flush=True)  # noqa: T201  # printing is what a benchmark is for


if __name__ == "__main__":
    main()
