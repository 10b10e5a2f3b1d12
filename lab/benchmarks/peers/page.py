"""Writes `performance.md` and its plots from a record. It measures nothing."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from lab.benchmarks.peers import prose
from lab.benchmarks.peers.environments import install, python_of
from lab.benchmarks.peers.record import save_record
from lab.benchmarks.peers.roster import CEILING
from lab.benchmarks.peers.scenarios import SCENARIOS, Scenario
from lab.benchmarks.peers.simulated import ROOT
from lab.benchmarks.peers.summary import Line, Spread, lines

if TYPE_CHECKING:
    from pathlib import Path

    from lab.benchmarks.peers.record import Record

PLOTS = "plots"
FREE_COLUMNS = (
    "rows",
    "rows/s",
    "time ÷ ideal",
    "with start",
    "start s",
    "CPU ms a row",
    "peak MB",
    "lost",
    "runs",
)
LIMITED_COLUMNS = (
    "rows lost",
    "time ÷ ideal",
    "with start",
    "429s",
    "CPU ms a row",
    "peak MB",
    "runs",
)


def write(record: Record, folder: Path) -> None:
    """Write the page, and its plots if matplotlib can be installed."""
    (folder / "performance.md").write_text(text(record), encoding="utf-8")
    if reason := install(PLOTS):
        print(f"no plots: {reason}")
        return
    results = python_of(PLOTS).parent.parent / "results.json"
    save_record(record, results)
    command = [str(python_of(PLOTS)), "-m", "lab.benchmarks.peers.plots"]
    subprocess.run([*command, str(results), str(folder)], cwd=ROOT, check=True)


def text(record: Record) -> str:
    """Return the whole page."""
    parts = [
        prose.introduction(record),
        tables(record),
        prose.PLOTS,
        prose.better_peers(record),
        prose.COLUMNS,
        prose.peers(record),
        prose.failures(record),
        prose.RULES,
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def tables(record: Record) -> str:
    """Return the tables of all measured scenarios."""
    return "\n\n".join(
        _table(record, scenario) for scenario in SCENARIOS if lines(record, scenario)
    )


def _table(record: Record, scenario: Scenario) -> str:
    known = lines(record, scenario)
    names = LIMITED_COLUMNS if scenario.is_limited else FREE_COLUMNS
    sizes = sorted({line.rows for line in known if line.peer != CEILING})
    ideals = [f"{scenario.ideal_s(rows):.2f} s for {rows:,} rows" for rows in sizes]
    note = f"Ideal: {', '.join(ideals)}."
    head = [f"### {scenario.title}", "", note, ""]
    head += [f"| | {' | '.join(names)} |", "|---|" + "--:|" * len(names)]
    cells = _limited_cells if scenario.is_limited else _free_cells
    body = [f"| {line.peer} | {' | '.join(_cells(line, cells(line)))} |" for line in known]
    return "\n".join(head + body)


def _cells(line: Line, cells: list[str]) -> list[str]:
    """Return the cells of a line. A peer that never ended has only the reason."""
    if line.runs:
        return cells
    return [f"**{prose.short(line.failure)}**", *["–"] * (len(cells) - 1)]


def _free_cells(line: Line) -> list[str]:
    is_ceiling = line.peer == CEILING
    return [
        f"{line.rows:,}",
        f"{line.rate.middle:,.0f}",
        _range(line.calling),
        "–" if is_ceiling else f"{line.wall.middle:.2f}",
        "–" if is_ceiling else f"{line.start_s.middle:.1f}",
        _range(line.cpu_ms, digits=3),
        "–" if is_ceiling else f"{line.peak_mb.middle:.0f}",
        f"{line.lost.middle:,.0f}",
        str(line.runs),
    ]


def _limited_cells(line: Line) -> list[str]:
    return [
        _range(line.lost, digits=0),
        _range(line.calling),
        f"{line.wall.middle:.2f}",
        _range(line.throttled, digits=0),
        f"{line.cpu_ms.middle:.2f}",
        f"{line.peak_mb.middle:.0f}",
        str(line.runs),
    ]


def _range(value: Spread, *, digits: int = 2) -> str:
    middle = f"{value.middle:,.{digits}f}"
    if value.least == value.most:
        return middle
    return f"{middle} ({value.least:,.{digits}f}–{value.most:,.{digits}f})"
