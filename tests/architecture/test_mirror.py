"""A module's test is found by its name: tests/unit has the package's folders.

`core/pacing/window.py` is tested by `tests/unit/core/pacing/test_window.py`. A second file for one
module adds words to that name. A module that is covered elsewhere is in `covered_by`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.architecture.covered_by import COVERED_BY

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def modules(pytestconfig: pytest.Config) -> set[str]:
    """The package's modules, as paths below it."""
    package = pytestconfig.rootpath / "provider/airflow_provider_aimlapi"
    files = (file for file in package.rglob("*.py") if file.stem != "__init__")
    return {file.relative_to(package).with_suffix("").as_posix() for file in files}


@pytest.fixture(scope="module")
def unit_tests(pytestconfig: pytest.Config) -> set[str]:
    """The unit tests, as paths of what they are named after."""
    root = pytestconfig.rootpath / "tests/unit"
    return {named_after(root, file) for file in root.rglob("test_*.py")}


def named_after(root: Path, test: Path) -> str:
    return (test.parent / test.stem.removeprefix("test_")).relative_to(root).as_posix()


def test_each_module_has_a_test(modules: set[str], unit_tests: set[str]) -> None:
    assert sorted(modules - unit_tests - COVERED_BY.keys()) == []


def test_each_unit_test_names_its_module(modules: set[str], unit_tests: set[str]) -> None:
    strays = {
        test for test in unit_tests if not any(f"{test}_".startswith(f"{one}_") for one in modules)
    }
    assert strays == set()


def test_the_table_has_no_idle_line(modules: set[str], unit_tests: set[str]) -> None:
    assert COVERED_BY.keys() - modules == set()
    assert COVERED_BY.keys() & unit_tests == set()


def test_each_file_of_the_table_is_there(pytestconfig: pytest.Config) -> None:
    files = {pytestconfig.rootpath / file for file in COVERED_BY.values()}
    assert {
        file for file in files if not file.is_file() or "def test_" not in file.read_text()
    } == set()
