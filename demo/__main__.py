"""`python -m demo`: an example DAG over real texts, without a key, an account or a container.

Everything it makes lies in .demo/ beside this package; `make clean` removes it.
"""

from __future__ import annotations

import fcntl
import json
import signal
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from demo.children import DemoFailed, free_port, simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.lake import Lake

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".demo"
DAG_ID, DAY = "summarise_documents", "2026-01-02"
LATENCY_S, MAX_CONCURRENT = 0.5, 16


def main() -> int:
    """Exit status: 0 when the DAG ran, 1 when something failed, 130 after Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))  # both end it the same way
    try:
        with _only_one():
            run_demo()
    except DemoFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What was paid for is kept: the next run goes on from there.")
        return 130
    return 0


def run_demo() -> None:
    """Start everything, run the DAG, show what came out, stop everything."""
    from demo.s3_server import S3Server

    with (
        simulator(
            latency_s=LATENCY_S,
            max_concurrent=MAX_CONCURRENT,
            port=free_port(FOLDER / "simulator.port"),
            log=FOLDER / "simulator.log",
        ) as api_url,
        S3Server() as s3,
    ):
        from demo.lake import BUCKET, Lake

        print(
            f"API      {api_url}, simulated: answers in {LATENCY_S} s, "
            f"refuses more than {MAX_CONCURRENT} calls at a time"
        )
        print(f"S3       {s3.url}, bucket {BUCKET}, filled with State of the Union addresses")
        lake = Lake(s3.url, FOLDER / "lake")
        lake.fill(ROOT / "demo" / "data")
        paid_usd = _run_dag(lake, api_url, s3.url)
        _show_results(lake, paid_usd)


def _run_dag(lake: Lake, api_url: str, s3_url: str) -> float:
    """Run the DAG; gives what the account was charged meanwhile."""
    from demo.airflow_run import AirflowRun
    from demo.lake import Saving

    log = FOLDER / "airflow.log"
    log.write_text("", encoding="utf-8")
    airflow = AirflowRun(
        home=FOLDER / "airflow",
        dags=ROOT / "dags_examples",
        log=log,
        api_url=api_url,
        s3_url=s3_url,
    )
    print(f"Airflow  starting; all that it says goes to {_shown(log)}")
    airflow.migrate()
    balance_usd = _balance_usd(api_url)
    print(f"\n{DAG_ID}, {DAY}:")
    with Saving(lake):
        for message in airflow.test_dag(DAG_ID, DAY):
            print(f"  {message}", flush=True)
    return balance_usd - _balance_usd(api_url)


def _show_results(lake: Lake, paid_usd: float) -> None:
    from demo.results import table_of

    folder = lake.output_folder / f"ds={DAY}"
    print(f"\n{table_of(folder)}\n")
    print(f"Results  {_shown(folder)}/*.parquet, a copy of the bucket's")
    if paid_usd > 0:
        print(
            f"Paid     {paid_usd:.4f} USD, by the simulated account. Run it again: it pays nothing."
        )
    else:
        print("Paid     nothing this time: all of it was published by an earlier run.")


def _balance_usd(api_url: str) -> float:
    request = urllib.request.Request(  # noqa: S310  our own simulator
        f"{api_url}/v2/billing", headers={"Authorization": "Bearer simulated-key"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        return float(json.load(answer)["current_balance"])


@contextmanager
def _only_one() -> Iterator[None]:
    """Two demos at once would write the same folder."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoFailed(f"Another demo is running in {_shown(FOLDER)}.") from None
        yield


def _shown(path: Path) -> str:
    """A path relative to where the user stands, if it is below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


if __name__ == "__main__":
    sys.exit(main())
