"""A real Airflow in this process, with a database of its own and the simulator as the API.

Importing Airflow costs seconds, so it happens once, inside the fixtures. DAGs are found in two
bundles: the examples as they are committed, and `dags/` beside this file.
"""

from __future__ import annotations

import itertools
import json
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from aimlapi_simulator.server import simulator_thread
from airflow_provider_aimlapi.api.http.environment import CERTIFICATE_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimlapi_simulator.faults.script import Script
    from aimlapi_simulator.ledger import Record
    from aimlapi_simulator.server import Simulator
    from demo.s3_server import S3Server

FIRST_RUN = datetime(2026, 1, 1, tzinfo=UTC)
RUNS = itertools.count()
KEY = "sk-never-to-be-seen-4711"
HERE = Path(__file__).parent
BUNDLES = {"examples": HERE.parents[1] / "dags_examples", "tests": HERE / "dags"}
os.environ["AIRFLOW__API_AUTH__JWT_SECRET"] = (
    "a secret of 64 bytes at least, as those who sign are told today ..."
)
os.environ["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"] = json.dumps(
    [
        {
            "name": name,
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(path)},
        }
        for name, path in BUNDLES.items()
    ]
)


@dataclass(frozen=True)
class Api:
    """The simulated API and what it saw."""

    simulator: Simulator

    @property
    def completions(self) -> list[Record]:
        """Requests for completions, whatever became of them."""
        return [
            record
            for record in self.simulator.ledger.requests
            if record.path.endswith("/chat/completions")
        ]

    @property
    def paid_calls(self) -> int:
        return self.simulator.ledger.billed_calls

    def follow(self, script: Script) -> None:
        self.simulator.follow(script)


@dataclass(frozen=True)
class Lake:
    """A bucket, and Parquet in it."""

    bucket: str
    fs: pafs.S3FileSystem

    def url(self, path: str) -> str:
        return f"s3://{self.bucket}/{path}"

    def put(self, path: str, columns: dict[str, list[Any]]) -> None:
        pq.write_table(pa.table(columns), f"{self.bucket}/{path}", filesystem=self.fs)

    def table_of(self, name: str) -> pa.Table:
        return pq.read_table(name, filesystem=self.fs, partitioning=None)

    def names(self, folder: str = "") -> list[str]:
        selector = pafs.FileSelector(
            f"{self.bucket}/{folder}", recursive=True, allow_not_found=True
        )
        found = self.fs.get_file_info(selector)
        return sorted(info.path for info in found if info.type == pafs.FileType.File)

    def read(self, name: str) -> bytes:
        with self.fs.open_input_stream(name) as stream:
            return bytes(stream.read())


@dataclass(frozen=True)
class TaskRun:
    """The result of a DAG run's one task.

    Attributes:
        tries: how often Airflow started it.
        summary: its return value in XCom.
        rendered: its template fields, as Airflow stores them.
        output: everything that was logged.
    """

    state: str
    tries: int
    summary: dict[str, Any]
    rendered: dict[str, Any]
    output: str


@dataclass(frozen=True)
class Tasks:
    """The result of a DAG run with several tasks.

    Attributes:
        states: of each task, in the order of its mapped instances.
        xcoms: the XComs of each of them by key.
        output: everything that was logged.
    """

    states: dict[str, list[str]]
    xcoms: dict[tuple[str, str], list[Any]]
    output: str


Connect = Callable[..., str]
RunDag = Callable[[str, str, datetime], TaskRun]
RunTask = Callable[..., TaskRun]
RunFirstTry = Callable[..., Any]
RunTasks = Callable[[str, str, datetime], Tasks]


@pytest.fixture(autouse=True)
def _plain_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out this machine's own proxies and certificates, which a connection would use."""
    for name in list(os.environ):
        is_proxy = name.lower() in {"http_proxy", "https_proxy", "all_proxy"}
        if is_proxy or name in CERTIFICATE_VARIABLES:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """Airflow imported, its database made, the bundles known."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a first import of Airflow says is not ours to mend
        from airflow.dag_processing.bundles.manager import DagBundlesManager
        from airflow.utils.db import initdb

        initdb()
        DagBundlesManager().sync_bundles_to_db()  # type: ignore[no-untyped-call]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Defines a connection in the environment; gives back its id."""

    def define(conn_id: str, **fields: object) -> str:
        connection = json.dumps({"conn_type": "aimlapi", **fields})
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", connection)
        return conn_id

    return define


@pytest.fixture
def api(connect: Connect) -> Iterator[Api]:
    """A fresh simulator, which the default connection points at."""
    with simulator_thread() as simulator:
        connect("aimlapi_default", host=simulator.url, password=KEY)
        yield Api(simulator)


@pytest.fixture
def lake(s3_server: S3Server, s3_bucket: str) -> Lake:
    fs = pafs.S3FileSystem(
        endpoint_override=s3_server.url,
        access_key="test-key",
        secret_key="test-secret",
        region="us-east-1",
    )
    return Lake(s3_bucket, fs)


@pytest.fixture
def run_dag(airflow_database: None, capfd: pytest.CaptureFixture[str]) -> RunDag:
    """Return a function that runs a DAG of a bundle to its end, and returns its one task's result."""

    def run(bundle: str, dag_id: str, day: datetime) -> TaskRun:
        capfd.readouterr()
        dag_run = _dag_run(bundle, dag_id, day)
        (instance,) = dag_run.get_task_instances()
        return TaskRun(
            state=str(instance.state),
            tries=instance.try_number,
            summary=_return_value(dag_id, dag_run.run_id),
            rendered=_rendered_fields(dag_id, dag_run.run_id),
            output="".join(capfd.readouterr()),
        )

    return run


