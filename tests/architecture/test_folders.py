"""A folder of the two packages can be taken in at a glance, and says what lives in it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = ("airflow_provider_aimlapi", "aimlapi_simulator")
FILES_MAX = 14
"""Besides `__init__.py`."""


@pytest.fixture(scope="module")
def folders(pytestconfig: pytest.Config) -> list[Path]:
    """The folders of the two packages that hold modules."""
    packages = [pytestconfig.rootpath / "provider" / package for package in PACKAGES]
    return sorted({file.parent for package in packages for file in package.rglob("*.py")})


def modules_in(folder: Path) -> list[str]:
    return sorted(file.stem for file in folder.glob("*.py") if file.stem != "__init__")


def test_no_folder_is_crowded(folders: list[Path]) -> None:
    counts = {folder: len(modules_in(folder)) for folder in folders}
    assert [counts[folder] for folder in folders if folder.name == "core"] == [
        0
    ]  # all in its groups
    assert {str(folder): count for folder, count in counts.items() if count > FILES_MAX} == {}


def test_each_folder_says_what_lives_in_it(folders: list[Path]) -> None:
    silent = []
    for folder in folders:
        face = folder / "__init__.py"
        tree = ast.parse(face.read_text(encoding="utf-8")) if face.is_file() else ast.parse("")
        if not ast.get_docstring(tree):
            silent.append(folder.name)
    assert silent == []


def test_no_module_and_folder_share_a_name(folders: list[Path]) -> None:
    shared = [folder.name for folder in folders if folder.with_suffix(".py").is_file()]
    assert shared == []
