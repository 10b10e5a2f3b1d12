"""What `make matrix` tries is what the package says it runs on, and what its page tells of."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

from lab.matrix.cells import CELLS, PYTHONS, RELEASES

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def project(root: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return found


def test_every_python_that_the_package_names_is_tried(pytestconfig: pytest.Config) -> None:
    named = re.findall(
        r"Python :: (3\.\d+)", "\n".join(project(pytestconfig.rootpath)["classifiers"])
    )
    assert named == list(PYTHONS)
    assert {cell.python for cell in CELLS} == set(PYTHONS)


def test_the_oldest_airflow_that_installs_is_tried(pytestconfig: pytest.Config) -> None:
    needs = project(pytestconfig.rootpath)["dependencies"]
    (oldest,) = [need.removeprefix("apache-airflow>=") for need in needs if "airflow>=3" in need]
    assert RELEASES[0].airflow.startswith(f"{oldest}.")


def test_the_page_tells_of_every_cell(pytestconfig: pytest.Config) -> None:
    page = (pytestconfig.rootpath / "provider/docs/versions.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (3\.\d+\.\d+) \| (3\.\d+) \|", page, re.MULTILINE)
    assert told == [(cell.release.airflow, cell.python) for cell in CELLS]


def test_the_page_gives_what_an_older_airflow_needs(pytestconfig: pytest.Config) -> None:
    page = (pytestconfig.rootpath / "provider/docs/versions.md").read_text(encoding="utf-8")
    for release in RELEASES:
        for need in (*release.needs, release.until):
            assert need in page, (release.airflow, need)
