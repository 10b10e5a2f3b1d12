"""Links in the documentation lead to a file and a heading."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = subprocess.run(
    ["git", "ls-files", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True
).stdout.split()

FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def text_of(page: Path) -> str:
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def is_broken(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return not target.exists() or (bool(anchor) and anchor not in anchors(target))


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_heading(page: str) -> None:
    path = ROOT / page
    links = [link for link in LINK.findall(text_of(path)) if "://" not in link]
    assert [link for link in links if is_broken(path, link)] == []


def test_a_lost_heading_is_found() -> None:
    assert is_broken(ROOT / "README.md", "provider/docs/errors.md#no-such-heading")
    assert is_broken(ROOT / "README.md", "provider/docs/no_such_page.md")
    assert not is_broken(ROOT / "README.md", "#two-commands")
