"""The demo's processes: apart from the caller's settings, and gone when the demo is."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from demo.children import ROOT, child, child_environment, free_port

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_child_gets_nothing_of_callers_airflow_python_and_cloud(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("VIRTUAL_ENV", "AIRFLOW_HOME", "AWS_PROFILE", "PYTHONPATH", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "the caller's")
    words = ["-c", "import json, os; print(json.dumps(dict(os.environ)))"]
    environment = child_environment({"AIRFLOW_HOME": "the demo's"})
    seen = json.loads(subprocess.check_output([sys.executable, *words], env=environment))
    assert "the caller's" not in seen.values()
    assert seen["AIRFLOW_HOME"] == "the demo's"
    assert seen["PATH"] == os.environ["PATH"]


def test_a_child_ends_with_its_block() -> None:
    with child(["http.server", "0"], {}, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert "Serving" in process.stdout.readline()
    assert process.returncode == -signal.SIGTERM


def test_child_ends_when_process_that_started_it_is_killed(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys\n"
        "from demo.children import child\n"
        "with child(['http.server', '0'], {}, stdout=subprocess.PIPE) as process:\n"
        "    process.stdout.readline()\n"
        "    print(process.pid, flush=True)\n"
        "    process.wait()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        watch = os.pidfd_open(pid)
        parent.kill()
    # The descriptor becomes readable when the process is gone, whoever its parent is by then.
    assert select.select([watch], [], [], 10)[0] == [watch]
    os.close(watch)


def test_port_stays_the_same_while_it_is_free(tmp_path: Path) -> None:
    remembered = tmp_path / "port"
    port = free_port(remembered)
    assert free_port(remembered) == port
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert free_port(remembered) != port
