"""CI, the README, the pre-commit hooks and the Makefile all run the same checks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from pathlib import Path

CHECKS = ["ruff", "formatting", "types", "imports", "pytest"]


@pytest.fixture
def root(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath


def commands(script: str) -> list[str]:
    """The lines of a shell script that do something."""
    lines = [line.strip() for line in script.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]


def make(folder: Path, *arguments: str, **variables: str) -> str:
    """What make prints, told nothing by a make around these tests."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    program = shutil.which("make")
    assert program is not None
    return subprocess.run(
        [program, *arguments],
        cwd=folder,
        env={**outside, **variables},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_the_gate_runs_the_command_that_the_readme_gives(root: Path) -> None:
    gate = commands((root / ".ci" / "run").read_text(encoding="utf-8"))
    assert len(gate) == 1
    readme = (root / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    offered = [
        line.split("#")[0].removeprefix("$ ").strip() for line in "".join(blocks).splitlines()
    ]
    assert gate[0] in offered


def test_the_gate_can_be_started(root: Path) -> None:
    assert os.access(root / ".ci" / "run", os.X_OK)


def test_make_test_sets_up_and_runs_every_check(root: Path) -> None:
    plan = make(root, "--dry-run", "--always-make", "test")
    tools = [
        "uv sync --locked",
        "ruff check",
        "ruff format --check",
        "mypy",
        "lint-imports",
        "-m pytest",
    ]
    places = [plan.index(tool) for tool in tools]
    assert places == sorted(places)


def test_the_quick_command_runs_no_slow_folder(root: Path) -> None:
    (command,) = [line for line in make(root, "-n", "quick").splitlines() if "-m pytest" in line]
    folders = [word for word in command.split() if word.startswith("tests")]
    assert folders == ["tests/unit", "tests/architecture"]


def test_the_hooks_run_what_the_gate_runs(root: Path) -> None:
    text = (root / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    hooks = [hook for repo in yaml.safe_load(text)["repos"] for hook in repo["hooks"]]
    entries = [hook["entry"] for hook in hooks if hook.get("stages") != ["commit-msg"]]
    assert entries == [f"make {check}" for check in CHECKS]


def test_help_names_every_command_that_people_type(root: Path) -> None:
    listing = make(root)
    names = {line.split()[1] for line in listing.splitlines()}
    daily = {"help", "setup", "test", "quick", "lint", "format", "demo", "demo-ui", "clean"}
    assert names == daily | {
        "attack",
        "benchmark",
        "live",
        "benchmark-peers",
        "benchmark-typed",
        "limits",
        "simulate",
        "soak",
        "providers",
        "backfill",
        "celery",
        "matrix",
        "test-browser",
        "warehouses",
    }


def test_without_uv_pip_fetches_it_into_the_tree(root: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copy(root / name, tree)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "bash", "touch", "awk"):
        found = shutil.which(name)
        assert found is not None
        (programs / name).symlink_to(found)
    plan = make(tree, "--dry-run", "setup", PATH=str(programs))
    assert plan.index("-m venv") < plan.index("pip install") < plan.index(".tools/bin/uv sync")


def test_the_environment_of_the_caller_stays_out(root: Path) -> None:
    elsewhere = dict.fromkeys(("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH"), "/elsewhere")
    seen = make(root, "--eval", "show: ; @env", "show", **elsewhere)
    assert "UV_PROJECT_ENVIRONMENT=.venv" in seen
    assert "/elsewhere" not in seen
