"""The tables of the docs' page of types, as tests compare them with what is so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

PAGE = "provider/docs/types.md"


def rows_of(config: pytest.Config, heading: str) -> list[tuple[str, ...]]:
    """The rows of the first table under a heading, without its own."""
    page = (config.rootpath / PAGE).read_text(encoding="utf-8")
    section = re.split(
        r"^#+ ", page.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE
    )[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[2:]]
