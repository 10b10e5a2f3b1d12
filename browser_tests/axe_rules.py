"""axe-core's rules of accessibility, from npm as browser_tests/axe locks it.

`python -m browser_tests.axe_rules` installs it into the environment's folder `axe`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes.azurite import install

if TYPE_CHECKING:
    from playwright.sync_api import Page

LOCKED = Path(__file__).parent / "axe"
INSTALLED = Path(sys.prefix) / "axe"
PROGRAM = INSTALLED / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page) -> list[str]:
    """Return each rule that the page violates, with the elements, under all rules of axe."""
    # Evaluated by the browser's debugger, because the page's own policy lets no other script in.
    page.evaluate(PROGRAM.read_text())
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


if __name__ == "__main__":
    install(LOCKED, INSTALLED)
