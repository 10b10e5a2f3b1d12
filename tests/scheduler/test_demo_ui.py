"""`make demo-ui` as a newcomer uses it: open, log in, see a run succeed, Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from demo.children import ROOT
from demo.ui import AirflowSite

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.scheduler, pytest.mark.timeout(600)]

SCRIPT = (
    "import sys; from pathlib import Path; from demo.ui import run_site; "
    "run_site(Path(sys.argv[1]), latency_s=0.05)"
)
RUNS = "/api/v2/dags/summarise_documents/dagRuns"


def state_of_the_run(site: AirflowSite) -> str:
    """Wait until the run has ended, and return its state."""
    pause = threading.Event()
    while True:
        (run,) = site.call("GET", RUNS)["dag_runs"]
        if run["state"] not in {"queued", "running"}:
            return str(run["state"])
        pause.wait(1.0)


def test_airflow_lists_the_examples_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "AIRFLOW_HOME": "/nowhere"},
        stdout=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        said = ""
        while "Stop     Ctrl-C" not in said:
            line = demo.stdout.readline()
            assert line, said
            said += line
        started = psutil.Process(demo.pid).children(recursive=True)
        assert len(started) >= 5
        match = re.search(r"http://localhost:(\d+) +user admin, password (\S+)", said)
        assert match is not None
        site = AirflowSite(int(match[1]), match[2])
        site.log_in()
        assert "summarise_documents" in site.dag_ids()
        assert state_of_the_run(site) == "success"
        demo.send_signal(signal.SIGINT)
        demo.wait(90)
    _, left = psutil.wait_procs(started, timeout=10)
    assert left == []
    assert list((tmp_path / "lake").rglob("_SUCCESS"))
