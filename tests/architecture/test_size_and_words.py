"""Files and functions stay small, names say something, and nothing points at one machine."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from typing import TYPE_CHECKING

import pytest

from lab.counts.counts import FIRST_FILE_LINES_MAX, functions_of_tests, long_test_names

if TYPE_CHECKING:
    from pathlib import Path

FOLDERS = ["provider", "demo", "docker", "dags_examples", "lab", "tests", "browser_tests"]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
# A thing that needs one of these names is a concept that has not got its own yet.
EMPTY_MODULE_NAMES = {"base", "common", "helpers", "misc", "util", "utils"}
EMPTY_CLASS_NAMES = re.compile(r"(Manager|Handler|Processor|Helper|Util(itie)?s?)$")
# In two halves, so that this file does not hold what it looks for.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/" + r"(home/\w+|Users/\w+|root|work|mnt)/")


@pytest.fixture(scope="module")
def root(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath


@pytest.fixture(scope="module")
def sources(root: Path) -> list[Path]:
    return [file for folder in FOLDERS for file in sorted((root / folder).rglob("*.py"))]


@cache  # two tests walk each tree, and parsing takes most of their time
def definitions(file: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def test_no_file_is_long(root: Path, sources: list[Path]) -> None:
    lines = {
        str(file.relative_to(root)): len(file.read_text(encoding="utf-8").splitlines())
        for file in sources
    }
    assert {file: count for file, count in lines.items() if count > FILE_LINES_MAX} == {}


def test_the_file_to_read_first_is_short(root: Path) -> None:
    file = root / "provider/airflow_provider_aimlapi/engine/run.py"
    assert len(file.read_text(encoding="utf-8").splitlines()) <= FIRST_FILE_LINES_MAX


def test_no_function_is_long(root: Path, sources: list[Path]) -> None:
    long = {}
    for file in sources:
        for node in definitions(file):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX and not isinstance(node, ast.ClassDef):
                long[f"{file.relative_to(root)}:{node.name}"] = lines
    assert long == {}


def test_no_name_is_empty(root: Path, sources: list[Path]) -> None:
    modules = [str(file.relative_to(root)) for file in sources if file.stem in EMPTY_MODULE_NAMES]
    folders = [
        str(file.parent.relative_to(root))
        for file in sources
        if file.parent.name in EMPTY_MODULE_NAMES
    ]
    classes = [
        f"{file.relative_to(root)}:{node.name}"
        for file in sources
        for node in definitions(file)
        if isinstance(node, ast.ClassDef) and EMPTY_CLASS_NAMES.search(node.name)
    ]
    assert modules + folders + classes == []


@pytest.mark.parametrize("folder", ["tests", "browser_tests"])
def test_no_test_name_is_long(root: Path, folder: str) -> None:
    functions = functions_of_tests(root / folder)
    assert functions
    assert long_test_names(functions) == []


def test_no_file_names_a_place_on_one_machine(root: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    files = [root / name for name in tracked if name and (root / name).is_file()]
    assert files
    found = {
        str(file.relative_to(root)): match[0]
        for file in files
        if (match := MACHINE_PATH.search(file.read_text(encoding="utf-8", errors="ignore")))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("text", "is_machine_path"),
    [
        ("see /" + "home/ada/data", True),
        ('"/' + 'root/.cache"', True),
        ("s3://lake/work/ds=1/", False),
        ("https://example.org/home/page/", False),
        ("a home/work balance", False),
    ],
)
def test_a_machine_path_is_told_from_a_url(text: str, is_machine_path: bool) -> None:
    assert bool(MACHINE_PATH.search(text)) is is_machine_path
