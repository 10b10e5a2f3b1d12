"""Makes a cell's environment, with the wheel of this tree in it; knows uv, and nothing of tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lab.matrix.cells import YOUNGER

if TYPE_CHECKING:
    from lab.matrix.cells import Cell

ROOT = Path(__file__).parents[2]
MADE = ROOT / ".venv" / "matrix"
TESTS_NEED = (
    "pytest>=9",
    "pytest-asyncio>=1.4",
    "pytest-timeout>=2.4",
    "hypothesis>=6.140",
    "moto[server,s3]>=5.2",
    "s3fs>=2026.6",
    "obstore>=0.12",
    "pandas>=2.2",
    "apache-airflow-providers-openlineage>=2",  # one module of the shell is for it alone
    "openlineage-python>=1.26",
)
INSTALL_TIMEOUT_S = 900


class NotInstalled(Exception):
    """A cell's environment could not be made; the text is uv's own."""


def build_wheel() -> Path:
    """Build the wheel of this tree."""
    folder = MADE / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    _uv("build", "--quiet", "--wheel", "--out-dir", str(folder))
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(cell: Cell, wheel: Path) -> Path:
    """Make a new environment for the cell, and return its interpreter.

    Raises:
        NotInstalled: it could not be made.
    """
    release = cell.release
    folder = MADE / cell.name
    _uv("venv", "--quiet", "--clear", "--python", _interpreter(cell.python), str(folder))
    python = folder / "bin" / "python"
    bounds = ["--exclude-newer", release.until] if release.until else []
    for package, day in YOUNGER.items() if release.until else ():
        bounds += ["--exclude-newer-package", f"{package}={day}"]
    # Airflow's version is named beside the wheel, because the wheel's requirements could change it.
    wanted = [f"apache-airflow=={release.airflow}", str(wheel), *release.needs, *TESTS_NEED]
    _uv("pip", "install", "--quiet", "--python", str(python), *bounds, *wanted)
    return python


def _interpreter(version: str) -> str:
    """Return the Python of pyenv for this version, otherwise the version for uv to find or download."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = sorted(versions.glob(f"{version}.*/bin/python"))
    return str(found[-1]) if found else version


def _uv(*arguments: str) -> None:
    program = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    done = subprocess.run(
        [program, *arguments],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
    )
    if done.returncode:
        raise NotInstalled(done.stderr.strip())
