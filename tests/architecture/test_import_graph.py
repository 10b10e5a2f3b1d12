"""No module imports itself by way of others, not even for types."""

from __future__ import annotations

import re
import sys
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

import grimp
import pytest

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = ("airflow_provider_aimlapi", "aimlapi_simulator")


IMPORTED = re.compile(r"^\s*(?:from|import) ([\w.]+)", re.MULTILINE)


def imported_below(folder: Path) -> set[str]:
    """The modules that the files below a folder import, at any depth."""
    texts = (file.read_text(encoding="utf-8") for file in folder.rglob("*.py"))
    return {name for text in texts for name in IMPORTED.findall(text)}


def imports_of(*packages: str) -> dict[str, set[str]]:
    """For each module, the modules that it imports, those for types included."""
    graph = grimp.build_graph(*packages, exclude_type_checking_imports=False, cache_dir=None)
    return {
        module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules
    }


def test_no_module_imports_itself() -> None:
    imports = imports_of(*PACKAGES)
    assert sum(map(len, imports.values())) > len(imports) > 0
    TopologicalSorter(imports).prepare()


def test_a_cycle_of_types_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "made_up_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "one.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import made_up_package.two\n"
    )
    (package / "two.py").write_text("import made_up_package.one\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(CycleError):
        TopologicalSorter(imports_of("made_up_package")).prepare()


def test_lab_uses_nothing_of_tests_but_fakes(pytestconfig: pytest.Config) -> None:
    imported = imported_below(pytestconfig.rootpath / "lab")
    assert "tests.fakes.virtual_loop" in imported
    ours = {name for name in imported if name.split(".")[0] == "tests"}
    assert {name for name in ours if not name.startswith("tests.fakes")} == set()


@pytest.mark.parametrize("folder", ["provider", "demo", "dags_examples", "tests/fakes"])
def test_nothing_below_lab_imports_it(folder: str, pytestconfig: pytest.Config) -> None:
    imported = imported_below(pytestconfig.rootpath / folder)
    assert {name for name in imported if name.split(".")[0] == "lab"} == set()
