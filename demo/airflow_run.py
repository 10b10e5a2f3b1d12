"""Runs a real Airflow in the demo's own AIRFLOW_HOME: one DAG run at a time, each on a new database."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from contextlib import closing
from importlib.metadata import version
from typing import TYPE_CHECKING

from demo import lake
from demo.children import DemoFailed, child

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

TAIL_LINES = 25
LINE_CHARACTERS_MAX = 200
KEY = "simulated-key"
_OURS = re.compile(
    r"\[(?:info|warning|error) *\] (?P<message>.*?) +\[(?:airflow\.task\.\w+\.)?"
    r"airflow_provider_aimlapi[\w.]*\]"
)
_AFTERMATH = "::group::Post Execute"  # follows the traceback of a failure
_FAILED = re.compile(r"\[error *\] Task failed with exception ")


class AirflowRun:
    """Airflow, configured for a simulator and an S3 server by its environment alone.

    Attributes:
        log: the file with Airflow's whole output.
        warehouse: the DuckDB file that examples load their results into.
        environment: the variables of its processes.
    """

    def __init__(self, *, home: Path, dags: Path, log: Path, api_url: str, s3_url: str) -> None:
        self.log = log
        self.warehouse = home.with_name("warehouse.duckdb")
        self._home = home
        # The environment is all that Airflow gets: no airflow.cfg of the user, no AWS profile.
        self.environment = {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AIRFLOW_CONN_AIMLAPI_DEFAULT": json.dumps(
                {"conn_type": "aimlapi", "host": api_url, "password": KEY}
            ),
            "AIMLAPI_EXAMPLE_INPUT": f"s3://{lake.BUCKET}/{lake.INPUT}",
            "AIMLAPI_EXAMPLE_OUTPUT": f"s3://{lake.BUCKET}/{lake.OUTPUT}",
            "AIMLAPI_EXAMPLE_LAKE": f"s3://{lake.BUCKET}",
            "AIMLAPI_EXAMPLE_WAREHOUSE": str(self.warehouse),
            "AWS_ENDPOINT_URL": s3_url,
            "AWS_ACCESS_KEY_ID": lake.ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": lake.SECRET_KEY,
            "AWS_DEFAULT_REGION": lake.REGION,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def migrate(self) -> None:
        """Give Airflow a copy of a new database.

        Raises:
            DemoFailed: Airflow cannot make one. The text holds the end of its log.
        """
        # Making a database takes seconds, so one is made and kept. Each run gets a copy, because an older
        # run's entries, such as the assets of an example that has changed, would disturb the next run.
        database = self._home / "airflow.db"
        pristine = self._home / f"migrated-{version('apache-airflow')}.db"
        if not pristine.exists():
            shutil.rmtree(self._home, ignore_errors=True)  # incomplete, or of another version
            for _ in self._lines(["db", "migrate"], "make its database"):
                pass
            database.rename(pristine)
        for leftover in self._home.glob("airflow.db*"):
            leftover.unlink()
        shutil.copyfile(pristine, database)

    def test_dag(self, dag_id: str, day: str) -> Iterator[str]:
        """Run a DAG for a day, and yield the provider's own log lines as they appear.

        Raises:
            DemoFailed: the run failed. The text holds the end of Airflow's log.
        """
        self.log.write_text("", encoding="utf-8")
        what = f"run {dag_id} for {day}"
        has_failed = False
        with closing(self._lines(["dags", "test", dag_id, day], what)) as lines:
            for line in lines:
                if ours := _OURS.search(line):
                    yield ours["message"]
                has_failed = has_failed or _FAILED.search(line) is not None
                if has_failed and _AFTERMATH in line:
                    # Airflow would now wait for a retry, which a demo must not do.
                    raise DemoFailed(self._failure(what))

    def _lines(self, words: list[str], what: str) -> Generator[str]:
        self._home.mkdir(parents=True, exist_ok=True)
        with (
            self.log.open("a", encoding="utf-8") as log,
            child(
                ["airflow", *words],
                self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            assert process.stdout is not None  # noqa: S101  stdout is a pipe
            for line in process.stdout:
                log.write(line)
                log.flush()
                yield line
            if process.wait() != 0:
                raise DemoFailed(self._failure(what))

    def _failure(self, what: str) -> str:
        lines = self.log.read_text(encoding="utf-8").splitlines()[-TAIL_LINES:]
        return "\n".join(
            [
                f"Airflow could not {what}. The end of {self.log}:",
                *(f"  {one[:LINE_CHARACTERS_MAX]}" for one in lines),
            ]
        )
