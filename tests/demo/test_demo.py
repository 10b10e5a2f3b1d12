"""`make demo` as a newcomer sees it: it works, it works again, and it pays once."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from demo.children import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = (
    "import sys; from pathlib import Path; from demo.run import run_demo; "
    "run_demo(Path(sys.argv[1]), latency_s=0.05)"
)
# What a developer's shell may hold; none of it may reach the demo's Airflow.
DISTURBING = {
    "AIRFLOW_HOME": "/nowhere",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://nobody@nowhere/nothing",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "VIRTUAL_ENV": "/nowhere",
    "HTTP_PROXY": "http://127.0.0.1:1",
}


def demo(folder: Path) -> str:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder)],
        cwd=ROOT,
        env={**os.environ, **DISTURBING},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert run.returncode == 0, run.stdout
    return run.stdout


@pytest.mark.airflow
@pytest.mark.timeout(300)
def test_it_runs_twice_and_pays_once(tmp_path: Path) -> None:
    first, second = demo(tmp_path), demo(tmp_path)

    assert "8 rows: 8 ok" in first
    assert "1   delivery  3        The delivery was left at a neighbour's door." in first
    assert "220 rows: 220 ok" in first
    assert "Paid     0." in first
    assert "Franklin D Roosevelt  1939" in first
    readme = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in readme if line.startswith("Franklin D Roosevelt")]
    assert len(rows) == 2
    assert set(rows) < set(first.splitlines())
    assert "8 rows: 8 ok · no calls" in second
    assert "220 rows: 220 ok · no calls" in second
    assert "Paid     nothing, because" in second
    published = tmp_path / "lake" / "document_summaries" / "ds=2026-01-02"
    assert (published / "_SUCCESS").exists()
    assert len(list(published.glob("*.parquet"))) == 7
    (report,) = published.glob("_aimlapi/*/report.html")
    for said in (first, second):
        assert f"Page     {report.as_uri()} " in said
        assert ", says the simulator." in said
    assert "<title>" in report.read_text(encoding="utf-8")
