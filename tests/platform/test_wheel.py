"""The wheel that users install holds both packages, and works outside this tree."""

from __future__ import annotations

import ast
import importlib.metadata
import itertools
import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

# Run by the fresh environment's Python, in an empty folder: what it finds comes from the wheel.
PROBE = """
import importlib.metadata, importlib.resources, json
import aimlapi_simulator, airflow_provider_aimlapi

[entry] = [
    entry
    for entry in importlib.metadata.entry_points(group="apache_airflow_provider")
    if entry.dist.name == "airflow-provider-aimlapi"
]
packages = [aimlapi_simulator, airflow_provider_aimlapi]
print(json.dumps({
    "files": [package.__file__ for package in packages],
    "typed": [importlib.resources.files(package).joinpath("py.typed").is_file() for package in packages],
    "version": importlib.metadata.version("airflow-provider-aimlapi"),
    "info": entry.load()(),
}))
"""

# The same, for a job as users write one: an operator, local folders, the simulator.
JOB = """
import json, os, sys
import pyarrow as pa, pyarrow.parquet as pq
import airflow_provider_aimlapi
from aimlapi_simulator import simulator_thread
from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

os.mkdir("in")
pq.write_table(pa.table({"text": ["one", None, "three"]}), "in/texts.parquet")
with simulator_thread() as simulator:
    os.environ["AIRFLOW_CONN_AIMLAPI_DEFAULT"] = json.dumps(
        {"conn_type": "aimlapi", "host": simulator.url, "password": "key"}
    )
    summary = ClaudeCompletionOperator(
        task_id="alone",
        input_path=os.path.abspath("in"),
        output_path=os.path.abspath("out"),
        prompt="Repeat: {text}",
    ).execute({})
print(json.dumps({
    "file": airflow_provider_aimlapi.__file__,
    "path": sys.path,
    "summary": summary,
    "paid_calls": simulator.ledger.billed_calls,
    "rows": pq.read_table("out", partitioning=None).select(["text", "completion"]).to_pylist(),
}))
"""
OUR_PACKAGES = frozenset({"airflow_provider_aimlapi", "aimlapi_simulator"})
# Imported by one method alone, which only Airflow before 3.2 calls, and which brings it then.
LENT_BY_AIRFLOW = frozenset({"wtforms"})


UV = Path(sys.executable).parent / "uv"
PACKAGES = importlib.metadata.packages_distributions()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command: list[str | Path] = [UV, "build", "--quiet", "--wheel", "--out-dir", folder]
    subprocess.run(command, cwd=pytestconfig.rootpath, check=True)
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def fresh_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel in it, which sees this one's packages, but not this tree."""
    folder = tmp_path_factory.mktemp("fresh")
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    command: list[str | Path] = [
        UV,
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--python",
        python,
        wheel,
    ]
    subprocess.run(command, check=True)
    [packages] = (folder / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return python


def test_the_wheel_holds_both_packages_and_the_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    top = {name.split("/")[0] for name in names}
    metadata = {name for name in top if name.endswith(".dist-info")}
    assert top - metadata == {"airflow_provider_aimlapi", "aimlapi_simulator"}
    [metadata_folder] = metadata
    assert f"{metadata_folder}/licenses/LICENSE" in names
    assert not [name for name in names if "test" in name or name.endswith(".pyc")]


def run_outside_of_tree(command: list[str | Path], folder: Path) -> str:
    """What `command` prints in an empty folder, without this tree on Python's path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(
        command, cwd=folder, env=environment, check=False, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_wheel_works_outside_the_tree(fresh_python: Path, tmp_path: Path) -> None:
    found = json.loads(run_outside_of_tree([fresh_python, "-c", PROBE], tmp_path))
    environment = str(fresh_python.parent.parent)
    assert all(file.startswith(environment) for file in found["files"])
    assert found["typed"] == [True, True]
    assert found["version"] == "0.1.0"
    assert found["info"]["package-name"] == "airflow-provider-aimlapi"
    [connection] = found["info"]["connection-types"]
    assert connection["connection-type"] == "aimlapi"


def test_a_job_runs_from_the_wheel(
    fresh_python: Path, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    printed = run_outside_of_tree([fresh_python, "-c", JOB], tmp_path)
    told = json.loads(printed.splitlines()[-1])
    assert told["file"].startswith(str(fresh_python.parent.parent))
    assert str(pytestconfig.rootpath / "provider") not in told["path"]
    assert (told["summary"]["ok"], told["summary"]["skipped"]) == (2, 1)
    assert told["paid_calls"] == 2
    assert [row["text"] for row in told["rows"]] == ["one", None, "three"]
    assert [bool(row["completion"]) for row in told["rows"]] == [True, False, True]


def imported_modules(file: Path) -> set[str]:
    """The first names of all modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(f"{node.module}.{node.names[0].name}")
    return found


def distributions_of(module: str) -> set[str]:
    """The names of what was installed to bring a module, in the one spelling of all names."""
    first, *_ = module.split(".")
    known = PACKAGES.get(first, [])
    if first == "airflow":  # many distributions share this name: whose file is it?
        if not module.startswith("airflow.providers."):
            return {"apache-airflow"}
        name, *rest = module.split(".")[2:4]  # as in openlineage, or in common.compat
        parts = {name, "-".join((name, *rest))}
        return {f"apache-airflow-providers-{part}" for part in parts}
    return {canonical(name) for name in known}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_what_is_imported_is_declared(pytestconfig: pytest.Config) -> None:
    project = tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *itertools.chain(*extras)]
    declared = {canonical(re.split(r"[\[<>=~! ]", line)[0]) for line in wanted}
    undeclared = {
        f"{file.name}: {module}"
        for file in (pytestconfig.rootpath / "provider").rglob("*.py")
        for module in imported_modules(file)
        if module.split(".")[0] not in sys.stdlib_module_names | OUR_PACKAGES | LENT_BY_AIRFLOW
        and declared.isdisjoint(distributions_of(module))
    }
    assert undeclared == set()


def test_the_simulator_starts_from_the_wheel(fresh_python: Path, tmp_path: Path) -> None:
    usage = run_outside_of_tree([fresh_python, "-m", "aimlapi_simulator", "--help"], tmp_path)
    assert "--port" in usage
