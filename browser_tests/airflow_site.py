"""A real Airflow for a browser: a database and an API server of its own, and one DAG run at work."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import time
import urllib.request
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.error import URLError
from urllib.parse import quote

from demo.children import child

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
DAG_ID, TASK_ID, DAY = "ticket_summaries", "summarise", "2026-01-01"
USER, PASSWORD = "ada", "opens nothing but this test"
ADMIN = "grace"
START_S_MAX = 180.0


class AirflowSite:
    """Airflow in a folder, configured for a simulator by its environment alone.

    Attributes:
        url: the API server's address, without a slash at its end.
    """

    def __init__(self, folder: Path, *, api_url: str, arguments: dict[str, object]) -> None:
        self._folder = folder
        self._port = _free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        passwords = folder / "passwords.json"
        passwords.write_text(json.dumps({USER: PASSWORD, ADMIN: PASSWORD}))
        self._environment = {
            "AIRFLOW_HOME": str(folder / "home"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(HERE / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__AUTH_MANAGER": "browser_tests.private_dags.PrivateDags",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:viewer,{ADMIN}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            "AIRFLOW__API_AUTH__JWT_SECRET": "of 64 bytes at least, as those who sign are told to take, and more",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AIRFLOW_CONN_AIMLAPI_DEFAULT": json.dumps(
                {"conn_type": "aimlapi", "host": api_url, "password": "sk-never-to-be-seen-4711"}
            ),
            "AIMLAPI_ARGUMENTS": json.dumps(arguments),
        }
        self._children = ExitStack()

    def __enter__(self) -> Self:
        """Make the database, and start the server."""
        with self._run(["db", "migrate"]) as migration:
            assert migration.wait(START_S_MAX) == 0, self.log()
        self._children.enter_context(self._run(["api-server", "--port", str(self._port)]))
        self._wait_for_server()
        return self

    def __exit__(self, *_: object) -> None:
        """End what was started."""
        self._children.close()

    def start_run(self, day: str = DAY) -> subprocess.Popen[str]:
        """Start a DAG run. Its task works while the caller continues."""
        return self._children.enter_context(self._run(["dags", "test", DAG_ID, day]))

    def run_whole(self, dag_id: str) -> None:
        """Run another DAG to its end, whatever that is."""
        with self._run(["dags", "test", dag_id, DAY]) as process:
            process.wait(START_S_MAX)

    def start(self, dag_id: str) -> subprocess.Popen[str]:
        """Start another DAG, whose tasks work while the caller continues."""
        return self._children.enter_context(self._run(["dags", "test", dag_id, DAY]))

    def change_task(self, dag_id: str, **columns: object) -> None:
        """Change columns of a DAG's task instances, as the scheduler would."""
        changes = ", ".join(f"{name} = ?" for name in columns)
        with closing(sqlite3.connect(self._folder / "home" / "airflow.db", timeout=60)) as database:
            statement = f"UPDATE task_instance SET {changes} WHERE dag_id = ?"  # noqa: S608  our own names
            database.execute(statement, (*columns.values(), dag_id))
            database.commit()

    def run_id(self, dag_id: str = DAG_ID) -> str:
        """The run id of the DAG run, once Airflow knows it."""
        token = self._token()
        found = self._get(f"/api/v2/dags/{dag_id}/dagRuns", token)
        runs = found["dag_runs"] if found else []
        return str(runs[0]["dag_run_id"]) if runs else ""

    def has_told(self, run_id: str) -> bool:
        """Return whether the task has stored progress."""
        return self.state(run_id) != ""

    def state(self, run_id: str, dag_id: str = DAG_ID, task_id: str = TASK_ID) -> str:
        """Return the state in the task's last progress; empty if there is none."""
        told = self._progress(run_id, dag_id, task_id)
        return str(told["state"]) if told else ""

    def rows_done(self, run_id: str, dag_id: str, task_id: str) -> int:
        """Return the rows in the task's last progress; 0 if there is none."""
        told = self._progress(run_id, dag_id, task_id)
        return int(told["rows_done"]) if told else 0

    def tab(self, run_id: str) -> str:
        """The address of the tab in Airflow's own pages."""
        return f"{self.url}/dags/{DAG_ID}/runs/{quote(run_id, safe='')}/tasks/{TASK_ID}/plugin/aimlapi_run"

    def page(self, run_id: str, dag_id: str = DAG_ID, task_id: str = TASK_ID) -> str:
        """The address of the page by itself."""
        return f"{self.url}/aimlapi/page?dag_id={dag_id}&run_id={quote(run_id, safe='')}&task_id={task_id}"

    @property
    def runs_page(self) -> str:
        """The address of the page that lists runs, by itself."""
        return f"{self.url}/aimlapi/runs"

    def log(self) -> str:
        """Return the end of Airflow's output."""
        return (self._folder / "airflow.log").read_text(errors="replace")[-4000:]

    @contextmanager
    def _run(self, words: list[str]) -> Iterator[subprocess.Popen[str]]:
        with (
            (self._folder / "airflow.log").open("a") as log,
            child(
                ["airflow", *words], self._environment, stdout=log, stderr=subprocess.STDOUT
            ) as process,
        ):
            yield process

    def _wait_for_server(self) -> None:
        until_s = time.monotonic() + START_S_MAX
        while self._get("/api/v2/version") is None:
            assert time.monotonic() < until_s, self.log()
            time.sleep(0.3)

    def _progress(self, run_id: str, dag_id: str, task_id: str) -> dict[str, Any] | None:
        address = self.page(run_id, dag_id, task_id).replace("/aimlapi/page", "/aimlapi/progress")
        return self._get(address.removeprefix(self.url), self._token())

    def _token(self) -> str:
        request = urllib.request.Request(
            f"{self.url}/auth/token",
            data=json.dumps({"username": USER, "password": PASSWORD}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return str(json.load(answer)["access_token"])

    def _get(self, address: str, token: str = "") -> dict[str, Any] | None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(f"{self.url}{address}", headers=headers), timeout=10
            ) as answer:
                told: dict[str, Any] = json.load(answer)
                return told
        except (URLError, TimeoutError):
            return None


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
