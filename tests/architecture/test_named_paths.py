"""The files, folders and modules that docs, docstrings and comments name exist."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE = "provider/airflow_provider_aimlapi"
BASES = (".", "lab", "provider", PACKAGE, "provider/aimlapi_simulator", "provider/docs")
"""Where a path in prose may begin."""
IN_TICKS = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"(?<![\w./<{])(?:[\w-]+/)*[\w-]+\.py\b")
PAGE = re.compile(r"[\w/-]+\.(?:md|toml|yml|yaml|svg)")
MODULE = re.compile(
    r"^(?:airflow_provider_aimlapi|aimlapi_simulator|tests|lab|core|engine|storage|api|operators"
    r"|checks|hooks|plugins|commands|page)(?:\.\w+)+"
)
FULL_NAME = re.compile(
    r"(?<![\w./@])(?:airflow_provider_aimlapi|aimlapi_simulator|tests|lab)(?:\.[a-z]\w*)+"
)
"""Of a module, in imports, in text that another process runs, and in settings."""
FOLDER = re.compile(
    r"(?:provider|demo|docker|lab|tests|core|engine|storage|api|operators)(?:/[\w-]+)+/?"
)
COMMAND = re.compile(r"python3? -m ((?:tests|lab|demo|aimlapi_simulator)[.\w]*)")


def file_exists(root: Path, name: str) -> bool:
    if "/" in name:
        return any((root / base / name).is_file() for base in BASES)
    return any(path.name == name for path in tracked(root))


def module_exists(root: Path, name: str) -> bool:
    """Whether the name is that of a folder or a module, or of something in a module."""
    parts = name.split(".")
    places = [root / base for base in BASES]
    if any(place.joinpath(*parts).is_dir() for place in places):
        return True
    heads = ("/".join(parts[:size]) for size in range(len(parts), 0, -1))
    return any((place / f"{head}.py").is_file() for head in heads for place in places)


def tracked(root: Path, *patterns: str) -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=root, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    return [root / name for name in names if name and (root / name).is_file()]


def missing(root: Path, text: str) -> Iterator[str]:
    for words in IN_TICKS.findall(text):
        yield from (name for name in FILE.findall(words) if not file_exists(root, name))
        module = MODULE.match(words)
        if module and not words.endswith(".py") and not module_exists(root, module[0]):
            yield module[0]
        path = FOLDER.fullmatch(words) or PAGE.fullmatch(words)
        if path and not any((root / base / path[0]).exists() for base in BASES):
            yield path[0]
    yield from (name for name in FULL_NAME.findall(text) if not module_exists(root, name))
    yield from (name for name in COMMAND.findall(text) if not module_exists(root, name))


@pytest.mark.parametrize("kind", ["*.md", "*.py", "*.toml"])
def test_what_is_named_exists(kind: str, pytestconfig: pytest.Config) -> None:
    root = pytestconfig.rootpath
    files = [file for file in tracked(root, kind) if file.name != "test_named_paths.py"]
    found = {
        str(file.relative_to(root)): names
        for file in files
        if (names := list(missing(root, file.read_text(encoding="utf-8"))))
    }
    assert files
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "`core/no_such_file.py`",
        "`core.no_such.name`",
        "`no_such_file.py`",
        "`tests/no_such_folder`",
        "`core/no_such_folder/`",
        "`no_such_page.md`",
        "`docs/no_such_page.svg`",
        "import lab.no_such_tool",
        "python -m tests.no_such_tool",
    ],
)
def test_a_lost_name_is_found(text: str, pytestconfig: pytest.Config) -> None:
    assert list(missing(pytestconfig.rootpath, text))
