"""The import contracts of pyproject.toml hold, and each of them can fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"
PROVIDER = "provider/airflow_provider_aimlapi"

FOR_TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "

# A module that breaks a contract, what it says, and the contract.
VIOLATIONS = [
    (f"{PROVIDER}/core/intruder.py", "import time", "The core does no I/O"),
    (
        f"{PROVIDER}/core/intruder.py",
        "import airflow_provider_aimlapi.engine",
        "Imports point down",
    ),
    (
        f"{PROVIDER}/api/intruder.py",
        "import airflow_provider_aimlapi.storage",
        "Imports point down",
    ),
    (f"{PROVIDER}/utils.py", "", "Imports point down"),
    (
        f"{PROVIDER}/core/pacing/intruder.py",
        "import airflow_provider_aimlapi.core.reporting.run_summary",
        "Inside core",
    ),
    (f"{PROVIDER}/core/intruder.py", "", "Inside core"),
    (
        f"{PROVIDER}/engine/runtime/intruder.py",
        "import airflow_provider_aimlapi.engine.calls.limiter",
        "Inside engine",
    ),
    (f"{PROVIDER}/engine/intruder.py", "", "Inside engine"),
    (
        f"{PROVIDER}/storage/stores/intruder.py",
        "import airflow_provider_aimlapi.storage.output.changes",
        "Inside storage",
    ),
    (f"{PROVIDER}/storage/intruder.py", "", "Inside storage"),
    (
        f"{PROVIDER}/operators/telemetry/intruder.py",
        FOR_TYPES + "import airflow_provider_aimlapi.operators.claude",
        "No cycles between siblings",
    ),
    (
        f"{PROVIDER}/engine/intruder.py",
        "import airflow",
        "Only decorators, hooks, operators and plugins know Airflow",
    ),
    (f"{PROVIDER}/storage/intruder.py", "import httpx", "Only api imports httpx"),
    (f"{PROVIDER}/engine/intruder.py", "import pyarrow", "Only storage imports pyarrow"),
    (f"{PROVIDER}/hooks/intruder.py", "import tenacity", "Only engine imports tenacity"),
    (f"{PROVIDER}/engine/intruder.py", "import opentelemetry", "Only operators tell"),
    (
        "provider/aimlapi_simulator/intruder.py",
        "import airflow_provider_aimlapi.core",
        "The simulator and the provider share no code",
    ),
]


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


@pytest.mark.parametrize(("module", "text", "contract"), VIOLATIONS)
def test_a_violation_is_seen(copy_of_tree: Path, module: str, text: str, contract: str) -> None:
    intruder = copy_of_tree / module
    intruder.write_text(text, encoding="utf-8")
    try:
        check = lint_imports(copy_of_tree)
    finally:
        intruder.unlink()
    assert check.returncode == 1, check.stdout + check.stderr
    broken = [line for line in check.stdout.splitlines() if " BROKEN" in line]
    assert any(line.startswith(contract) for line in broken), check.stdout
