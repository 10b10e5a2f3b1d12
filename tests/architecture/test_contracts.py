"""The import contracts of pyproject.toml hold, and each of them can fail."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"
FOR_TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "

PACKAGE = "airflow_provider_aimlapi"
# Modules that break a contract, each in a way of its own: the contract, the module, its text.
# An empty module is in no layer. All are in the tree at once, and none imports another.
VIOLATIONS = [
    ("Imports point down", "core.texts.above", f"import {PACKAGE}.engine"),
    ("Imports point down", "api.beside", f"import {PACKAGE}.storage"),
    ("Imports point down", "utils", ""),
    ("Inside core", "core.pacing.above", f"import {PACKAGE}.core.reporting.run_summary"),
    ("Inside core", "core.unlisted", ""),
    ("Inside engine", "engine.runtime.above", f"import {PACKAGE}.engine.calls.limiter"),
    ("Inside engine", "engine.unlisted", ""),
    ("Inside storage", "storage.stores.above", f"import {PACKAGE}.storage.output.changes"),
    ("Inside storage", "storage.unlisted", ""),
    ("The core does no I/O", "core.texts.impure", "import time"),
    ("Only decorators, hooks, operators and plugins", "engine.calls.scheduled", "import airflow"),
    ("Only api imports httpx", "storage.runs.connected", "import httpx"),
    ("Only storage imports pyarrow", "engine.calls.columnar", "import pyarrow"),
    ("Only engine imports tenacity", "hooks.persistent", "import tenacity"),
    ("Only operators report", "engine.reporting.traced", "import opentelemetry"),
    ("The simulator and the provider", "core.texts.simulated", "import aimlapi_simulator.limits"),
]
# The contract names the imports between siblings that close a cycle, not the modules.
CYCLE = ("operators.telemetry.cyclic", f"{FOR_TYPES}import {PACKAGE}.operators.claude")
CYCLE_CONTRACT = "No cycles between siblings"


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree / "provider")},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def copy_of_tree(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("tree")
    shutil.copy(pytestconfig.rootpath / "pyproject.toml", tree)
    shutil.copytree(pytestconfig.rootpath / "provider", tree / "provider")
    return tree


def test_the_contracts_hold(copy_of_tree: Path) -> None:
    check = lint_imports(copy_of_tree)
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.fixture(scope="module")
def findings(copy_of_tree: Path) -> dict[str, str]:
    """Inject all violations, and return what is found, for each broken contract."""
    for module, text in [entry[1:] for entry in VIOLATIONS] + [CYCLE]:
        file = copy_of_tree / "provider" / PACKAGE / f"{module.replace('.', '/')}.py"
        file.write_text(text, encoding="utf-8")
    check = lint_imports(copy_of_tree)
    assert check.returncode == 1, check.stdout + check.stderr
    _, _, broken = check.stdout.partition("Broken contracts")
    sections = re.split(r"^(\S.*)\n-{3,}\n", broken, flags=re.MULTILINE)
    return dict(zip(sections[1::2], sections[2::2], strict=True))


def findings_of(contract: str, findings: dict[str, str]) -> str:
    return next((text for name, text in findings.items() if name.startswith(contract)), "")


@pytest.mark.parametrize(("contract", "module", "text"), VIOLATIONS)
def test_each_violation_breaks_its_contract(
    contract: str, module: str, text: str, findings: dict[str, str]
) -> None:
    found = findings_of(contract, findings)
    assert f"- {PACKAGE}.{module}{' ->' if text else ''}" in re.sub(r"- +", "- ", found)


def test_a_cycle_of_types_breaks_its_contract(findings: dict[str, str]) -> None:
    assert "- .telemetry -> .claude" in findings_of(CYCLE_CONTRACT, findings)


def test_each_contract_has_a_violation(pytestconfig: pytest.Config) -> None:
    settings = tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text("utf-8"))
    tried = (*(contract for contract, _, _ in VIOLATIONS), CYCLE_CONTRACT)
    contracts = settings["tool"]["importlinter"]["contracts"]
    assert contracts
    assert [one["name"] for one in contracts if not one["name"].startswith(tried)] == []
