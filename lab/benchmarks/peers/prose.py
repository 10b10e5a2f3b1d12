"""The page's sentences, those that depend on the figures included; no tables, no plots."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lab.benchmarks.peers.roster import CEILING, OURS, PEERS
from lab.benchmarks.peers.scenarios import SCENARIOS, Scenario
from lab.benchmarks.peers.summary import Line, lines, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.benchmarks.peers.record import Record

CLEARLY = 0.98
"""A figure below this multiple of ours is better. Anything closer is within the noise."""

PLOTS = """
## In pictures

![CPU a row, without a limit](performance-cpu.svg)

![Time over the ideal](performance-time.svg)

![Rows lost and refused calls under a limit](performance-limits.svg)
"""

COLUMNS = """
## What the columns mean

- **rows**: rows requested in one run. Slow peers get fewer. To stay comparable, figures are given
  per row, or relative to the ideal for that number of rows. At 1,000 in flight, their 1,000 rows are
  a single wave, in which opening the connections costs more than in a long run.
- **rows/s**: rows with an answer in the output, per second, from the first call to the end.
- **time ÷ ideal**: time from the first call that the API received to the end of the process, with the
  output written. It is divided by the time of a client that costs nothing and knows the limit. 1.00
  is perfect. A peer that gives up rows ends sooner, so look at the lost rows first.
- **with start**: the same from the start of the process, with its imports.
- **start s**: seconds from the start of the process to the first call.
- **CPU ms a row**: processor time of the peer, without its imports, per requested row. It includes
  reading and writing Parquet for all peers, and the journal for this provider.
- **peak MB**: the most memory that the process held at once. If pandas is installed, pyarrow loads
  it, which takes memory too. That is so for aiohttp by hand, Data Designer and curator.
- **lost**, **rows lost**: rows without an answer in the output when the peer had ended.
- **429s**: calls that the API refused as too many, by its own count.
- **runs**: runs that ended with a result. Figures are medians, with minimum and maximum in brackets.
"""

RULES = """
## Rules

All peers call one process of the simulator. It answers each call after 200 ms. Beyond a limit, it
answers 429 at once and without Retry-After, as the real API does. All peers receive the same rows
and send the same prompts, about 2 kB each. Each run is a new process with an empty home, so that no
cache answers. The simulator runs on the same machine and uses a part of its processors. Scenarios
and peers are interleaved, round after round, so that a busy minute affects all of them. A peer that
failed, was killed or was slow in a scenario is not run there again: see the column `runs`.
"""


def introduction(record: Record) -> str:
    """Describe what was measured, when and where."""
    place = record.machine
    load = spread(result.load for result in record.results)
    runs = max(line.runs for scenario in SCENARIOS for line in lines(record, scenario))
    certainty = f"the median of up to {runs} runs" if runs > 1 else "of one run: no spread is known"
    return f"""
# Performance beside other clients

This page compares this provider with other clients that people use for the same job. They read
prompts from Parquet, request one completion for each, and write Parquet. `make benchmark-peers`
installs the others, measures, and writes this page and its plots. No part of it is written by hand.

Measured {place.date} in {record.minutes:.0f} minutes: {place.processor}, {place.cores} cores,
{place.system}, Python {place.python}. Load average during the runs: {load.middle:.1f}
({load.least:.1f}–{load.most:.1f}). Each figure is {certainty}. With a load above the number of cores, other work used
part of the machine. That affects the times, but hardly the CPU per row. Compare peers with each
other, not with figures from elsewhere.

## Figures
"""


def better_peers(record: Record) -> str:
    """List the peers that are better than this provider, by scenario."""
    found = [sentence for scenario in SCENARIOS for sentence in _better(record, scenario)]
    if not found:
        found = ["In nothing that was measured here, beyond the noise of 2%."]
    head = (
        "## Where others are better\n\nThese peers are better by more than 2% in the median, and lost no more "
        "rows than this provider. wrk is left\nout, because it is the ceiling and no client.\n"
    )
    return "\n".join([head, *(f"- {sentence}" for sentence in found)])


def _better(record: Record, scenario: Scenario) -> Iterator[str]:
    known = {line.peer: line for line in lines(record, scenario) if line.runs}
    ours = known.pop(OURS, None)
    known.pop(CEILING, None)
    if ours is None:
        return
    measures: dict[str, tuple[Callable[[Line], float], str]] = {
        "time over the ideal": (lambda line: line.calling.middle, ".2f"),
        "time with start over the ideal": (lambda line: line.wall.middle, ".2f"),
        "CPU a row in ms": (lambda line: line.cpu_ms.middle, ".3f"),
        "peak memory in MB": (lambda line: line.peak_mb.middle, ".0f"),
        "refused calls": (lambda line: line.throttled.middle, ",.0f"),
    }
    whole = [line for line in known.values() if line.lost.middle <= ours.lost.middle]
    for name, (figure, form) in measures.items():
        better = [line for line in whole if figure(line) < figure(ours) * CLEARLY]
        # With unequal numbers of rows, the start weighs unequally.
        better = [line for line in better if "start" not in name or line.rows == ours.rows]
        if better:
            others = ", ".join(
                f"{line.peer} {figure(line):{form}}{_other_rows(line, ours)}" for line in better
            )
            yield f"{scenario.title}, {name}: {others}; this provider {figure(ours):{form}}."


def _other_rows(line: Line, ours: Line) -> str:
    return "" if line.rows == ours.rows else f" (with {line.rows:,} rows)"


def peers(record: Record) -> str:
    """List the peers with their settings and versions."""
    versions: dict[str, dict[str, str]] = {}
    for result in record.results:
        versions.setdefault(result.peer, {}).update(result.versions)
    rows = [
        f"| {peer.name} | {peer.settings} | "
        f"{', '.join(f'{name} {number}' for name, number in versions[peer.name].items()) or '–'} |"
        for peer in PEERS
        if peer.name in versions
    ]
    return "\n".join(["## Who took part", "", "| | settings | versions |", "|---|---|---|", *rows])


def failures(record: Record) -> str:
    """List the runs that did not end, with the reasons."""
    found = [
        f"- {scenario.title}, {line.peer}: {_reason(line.failure)}; the API answered {line.answered:,} "
        f"of {line.rows:,} rows, and refused {line.refused:,} calls."
        for scenario in SCENARIOS
        for line in lines(record, scenario)
        if line.failure
    ]
    if not found:
        return ""
    head = f"## What did not end\n\nA run is killed after {record.timeout_s:.0f} s.\n"
    return "\n".join([head, *found])


def _reason(failure: str) -> str:
    """Remove the address of this run and the API's whole answer."""
    return re.split(r", url=| - \{", failure)[0]


def short(failure: str) -> str:
    """Shorten a failure for a cell of a table. The text below the table has all of it."""
    return failure if failure.startswith("not ") and len(failure) < 40 else "failed"
