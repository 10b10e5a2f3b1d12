"""Draws how the law goes about limits, as the SVG of provider/docs/limits.md.

python -m lab.limits.picture > provider/docs/limits.svg
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lab.limits.scenarios import SCENARIOS
from lab.limits.trial import try_law

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT, LEFT, TOP = 700, 150, 60, 34
INK, LINE, LIMIT = "#444", "#1f6f8b", "#d1495b"
# The scenario, the quantity that is drawn, its limit over time, and how far the axes go.
PANELS = (
    (
        "64, 32, 64 in flight",
        "in flight",
        2,
        ((0, 64), (40, 64), (40, 32), (80, 32), (80, 64)),
        120,
        100,
    ),
    (
        "200, 100, 200 a second",
        "a second",
        3,
        ((0, 200), (8, 200), (8, 100), (23, 100), (23, 200)),
        33,
        400,
    ),
)


def main() -> None:
    """Print it."""
    panels = [_panel(number, *panel) for number, panel in enumerate(PANELS)]
    height = len(PANELS) * (HEIGHT + TOP + 30)
    sys.stdout.write(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 20} {height}" '
        f'font-family="sans-serif" font-size="12">\n{"".join(panels)}</svg>\n'
    )


def _panel(  # noqa: PLR0913, PLR0917  # a row of the table above
    number: int,
    name: str,
    unit: str,
    column: int,
    limit: Sequence[tuple[float, float]],
    seconds: float,
    most: float,
) -> str:
    scenario = next(one for one in SCENARIOS if one.name == name)
    result = try_law(scenario, "ours")
    limit = [*limit, (seconds, limit[-1][1])]
    law = [(sample[0], min(most, float(sample[column]))) for sample in result.trace.samples]
    law = [(at_s, value) for at_s, value in law if at_s <= seconds and value > 0]
    top = TOP + number * (HEIGHT + TOP + 30)
    title = (
        f"{name}: {result.wall:.2f} of the ideal time, {result.throttled:.1%} of calls met a 429"
    )
    return (
        f'<g transform="translate({LEFT},{top})" fill="{INK}">\n'
        f'<text y="-12" font-weight="bold">{title}</text>\n'
        f'<path d="M0 0V{HEIGHT}H{WIDTH}" fill="none" stroke="{INK}"/>\n'
        f'<text x="-8" y="10" text-anchor="end">{most:g}</text>\n'
        f'<text x="-8" y="{HEIGHT}" text-anchor="end">0</text>\n'
        f'<text x="{WIDTH}" y="{HEIGHT + 16}" text-anchor="end">{seconds:g} s</text>\n'
        f'<text x="0" y="{HEIGHT + 16}">calls {unit}: red, the limit; blue, what the law allows</text>\n'
        f"{_line(limit, seconds, most, LIMIT)}{_line(law, seconds, most, LINE)}</g>\n"
    )


def _line(points: Sequence[tuple[float, float]], seconds: float, most: float, color: str) -> str:
    path = " ".join(
        f"{at_s / seconds * WIDTH:.1f},{HEIGHT - value / most * HEIGHT:.1f}"
        for at_s, value in points
    )
    return f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.6"/>\n'


if __name__ == "__main__":
    main()
