"""Run by a cell's Python: one DAG from end to end over local files, against the simulator.

Airflow's own commands make the database and run the DAG, so that nothing here depends on its version.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from aimlapi_simulator import simulator_thread

AIRFLOW = (sys.executable, "-m", "airflow")
TEXTS = ["one", None, "three"]


def main() -> None:
    """Print what came of it as JSON; anything unexpected ends this with a traceback."""
    folder = Path(os.environ["AIMLAPI_MATRIX_FOLDER"])
    (folder / "in").mkdir(parents=True)
    pq.write_table(pa.table({"text": TEXTS}), folder / "in" / "texts.parquet")
    with simulator_thread() as simulator:
        os.environ["AIRFLOW_CONN_AIMLAPI_DEFAULT"] = json.dumps(
            {"conn_type": "aimlapi", "host": simulator.url, "password": "sk-of-the-matrix"}
        )
        subprocess.run([*AIRFLOW, "db", "migrate"], check=True)
        # As a DAG processor does. The page reads what it stores.
        subprocess.run([*AIRFLOW, "dags", "reserialize"], check=True)
        subprocess.run([*AIRFLOW, "dags", "test", "matrix_probe", "2026-01-01"], check=True)
        paid_calls = simulator.ledger.billed_calls
    seen = json.loads((folder / "seen.json").read_text(encoding="utf-8"))
    rows = _completed(folder / "out")
    if [row["text"] for row in rows] != TEXTS or not rows[0]["completion"]:
        raise AssertionError(f"the DAG wrote other rows than it should have: {rows}")
    if [row["text"] for row in _completed(folder / "from_records")] != ["four", "five"]:
        raise AssertionError("the task written as a function wrote other rows than it returned")
    if not seen["answer"] or paid_calls != 5:
        raise AssertionError(f"{paid_calls} calls were paid, not 5; the single one: {seen}")
    page = _page()
    if page != {"rows": {"complete": 3, "records": 2}, "reads_state_store": seen["state_store"]}:
        raise AssertionError(f"the run page shows something else: {page}")
    found = {"rows": len(rows), "paid_calls": paid_calls, "state_store": seen["state_store"]}
    sys.stdout.write("\n" + json.dumps(found) + "\n")


def _page() -> dict[str, object]:
    """Return the report of the page probe."""
    probe = Path(__file__).with_name("page_probe.py")
    done = subprocess.run([sys.executable, probe], check=True, stdout=subprocess.PIPE, text=True)
    page: dict[str, object] = json.loads(done.stdout.rstrip().splitlines()[-1])
    return page


def _completed(folder: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pq.read_table(folder, partitioning=None).to_pylist()
    return rows


if __name__ == "__main__":
    main()
