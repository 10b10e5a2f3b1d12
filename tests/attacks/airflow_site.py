"""A real Airflow to attack: one database, and `airflow api-server` in processes of their own.

DAG runs are made through Airflow's API, by the user who may. What only a task or a lower layer can
write, and what is larger than the API takes, is written into the database.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil

from demo.children import child, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DAGS = Path(__file__).parent / "dags"
TEAMS = ("red", "blue")
PASSWORD = "opens nothing but this test"
START_S_MAX = 180.0
LOOK_EVERY_S = 0.3
ANSWER_S_MAX = 60.0
"""An answer that takes longer counts as none: the page promises ten seconds, on a machine at rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task instance, as the pages are asked for it."""

    dag_id: str
    run_id: str
    task_id: str = "complete"

    @property
    def query(self) -> dict[str, str]:
        """What names it in an address."""
        return {"dag_id": self.dag_id, "run_id": self.run_id, "task_id": self.task_id}


class Server:
    """A running api-server.

    Attributes:
        url: without a slash at its end. pid: of its process.
    """

    def __init__(self, url: str, pid: int) -> None:
        self.url, self.pid = url, pid
        self._clients: dict[str, httpx.Client] = {}

    def get(
        self, user: str, address: str, query: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Ask for an address as a user who has logged in; "" for one who has not."""
        return self._client(user).get(address, params=query)

    def post(self, user: str, address: str, body: object) -> httpx.Response:
        """Send JSON to an address of Airflow's API."""
        return self._client(user).post(address, json=body)

    def close(self) -> None:
        """Close the connections to it."""
        for client in self._clients.values():
            client.close()

    def _client(self, user: str) -> httpx.Client:
        """Return a client that sends the user's token, the same at each call."""
        if user not in self._clients:
            # No connection is kept: the server may close one just as a request is sent.
            limits = httpx.Limits(max_keepalive_connections=0)
            client = httpx.Client(
                base_url=self.url, timeout=ANSWER_S_MAX, trust_env=False, limits=limits
            )
            if user:
                login = {"username": user, "password": PASSWORD}
                token = client.post("/auth/token", json=login).json()["access_token"]
                client.headers["Authorization"] = f"Bearer {token}"
            self._clients[user] = client
        return self._clients[user]

    def start_run(self, user: str, dag_id: str, run_id: str) -> Task:
        """Make a DAG run, as a user who may."""
        body = {"dag_run_id": run_id, "logical_date": None}
        answer = self.post(user, f"/api/v2/dags/{dag_id}/dagRuns", body)
        assert answer.status_code in {200, 409}, answer.text
        return Task(dag_id=dag_id, run_id=run_id)

    def memory_bytes(self) -> int:
        """Return what the process and its children hold in memory."""
        process = psutil.Process(self.pid)
        return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))


class AirflowSite:
    """Airflow in a folder: its database with teams and DAGs, and servers over it.

    Args:
        variables: for all of its processes.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self._folder = folder
        self._passwords = folder / "passwords.json"
        users = ("ada", "bob", "eve", "root")
        self._passwords.write_text(json.dumps(dict.fromkeys(users, PASSWORD)))
        self._variables = {
            **variables,
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": "only for this test, and of 64 bytes at least, as advised ...",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__MULTI_TEAM": "True",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self._passwords),
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(
                [_bundle("plain"), *(_bundle(team, team_name=team) for team in TEAMS)]
            ),
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }

    def make(self) -> None:
        """Make the database, the teams and the DAGs."""
        self._do("db", "migrate")
        for team in TEAMS:
            self._do("teams", "create", team)
        self._do("dags", "reserialize")

    @contextmanager
    def server(self, name: str, variables: Mapping[str, str]) -> Iterator[Server]:
        """Run an api-server.

        Args:
            name: of its log. variables: beside those of the site.
        """
        port = free_port(self._folder / f"{name}.port")
        words = ("api-server", "--host", "127.0.0.1", "--port", str(port))
        with (
            self._process(name, variables, *words) as process,
            closing(Server(f"http://127.0.0.1:{port}", process.pid)) as server,
        ):
            self._wait_for(server, process, name)
            yield server

    def _wait_for(self, server: Server, process: subprocess.Popen[str], name: str) -> None:
        for _ in range(round(START_S_MAX / LOOK_EVERY_S)):
            if _answers(server):
                return
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_EVERY_S)
                break
        raise AssertionError(f"The api-server did not start:\n{self.log(name)}")

    def log(self, name: str) -> str:
        """Return all that a server logged."""
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def put_xcom(self, task: Task, key: str, value: object) -> None:
        """Leave a value in XCom; it takes the place of all others of the task."""
        self._execute(
            "DELETE FROM xcom WHERE dag_id = ? AND run_id = ? AND task_id = ?", *_names(task)
        )
        self._execute(
            "INSERT INTO xcom (dag_run_id, dag_id, run_id, task_id, key, value, map_index, timestamp) "
            "SELECT id, dag_id, run_id, ?, ?, ?, -1, '2026-01-01 00:00:00' FROM dag_run "
            "WHERE dag_id = ? AND run_id = ?",
            *(task.task_id, key, json.dumps(value), task.dag_id, task.run_id),
        )

    def put_fields(self, task: Task, fields: str | Mapping[str, object]) -> None:
        """Set the rendered fields of a task instance; a text is stored as it is."""
        text = fields if isinstance(fields, str) else json.dumps(fields)
        self._execute(
            "INSERT OR REPLACE INTO rendered_task_instance_fields "
            "(dag_id, run_id, task_id, map_index, rendered_fields) VALUES (?, ?, ?, -1, ?)",
            *(*_names(task), text),
        )

    def put_state(self, task: Task, text: str) -> None:
        """Set the progress in the task state store, whatever the text is."""
        self._execute(
            "INSERT OR REPLACE INTO task_state_store "
            "(dag_run_id, dag_id, run_id, task_id, map_index, key, value, updated_at) "
            "SELECT id, dag_id, run_id, ?, -1, 'aimlapi_progress', ?, '2026-01-01 00:00:00' "
            "FROM dag_run WHERE dag_id = ? AND run_id = ?",
            *(task.task_id, text, task.dag_id, task.run_id),
        )

    def _execute(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self._folder / "airflow.db", timeout=60)) as database:
            database.execute(statement, values)
            database.commit()

    def _do(self, *words: str) -> None:
        with self._process("setup", {}, *words) as process:
            assert process.wait(START_S_MAX) == 0, self.log("setup")

    @contextmanager
    def _process(
        self, name: str, variables: Mapping[str, str], *words: str
    ) -> Iterator[subprocess.Popen[str]]:
        with (
            (self._folder / f"{name}.log").open("a") as log,
            child(
                ["airflow", *words],
                {**self._variables, **variables},
                stdout=log,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            yield process


def _names(task: Task) -> tuple[str, str, str]:
    return (task.dag_id, task.run_id, task.task_id)


def _bundle(name: str, **more: str) -> dict[str, Any]:
    classpath = "airflow.dag_processing.bundles.local.LocalDagBundle"
    return {"name": name, "classpath": classpath, "kwargs": {"path": str(DAGS / name)}, **more}


def _answers(server: Server) -> bool:
    try:
        return server.get("", "/api/v2/version").status_code == 200
    except httpx.TransportError:
        return False
