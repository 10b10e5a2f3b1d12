"""Messages that the documentation quotes are messages of the provider."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = subprocess.run(
    ["git", "ls-files", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True
).stdout.split()
QUOTE = re.compile(r'\*"([^"]+)"\*')
GAP = re.compile(r"…|\d+")
FOREIGN = {"Validation failed: temperature: Expected: float <= 1.0. Received: 2."}
"""Quotes of the API itself."""
FOREIGN_WORDS = ("This model does not support", "max_tokens:")


def texts(file: Path) -> list[str]:
    """The strings of a module; what an f-string fills in becomes a gap."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = [str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values]
            found.append("".join(parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
    return found


@pytest.fixture(scope="module")
def messages() -> str:
    package = ROOT / "provider/airflow_provider_aimlapi"
    return "\n".join(text for file in sorted(package.rglob("*.py")) for text in texts(file))


def is_foreign(quote: str) -> bool:
    return quote in FOREIGN or quote.startswith(FOREIGN_WORDS)


@pytest.mark.parametrize("page", PAGES)
def test_a_quoted_message_is_in_the_code(page: str, messages: str) -> None:
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    pieces = [
        piece.strip()
        for quote in QUOTE.findall(text)
        if not is_foreign(quote)
        for piece in GAP.split(quote)
    ]
    assert [piece for piece in pieces if piece not in messages] == []


def test_an_f_string_has_gaps(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('text = f"It was {count} times, "\nother = "a"', encoding="utf-8")
    assert texts(module)[0] == "It was … times, "
