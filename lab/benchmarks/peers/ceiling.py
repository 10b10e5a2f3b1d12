"""wrk, a load generator in C, as the ceiling: the most that machine and simulator can do.

It is taken from the PATH, or unpacked from Debian's packages into the folder of the peers,
which needs no root.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from lab.benchmarks.peers.environments import INSTALLED

UNPACKED = INSTALLED / "wrk"
PACKAGES = ("wrk", "libluajit-5.1-2", "libluajit-5.1-common")
SECONDS = 5
TIMEOUT_S = 60
SCRIPT = """
local bodies, n = {}, 0
for line in io.lines("%s") do bodies[#bodies + 1] = line end
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer benchmark-key"
request = function()
  n = n %% #bodies + 1
  return wrk.format(nil, "/v1/chat/completions", nil, bodies[n])
end
"""


def install() -> str:
    """Install wrk; return the reason if it cannot be installed."""
    if shutil.which("wrk") or _program().exists():
        return ""
    UNPACKED.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            _run(["apt-get", "download", *PACKAGES], folder)
            for package in Path(folder).glob("*.deb"):
                _run(["dpkg-deb", "--extract", str(package), str(UNPACKED)], folder)
    except (OSError, subprocess.SubprocessError) as error:
        return f"not installed: {error}"
    return ""


def measure(url: str, bodies: Path, in_flight: int) -> tuple[dict[str, Any], str]:
    """Report as a peer's script does, for the calls that were answered within some seconds.

    Args:
        bodies: requests as JSON, one a line.
    """
    program = shutil.which("wrk") or str(_program())
    library = next(UNPACKED.rglob("libluajit-5.1.so.2"), UNPACKED).parent
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text(SCRIPT % bodies, encoding="utf-8")
        command = [program, "-t1", f"-c{in_flight}", f"-d{SECONDS}s", "-s", str(script), url]
        before = _children_cpu_s()
        try:
            said = _run(command, folder, LD_LIBRARY_PATH=str(library))
        except (OSError, subprocess.SubprocessError) as error:
            return {}, f"wrk failed: {error}"
    cpu_s = _children_cpu_s() - before
    return _line(said, cpu_s, _version(program, library))


def _line(said: str, cpu_s: float, version: str) -> tuple[dict[str, Any], str]:
    answered = re.search(r"(\d+) requests in ([\d.]+)s", said)
    if answered is None or "Non-2xx" in said or "Socket errors" in said:
        return {}, f"wrk: {said.strip().splitlines()[-1]}"
    rows, seconds = int(answered[1]), float(answered[2])
    line = {"rows_asked": rows, "rows_done": rows, "wall_s": seconds, "calling_s": seconds}
    return {**line, "cpu_s": cpu_s, "versions": {"wrk": version}}, ""


def _version(program: str, library: Path) -> str:
    said = subprocess.run(
        [program, "-v"],
        env={**os.environ, "LD_LIBRARY_PATH": str(library)},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    ).stdout
    return said.split()[1]


def _program() -> Path:
    return UNPACKED / "usr" / "bin" / "wrk"


def _run(command: list[str], folder: str, **variables: str) -> str:
    """Run a command, and return its output.

    Raises:
        subprocess.SubprocessError: for a failure or a time-out.
        OSError: if there is no such program.
    """
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
        timeout=TIMEOUT_S,
    ).stdout


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
