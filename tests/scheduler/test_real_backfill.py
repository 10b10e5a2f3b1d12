"""`airflow backfill create`, with a scheduler, an API server and processes for the tasks.

Takes minutes, so that it is run by `make backfill` and not by `make test`, where each day's run is
made without a scheduler.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from aimlapi_simulator.server import simulator_thread
from demo.children import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.s3_server import S3Server

pytestmark = [pytest.mark.scheduler, pytest.mark.timeout(1200)]

EXAMPLES = Path(__file__).parents[2] / "dags_examples"
DAG = "backfill_documents"
LOOK_EVERY_S = 1.0
RUNS = "SELECT state FROM dag_run WHERE dag_id = ? AND run_type = 'backfill'"
UNFINISHED = frozenset({"queued", "running"})


class Airflow:
    """An Airflow of its own: home, database, scheduler, API server."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self._home = home
        port = str(free_port(home / "port"))
        bundle = {
            "name": "examples",
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(EXAMPLES)},
        }
        self._environment = {
            **os.environ,
            **environment,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__API__PORT": port,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": "only-for-this-test-" * 4,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle]),
            "AIRFLOW__SCHEDULER__CREATE_CRON_DATA_INTERVALS": "False",
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",  # no run but a backfill's
        }

    def do(self, *words: str) -> None:
        """Run a command to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *words],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    @contextmanager
    def service(self, name: str) -> Iterator[None]:
        """A process beside the test, ended with it."""
        with (self._home / f"{name}.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "airflow", name],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                yield
            finally:
                process.terminate()
                process.wait()

    def backfill(self) -> list[str]:
        """The command that the example names; how its runs ended."""
        self.do(
            *("backfill", "create", "--dag-id", DAG),
            *("--from-date", "2026-01-01", "--to-date", "2026-01-03"),
            *("--max-active-runs", "2", "--reprocess-behavior", "completed"),
        )
        waiting = threading.Event()
        while UNFINISHED & set(states := self._states()) or not states:
            waiting.wait(LOOK_EVERY_S)
        return states

    def _states(self) -> list[str]:
        with closing(sqlite3.connect(self._home / "airflow.db")) as database:
            return [state for (state,) in database.execute(RUNS, [DAG])]

    def logs(self) -> str:
        """The end of what scheduler and API server said."""
        return "\n".join(path.read_text()[-3000:] for path in self._home.glob("*.log"))


@pytest.fixture
def airflow(tmp_path: Path, s3_server: S3Server, s3_bucket: str) -> Iterator[tuple[Airflow, Any]]:
    """Airflow with its services, and the simulator that its tasks meet."""
    with ExitStack() as stack:
        simulator = stack.enter_context(simulator_thread())
        connection = {"conn_type": "aimlapi", "host": simulator.url, "password": "sk-test"}
        made = Airflow(
            tmp_path,
            {
                "AIRFLOW_CONN_AIMLAPI_DEFAULT": json.dumps(connection),
                "AIMLAPI_EXAMPLE_LAKE": f"s3://{s3_bucket}",
            },
        )
        made.do("db", "migrate")
        made.do("dags", "reserialize")
        stack.enter_context(made.service("api-server"))
        stack.enter_context(made.service("scheduler"))
        yield made, simulator


def test_second_backfill_pays_for_the_changed_day_alone(
    airflow: tuple[Airflow, Any], s3_server: S3Server, s3_bucket: str
) -> None:
    made, simulator = airflow
    lake = pafs.S3FileSystem(
        endpoint_override=s3_server.url,
        access_key="test-key",
        secret_key="test-secret",
        region="us-east-1",
    )

    def put(day: int, texts: list[str]) -> None:
        path = f"{s3_bucket}/documents/ds=2026-01-0{day}/a.parquet"
        pq.write_table(pa.table({"text": texts}), path, filesystem=lake)

    for day in (1, 2, 3):
        put(day, [f"Text {day}.{number}" for number in range(5)])
    assert made.backfill() == ["success"] * 3, made.logs()
    assert simulator.ledger.billed_calls == 15

    put(2, ["New.", "And newer."])
    assert made.backfill() == ["success"] * 3, made.logs()
    assert simulator.ledger.billed_calls == 15 + 2

    assert made.backfill() == ["success"] * 3, made.logs()
    assert simulator.ledger.billed_calls == 15 + 2
