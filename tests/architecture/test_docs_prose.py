"""Pages of the documentation are wrapped, and hold none of the faults that a machine can find."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = subprocess.run(
    ["git", "ls-files", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True
).stdout.split()
GENERATED = {"provider/docs/performance.md"}
"""`make benchmark-peers` writes it, with figures of any length in a line."""
COLUMNS_MAX = 100

RETIRED = (
    "whoever",
    "nobody",
    "somebody",
    "so many",
    "reckon",
    "reckons",
    "mend",
    "mends",
    "dear",
    "dearer",
    "dearest",
)
WORDS = re.compile(rf"\b(?:{'|'.join(RETIRED)})\b", re.IGNORECASE)
OF = re.compile(r"(?:^|[.!?]['\")*]* +|\n\n)(?:[-*] |\d+\. )?(Of [\w'-]+)", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?<=\n\n)(?:    .*\n+)+")
INLINE = re.compile(r"`[^`\n]*`")
QUOTED = re.compile(r"\*\".*?\"\*", re.DOTALL)
GLOSSARY_ROW = re.compile(r"^\| `\w+` \|.*$", re.MULTILINE)


def prose_of(text: str) -> str:
    """The text without code, quoted messages and the glossary's retired words."""
    for pattern in (FENCED, INDENTED, GLOSSARY_ROW, INLINE, QUOTED):
        text = pattern.sub("", text)
    return text


def long_lines(text: str) -> list[str]:
    """Lines that could be wrapped: tables, code, headings, images and lone links cannot be."""
    lines = INDENTED.sub("", FENCED.sub("", text)).splitlines()
    return [
        line
        for line in lines
        if len(line) > COLUMNS_MAX
        and not line.startswith(("|", "#", "!["))
        and len(line.split()) > 1
        and not re.fullmatch(r"\S*\]\(\S+\)\S*", line.strip())
    ]


@pytest.mark.parametrize("page", sorted(set(PAGES) - GENERATED))
def test_lines_end_at_column_100(page: str) -> None:
    assert long_lines((ROOT / page).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES)
def test_no_sentence_starts_with_of(page: str) -> None:
    joined = re.sub(r"(?<!\n)\n(?![\n|#-])", " ", prose_of((ROOT / page).read_text("utf-8")))
    assert OF.findall(joined) == []


@pytest.mark.parametrize("page", PAGES)
def test_no_retired_word_is_used(page: str) -> None:
    assert WORDS.findall(prose_of((ROOT / page).read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "Of a glob it is the folder.",
        "It ends. Of the rows, some stay.",
        "- Of two runs, one wins.",
        "It ends.\n\nOf the rows, some stay.",
    ],
)
def test_a_sentence_with_of_is_found(text: str) -> None:
    assert OF.findall(text)


def test_retired_words_are_found_in_prose_alone() -> None:
    text = 'Ask whoever it was. `nobody` and *"so many"* stay.\n\n    mend\n\nIt is dear.'
    assert WORDS.findall(prose_of(text)) == ["whoever", "dear"]


def test_a_long_line_is_found_in_prose_alone() -> None:
    long = "word " * 21
    assert long_lines(f"{long}\n| {long} |\n```\n{long}\n```\n# {long}") == [long]
