"""Many runs of a peer in a scenario, as one line: medians and spreads."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from lab.benchmarks.peers.roster import PEERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.benchmarks.peers.record import Record
    from lab.benchmarks.peers.runs import Measured
    from lab.benchmarks.peers.scenarios import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The middle one of some figures, the least and the most."""

    middle: float
    least: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The results of a peer in a scenario.

    Attributes:
        runs: how many ended with a result.
        failure: of the last run that had none; "" if all had one.
        answered, refused: calls that the API answered and refused in the run that failed.
        wall: from start to end of the process, in times of the ideal.
        calling: from the first call to the end, in times of the ideal.
        start_s: from the start of the process to the first call.
    """

    peer: str
    rows: int
    runs: int
    failure: str
    answered: int
    refused: int
    rate: Spread
    wall: Spread
    calling: Spread
    start_s: Spread
    cpu_ms: Spread
    peak_mb: Spread
    lost: Spread
    throttled: Spread


def spread(figures: Iterable[float]) -> Spread:
    """Return median, smallest and largest figure; 0 if there are none."""
    known = list(figures) or [0.0]
    return Spread(middle=median(known), least=min(known), most=max(known))


def lines(record: Record, scenario: Scenario) -> list[Line]:
    """Return one summary for each peer that took part, in the roster's order."""
    found = []
    for peer in PEERS:
        results = [
            result
            for result in record.results
            if (result.peer, result.scenario) == (peer.name, scenario.key)
        ]
        if results:
            found.append(_line(results, scenario))
    return found


def _line(results: list[Measured], scenario: Scenario) -> Line:
    good = [result for result in results if not result.failure]
    bad = [result for result in results if result.failure]
    ideal_s = scenario.ideal_s
    return Line(
        peer=results[0].peer,
        rows=results[0].rows,
        runs=len(good),
        failure=bad[-1].failure if bad else "",
        answered=bad[-1].answered if bad else 0,
        refused=bad[-1].throttled if bad else 0,
        rate=spread(result.done / result.calling_s for result in good),
        wall=spread(result.wall_s / ideal_s(result.rows) for result in good),
        calling=spread(result.calling_s / ideal_s(result.rows) for result in good),
        start_s=spread(result.wall_s - result.calling_s for result in good),
        cpu_ms=spread(result.cpu_s / result.rows * 1000 for result in good),
        peak_mb=spread(result.peak_mb for result in good),
        lost=spread(result.rows - result.done for result in good),
        throttled=spread(result.throttled for result in good),
    )