@pytest.fixture
def run_tasks(airflow_database: None, capfd: pytest.CaptureFixture[str]) -> RunTasks:
    """Return a function that runs a DAG of a bundle to its end, and returns its tasks' results."""

    def run(bundle: str, dag_id: str, day: datetime) -> Tasks:
        capfd.readouterr()
        dag_run = _dag_run(bundle, dag_id, day)
        states: dict[str, list[str]] = {}
        for instance in sorted(dag_run.get_task_instances(), key=lambda one: one.map_index):
            states.setdefault(instance.task_id, []).append(str(instance.state))
        return Tasks(states, _xcoms(dag_id, dag_run.run_id), "".join(capfd.readouterr()))

    return run


def _dag_run(bundle: str, dag_id: str, day: datetime) -> Any:
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

    bag = DagBag(BUNDLES[bundle] / f"{dag_id}.py", bundle_name=bundle)
    assert bag.import_errors == {}
    sync_bag_to_db(bag, bundle, None)
    return bag.dags[dag_id].test(logical_date=day)


@pytest.fixture
def run_first_try(airflow_database: None) -> RunFirstTry:
    """Return a function that runs the first try of a DAG's one task, and returns its message to Airflow.

    Beside the day it takes what the DAG run has besides, such as `partition_key`.
    """

    def run(dag_id: str, day: datetime, **columns: object) -> Any:
        from airflow.sdk.api.datamodels._generated import TaskInstance
        from airflow.sdk.execution_time.supervisor import run_task_in_process

        instance, task = _queued(dag_id, day, columns)
        sdk = TaskInstance(
            id=instance.id,
            task_id=instance.task_id,
            dag_id=instance.dag_id,
            run_id=instance.run_id,
            try_number=1,
            map_index=-1,
            dag_version_id=instance.dag_version_id,
        )
        return run_task_in_process(ti=sdk, task=task)

    return run


@pytest.fixture
def run_task(run_dag: RunDag, monkeypatch: pytest.MonkeyPatch) -> RunTask:
    """Runs a DAG of one `ClaudeCompletionOperator` with these arguments, which has one retry.

    Each run has an instant of its own: Airflow would delete an earlier run of the same one, and
    now and then warn that this run's DAG has changed since.
    """

    def run(**arguments: object) -> TaskRun:
        monkeypatch.setenv("AIMLAPI_TEST_ARGUMENTS", json.dumps(arguments))
        return run_dag("tests", "one_task", FIRST_RUN + timedelta(seconds=next(RUNS)))

    return run


def _queued(dag_id: str, day: datetime, columns: dict[str, object]) -> tuple[Any, Any]:
    """A task instance that is queued, as a scheduler leaves it, and its task."""
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    bag = DagBag(BUNDLES["tests"] / f"{dag_id}.py", bundle_name="tests")
    sync_bag_to_db(bag, "tests", None)
    with create_session() as session:
        dag: Any = SerializedDagModel.get_dag(dag_id, session=session)
        dag_run = dag.create_dagrun(
            run_id=f"try-{day.date()}",
            logical_date=day,
            data_interval=(day, day),
            run_after=day,
            run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.TEST,
            state=DagRunState.RUNNING,
            session=session,
            **columns,
        )
        (instance,) = dag_run.get_task_instances(session=session)
        instance.try_number = 1
        instance.set_state("queued", session=session)
        session.commit()
        session.expunge_all()
    return instance, bag.dags[dag_id].task_dict[instance.task_id]


def _return_value(dag_id: str, run_id: str) -> dict[str, Any]:
    from airflow.models.xcom import XComModel

    value = _first(XComModel, dag_id, run_id, key="return_value")
    return dict(value.value) if value is not None else {}


def _xcoms(dag_id: str, run_id: str) -> dict[tuple[str, str], list[Any]]:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    found: dict[tuple[str, str], list[Any]] = {}
    with create_session() as session:
        query = select(XComModel).filter_by(dag_id=dag_id, run_id=run_id)
        for row in session.scalars(query.order_by(XComModel.map_index)):
            found.setdefault((row.task_id, row.key), []).append(XComModel.deserialize_value(row))
    return found


def _rendered_fields(dag_id: str, run_id: str) -> dict[str, Any]:
    from airflow.models.renderedtifields import RenderedTaskInstanceFields

    row = _first(RenderedTaskInstanceFields, dag_id, run_id)
    return row.rendered_fields if row is not None else {}


def _first(table: Any, dag_id: str, run_id: str, **columns: object) -> Any:
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        query = select(table).filter_by(dag_id=dag_id, run_id=run_id, **columns)
        row = session.scalars(query).first()
        session.expunge_all()
        return row


@pytest.fixture(scope="session")
def server(airflow_database: None) -> Any:
    """Airflow's API server, as `airflow api-server` makes it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from airflow.api_fastapi.app import create_app
        from starlette.testclient import TestClient

        return TestClient(create_app(apps="core"))


@pytest.fixture
def reader(server: Any) -> Iterator[Any]:
    """Return a client of the same server, as a user who may read every DAG."""
    server.headers["Authorization"] = f"Bearer {token('VIEWER')}"
    yield server
    del server.headers["Authorization"]


def token(role: str | None) -> str:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    user = SimpleAuthManagerUser(username="ada", role=role)
    return get_auth_manager().generate_jwt(user)
