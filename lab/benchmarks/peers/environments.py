"""Installs each peer in an environment of its own, from its own lock file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from lab.benchmarks.peers.simulated import ROOT

PROJECTS = Path(__file__).parent / "environments"
INSTALLED = ROOT / ".venv" / "peers"
INSTALL_TIMEOUT_S = 600


def python_of(environment: str) -> Path:
    """Return the interpreter of a peer's environment."""
    return INSTALLED / environment / "bin" / "python"


def install(environment: str) -> str:
    """Make an environment from its lock file; return the reason if that fails."""
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    command = [uv, "sync", "--locked", "--quiet", "--project", str(PROJECTS / environment)]
    variables = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(INSTALLED / environment)}
    try:
        done = subprocess.run(
            command,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"not installed: {error}"
    if done.returncode:
        return f"not installed: {done.stderr.strip().splitlines()[-1]}"
    return ""
