"""What a page shows of an example is what the example says."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PAGES = (
    "summarise.md",
    "enrich.md",
    "backfill.md",
    "estimate.md",
    "observe.md",
    "scale-out.md",
    "typed-answers.md",
)
SNIPPET = re.compile(r"<!-- (\S+\.py): (\w+) -->\n```python\n(.*?)\n```", re.DOTALL)
MARK = re.compile(r"\s*# --- (\w+)")


def section(text: str, name: str) -> str:
    """The lines after `# --- name`, up to the next such line."""
    lines: list[str] = []
    current = ""
    for line in text.splitlines():
        if mark := MARK.fullmatch(line):
            current = mark[1]
        elif current == name:
            lines.append(line)
    return textwrap.dedent("\n".join(lines)).strip("\n")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_its_examples_word_for_word(page: str, pytestconfig: pytest.Config) -> None:
    root: Path = pytestconfig.rootpath
    text = (root / "provider/docs/how-to" / page).read_text(encoding="utf-8")
    snippets = SNIPPET.findall(text)
    assert len(snippets) == text.count("```python") > 0
    for path, name, shown in snippets:
        assert shown == section((root / path).read_text(encoding="utf-8"), name), (path, name)


def test_the_command_of_the_backfill_is_the_examples(pytestconfig: pytest.Config) -> None:
    root: Path = pytestconfig.rootpath
    page = (root / "provider/docs/how-to/backfill.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"```sh\n(.*?)\n```", page, re.DOTALL)
    example = (root / "dags_examples/backfill_documents.py").read_text(encoding="utf-8")
    assert textwrap.indent(command, "    ").replace("\\", "\\\\") in example


def test_every_example_is_on_a_page(pytestconfig: pytest.Config) -> None:
    root: Path = pytestconfig.rootpath
    readme = (root / "README.md").read_text(encoding="utf-8")
    for example in (root / "dags_examples").glob("*.py"):
        assert f"dags_examples/{example.name}" in readme
