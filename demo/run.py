"""The whole demo: starts everything, runs the DAG, shows the results, stops everything."""

from __future__ import annotations

import fcntl
import json
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from demo import tickets
from demo.airflow_run import KEY, AirflowRun
from demo.children import ROOT, DemoFailed, free_port, simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.lake import Lake

DAG_ID, DAY = "summarise_documents", "2026-01-02"


def run_demo(folder: Path, *, latency_s: float = 0.5, max_concurrent: int = 16) -> None:
    """Run the demo and print each step.

    Args:
        folder: the folder for all files. A run finds there the results of earlier ones.
        latency_s: seconds until the simulated API answers.
        max_concurrent: calls at a time that it accepts before it answers 429.

    Raises:
        DemoFailed: the demo cannot continue.
    """
    with (
        alone_in(folder),
        simulator(
            latency_s=latency_s,
            max_concurrent=max_concurrent,
            port=free_port(folder / "simulator.port"),
            log=folder / "simulator.log",
        ) as api_url,
    ):
        print(
            f"API      {api_url}, simulated: answers in {latency_s} s, "
            f"refuses more than {max_concurrent} calls at a time"
        )
        _run_on_s3(folder, api_url)


def _run_on_s3(folder: Path, api_url: str) -> None:
    from demo.lake import BUCKET, Lake
    from demo.s3_server import S3Server

    with S3Server() as s3:
        lake = Lake(s3.url, folder / "lake")
        lake.fill(ROOT / "demo" / "data")
        print(f"S3       {s3.url}, bucket {BUCKET}, filled with State of the Union addresses")
        airflow = AirflowRun(
            home=folder / "airflow",
            dags=ROOT / "dags_examples",
            log=folder / "airflow.log",
            api_url=api_url,
            s3_url=s3.url,
        )
        print(f"Airflow  starting; its output goes to {shown(airflow.log)}", flush=True)
        tickets.make_warehouse(airflow.warehouse)
        balance_usd = _balance_usd(api_url)
        for dag_id in (tickets.DAG_ID, DAG_ID):
            _run_dag(airflow, lake, dag_id)
        print(f"\n{tickets.table_of_tickets(airflow.warehouse)}")
        _show_results(lake, balance_usd - _balance_usd(api_url))


def _run_dag(airflow: AirflowRun, lake: Lake, dag_id: str) -> None:
    from demo.lake import Saving

    airflow.migrate()
    print(f"\n{dag_id}, {DAY}:", flush=True)
    with Saving(lake):
        for message in airflow.test_dag(dag_id, DAY):
            print(f"  {message}", flush=True)


def _show_results(lake: Lake, paid_usd: float) -> None:
    from demo.results import newest_first, table_of

    folder = lake.output_folder / f"ds={DAY}"
    print(f"\n{table_of(folder)}\n")
    print("Answers  are simulated, and so is their cost. A real key gets real ones.")
    print(f"Results  {shown(folder)}/*.parquet, copied from the bucket")
    if paid_usd > 0:
        print(f"Paid     {paid_usd:.4f} USD, simulated. The next demo pays nothing.")
    else:
        print("Paid     nothing, because an earlier run has published all of it.")
    for report in newest_first(folder.glob("_aimlapi/*/report.html"))[:1]:
        print(f"Page     {report.resolve().as_uri()}   (open it in a browser)")
    print("Next     make demo-ui starts a whole Airflow with this page in it.")


def _balance_usd(api_url: str) -> float:
    request = urllib.request.Request(  # noqa: S310  our own simulator
        f"{api_url}/v2/billing", headers={"Authorization": f"Bearer {KEY}"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        return float(json.load(answer)["current_balance"])


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Let only one demo at a time write to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoFailed(
                f"Another demo is running in {shown(folder)}. Wait until it has ended."
            ) from None
        yield


def shown(path: Path) -> str:
    """Return a path relative to the current folder, if it is inside."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
