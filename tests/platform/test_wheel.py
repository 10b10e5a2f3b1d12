"""The wheel that users install holds both packages, and works outside this tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
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


UV = Path(sys.executable).parent / "uv"


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


def test_the_simulator_starts_from_the_wheel(fresh_python: Path, tmp_path: Path) -> None:
    usage = run_outside_of_tree([fresh_python, "-m", "aimlapi_simulator", "--help"], tmp_path)
    assert "--port" in usage
