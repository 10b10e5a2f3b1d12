"""What does not fit on a page: texts that are wider than the box they stand in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Text for screen readers alone is in a box of one pixel. uPlot lays its own boxes over each other.
OVERFLOWS = """() => [...document.querySelectorAll("main *:not(.unseen, svg, canvas)")]
    .filter(box => !box.closest(".uplot") && box.clientWidth && box.scrollWidth > box.clientWidth + 1)
    .map(box => `${box.tagName}.${box.className}: ${box.textContent.slice(0, 60)}`)"""


def overflows(page: Page) -> list[str]:
    """Return the boxes of a page whose content is wider than they are. Inline boxes have no width."""
    found: list[str] = page.evaluate(OVERFLOWS)
    return found
