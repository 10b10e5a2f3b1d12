"""Draws the page's plots; runs in an environment of its own, which alone has matplotlib.

Run as `python -m lab.benchmarks.peers.plots RESULTS FOLDER`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from lab.benchmarks.peers.record import Record, load_record
from lab.benchmarks.peers.roster import OURS
from lab.benchmarks.peers.scenarios import SCENARIOS, Scenario
from lab.benchmarks.peers.summary import Line, Spread, lines

if TYPE_CHECKING:
    from collections.abc import Callable

OURS_COLOUR = "#1b7f5c"
OTHER_COLOUR = "#7a8aa0"
LOST_COLOUR = "#b8423a"
# The same file for the same figures: no date in it, and ids that do not change.
STEADY: dict[str, Any] = {"svg.hashsalt": "performance", "svg.fonttype": "none", "font.size": 9}


def main(results: str, folder: str) -> None:
    """Draw all plots."""
    mpl.use("svg")
    mpl.rcParams.update(STEADY)
    record = load_record(Path(results))
    draw_cpu(record, Path(folder) / "performance-cpu.svg")
    draw_time(record, Path(folder) / "performance-time.svg")
    draw_limits(record, Path(folder) / "performance-limits.svg")


def draw_cpu(record: Record, path: Path) -> None:
    """CPU a row where there is no limit."""
    free = [scenario for scenario in SCENARIOS if not scenario.is_limited]
    figure, axes = plt.subplots(1, len(free), figsize=(10, 4), layout="constrained")
    for axis, scenario in zip(axes, free, strict=True):
        draw_bars(axis, finished(record, scenario), lambda line: line.cpu_ms, "{:.2f}")
        use_logarithms(axis)
        axis.set_title(f"{scenario.title}\nCPU, ms a row")
    save(figure, path)


def draw_time(record: Record, path: Path) -> None:
    """Time over the ideal, in all scenarios."""
    figure, axes = plt.subplots(2, 2, figsize=(10, 8), layout="constrained")
    for axis, scenario in zip(axes.flat, SCENARIOS, strict=True):
        known = finished(record, scenario)
        draw_bars(axis, known, lambda line: line.calling, "{:.2f}")
        axis.axvline(1, color="black", linewidth=0.8)
        use_logarithms(axis)
        axis.set_title(f"{scenario.title}\ntime ÷ ideal")
        for place, line in enumerate(known):
            if line.lost.middle:
                axis.patches[place].set_color(LOST_COLOUR)
    figure.supxlabel("red: rows were lost, so that the time is that of a job half done", fontsize=9)
    save(figure, path)


def draw_limits(record: Record, path: Path) -> None:
    """Draw the lost rows and the refused calls."""
    limited = [scenario for scenario in SCENARIOS if scenario.is_limited]
    figure, axes = plt.subplots(len(limited), 2, figsize=(10, 8), layout="constrained")
    for (left, right), scenario in zip(axes, limited, strict=True):
        known = finished(record, scenario)
        draw_bars(left, known, lambda line: line.lost, "{:,.0f}")
        left.set_title(f"{scenario.title}\nrows lost")
        draw_bars(right, known, lambda line: line.throttled, "{:,.0f}")
        right.set_title(f"{scenario.title}\nrefused calls (429)")
    save(figure, path)


def finished(record: Record, scenario: Scenario) -> list[Line]:
    """Return the peers that have a result."""
    return [line for line in lines(record, scenario) if line.runs]


def draw_bars(axis: Any, known: list[Line], value_of: Callable[[Line], Spread], form: str) -> None:
    """Draw the median as a bar, and the spread as a line across its end."""
    values = [value_of(line) for line in known]
    middles = [value.middle for value in values]
    spans = [
        [value.middle - value.least for value in values],
        [value.most - value.middle for value in values],
    ]
    colours = [OURS_COLOUR if line.peer == OURS else OTHER_COLOUR for line in known]
    places = list(range(len(known)))
    bars = axis.barh(places, middles, xerr=spans, color=colours, ecolor="black", capsize=2)
    axis.bar_label(bars, labels=[form.format(middle) for middle in middles], padding=4)
    axis.set_yticks(places, [line.peer for line in known])
    axis.invert_yaxis()
    axis.margins(x=0.15)
    axis.spines[["top", "right"]].set_visible(False)


def use_logarithms(axis: Any) -> None:
    """Two labels a decade, in plain figures, so that none runs into the next."""
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())


def save(figure: Any, path: Path) -> None:
    """Write an SVG whose text stays text."""
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)


if __name__ == "__main__":
    main(*sys.argv[1:])
