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
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.scheduler, pytest.mark.timeout(600)]

SCRIPT = (
    "import sys; from pathlib import Path; from demo.ui import run_site; "
    "run_site(Path(sys.argv[1]), latency_s=0.05)"
)
DAY = "2026-01-02"
WITHOUT_TEXTS = ("enrich_tickets", "triage_tickets", "triage_feedback", "write_headline")
"""Examples with an input of their own."""


def state_of_the_run(site: AirflowSite, dag_id: str) -> str:
    """Wait until the only run of a DAG has ended, and return its state."""
    pause = threading.Event()
    while True:
        (run,) = site.call("GET", f"/api/v2/dags/{dag_id}/dagRuns")["dag_runs"]
        if run["state"] not in {"queued", "running"}:
            return str(run["state"])
        pause.wait(1.0)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The demo as a process, which a failed test ends as Ctrl-C does."""
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "AIRFLOW_HOME": "/nowhere"},
        stdout=subprocess.PIPE,
        text=True,
    ) as demo:
        yield demo
        if demo.poll() is None:
            demo.send_signal(signal.SIGINT)


def printed(demo: subprocess.Popen[str], until: str) -> str:
    """Return what the demo prints up to some words."""
    assert demo.stdout is not None
    text = ""
    while until not in text:
        line = demo.stdout.readline()
        assert line, text
        text += line
    return text


def test_airflow_runs_the_examples_and_ends_with_ctrl_c(
    demo: subprocess.Popen[str], tmp_path: Path
) -> None:
    text = printed(demo, until="Stop     Ctrl-C")
    started = psutil.Process(demo.pid).children(recursive=True)
    assert len(started) >= 5
    match = re.search(r"http://localhost:(\d+) +user admin, password (\S+)", text)
    assert match is not None
    site = AirflowSite(int(match[1]), match[2])
    site.log_in()
    assert "summarise_documents" in site.dag_ids()
    assert state_of_the_run(site, "summarise_documents") == "success"
    for dag_id in WITHOUT_TEXTS:
        site.trigger(dag_id, DAY)
        assert state_of_the_run(site, dag_id) == "success", dag_id
    demo.send_signal(signal.SIGINT)
    demo.wait(90)
    _, left = psutil.wait_procs(started, timeout=10)
    assert left == []
    assert list((tmp_path / "lake").rglob("_SUCCESS"))
