"""The run page where it reads storage: which object, and only by what the DAG's author defined."""

from __future__ import annotations

import json
import shutil
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator.faults.script import Script
from tests.airflow.page_rows import OWN_BACKEND, PageRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.airflow

TEXTS = ["first", "second", "third"]
OTHER_KEY = "cd" * 16
FIELDS = ("output_path", "storage_conn_id", "share")


class Ran:
    """A task that ran and stored its progress beside its output.

    Attributes:
        query: the query of its page's address.
        folder: its output.
        run_key: the key of its run.
    """

    def __init__(self, query: dict[str, str], folder: Path, run_key: str) -> None:
        self.query, self.folder, self.run_key = query, folder, run_key
        self.rows = PageRows(query)
        self.fields = {name: self.rows.rendered()[name] for name in FIELDS}

    def restore(self) -> None:
        """Undo what a test changed in Airflow's database."""
        self.rows.announce(self.run_key)
        self.rows.render(self.fields)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Filled by the first test: running a task takes seconds, and one will do."""
    return {"folder": tmp_path_factory.mktemp("out")}


@pytest.fixture(autouse=True)
def own_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(*OWN_BACKEND)


@pytest.fixture
def ran(kept: dict[str, Any], api: Any, lake: Any, run_task: Callable[..., Any]) -> Iterator[Ran]:
    if "ran" not in kept:
        lake.put("in/texts.parquet", {"text": TEXTS})
        api.follow(Script())
        paths = {"input_path": lake.url("in/"), "output_path": str(kept["folder"])}
        done = run_task(**paths, prompt="{text}")
        assert done.state == "success"
        kept["ran"] = Ran(newest_task(), kept["folder"], done.summary["run_key"])
    yield kept["ran"]
    kept["ran"].restore()


def newest_task() -> dict[str, str]:
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    query = select(TaskInstance).filter_by(dag_id="one_task")
    with create_session() as session:
        task = session.scalars(query.order_by(TaskInstance.start_date.desc())).first()
        return {name: str(getattr(task, name)) for name in ("dag_id", "run_id", "task_id")}


def progress_file(folder: Path, run_key: str, share: str = "") -> Path:
    return folder / "_aimlapi" / run_key / share / "progress.json"


def test_the_page_shows_the_progress_beside_the_output(reader: Any, ran: Ran) -> None:
    answer = reader.get("/aimlapi/progress", params=ran.query)
    assert answer.status_code == 200
    assert (answer.json()["run_key"], answer.json()["state"]) == (ran.run_key, "published")
    report = reader.get("/aimlapi/report", params=ran.query)
    name = f"run-{ran.run_key[:12]}.html"
    assert report.headers["content-disposition"] == f'inline; filename="{name}"'


def test_the_connection_of_the_task_opens_the_output(
    reader: Any, api: Any, lake: Any, run_task: Callable[..., Any], connect: Callable[..., str]
) -> None:
    keys = {"login": "test-key", "password": "test-secret"}
    connect("the_lake", conn_type="aws", **keys)
    lake.put("in/texts.parquet", {"text": TEXTS})
    paths = {"input_path": lake.url("in/"), "output_path": lake.url("out/{{ ds }}/")}
    done = run_task(**paths, prompt="{text}", storage_conn_id="the_lake")
    answer = reader.get("/aimlapi/progress", params=newest_task())
    assert answer.json()["run_key"] == done.summary["run_key"]


def test_nothing_is_read_where_the_task_state_store_is(
    reader: Any, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(OWN_BACKEND[0])
    assert reader.get("/aimlapi/progress", params=ran.query).status_code == 404
    ran.rows.render({"output_path": "no path at all"})
    assert reader.get("/aimlapi/progress", params=ran.query).status_code == 404


def no_run_key(rows: PageRows) -> None:
    rows.forget_xcoms()


def no_fields(rows: PageRows) -> None:
    rows.forget_fields()


def no_output_path(rows: PageRows) -> None:
    rows.render({"storage_conn_id": None})


def output_path_of_none(rows: PageRows) -> None:
    rows.render({"output_path": None})


@pytest.mark.parametrize("remove", [no_run_key, no_fields, no_output_path, output_path_of_none])
def test_with_any_part_missing_there_is_no_page(
    reader: Any, ran: Ran, remove: Callable[[PageRows], None]
) -> None:
    remove(ran.rows)
    answer = reader.get("/aimlapi/progress", params=ran.query)
    assert (answer.status_code, answer.json()["detail"][:12]) == (404, "No page yet.")


def test_task_without_dag_version_has_no_page(reader: Any, ran: Ran) -> None:
    from airflow.models.taskinstance import TaskInstance

    version = column_of(TaskInstance.dag_version_id, ran.query)
    ran.rows.change_task(dag_version_id=None)
    assert reader.get("/aimlapi/progress", params=ran.query).status_code == 404
    ran.rows.change_task(dag_version_id=version)
    assert reader.get("/aimlapi/progress", params=ran.query).status_code == 200


def column_of(column: Any, query: dict[str, str]) -> Any:
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return session.scalar(select(column).filter_by(**query))


@pytest.mark.parametrize(
    "changes",
    [
        {"_task_module": "dags.of_a_user"},
        {"task_type": "ClaudeCompletionDecoratedOperator"},
        {"task_id": "another"},
    ],
)
def test_a_task_of_another_operator_has_no_page(
    reader: Any, ran: Ran, changes: dict[str, str]
) -> None:
    """A subclass in a DAG file counts as another operator."""
    before = definition(ran.query)
    (found,) = [
        task["__var"] for task in before["dag"]["tasks"] if task["__var"]["task_id"] == "complete"
    ]
    operator = {**found, **changes}
    define(ran.query, {"dag": {"tasks": [{"__var": operator, "__type": "operator"}]}})
    assert reader.get("/aimlapi/progress", params=ran.query).status_code == 404
    define(ran.query, before)
    assert reader.get("/aimlapi/progress", params=ran.query).status_code == 200


def definition(query: dict[str, str]) -> dict[str, Any]:
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    version = column_of(TaskInstance.dag_version_id, query)
    with create_session() as session:
        dags = select(SerializedDagModel).filter_by(dag_version_id=version)
        return dict(session.scalars(dags).one().data or {})


def define(query: dict[str, str], data: object, *, packed: bytes | None = None) -> None:
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import update

    version = column_of(TaskInstance.dag_version_id, query)
    table = SerializedDagModel.__table__
    change = update(table).where(table.c.dag_version_id == version)
    with create_session() as session:
        session.execute(change.values(data=data, data_compressed=packed))


def test_a_compressed_definition_is_read_too(reader: Any, ran: Ran) -> None:
    before = definition(ran.query)
    define(ran.query, None, packed=zlib.compress(json.dumps(before).encode()))
    assert reader.get("/aimlapi/progress", params=ran.query).status_code == 200
    bomb = b'{"dag": ' + b" " * 32 * 2**20 + b"}"
    define(ran.query, None, packed=zlib.compress(bomb))
    assert reader.get("/aimlapi/progress", params=ran.query).status_code == 502
    define(ran.query, before)


def test_named_operators_are_those_there_are() -> None:
    from airflow_provider_aimlapi.decorators.claude import ClaudeCompletionDecoratedOperator
    from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator
    from airflow_provider_aimlapi.operators.estimate import ClaudeCompletionEstimateOperator
    from airflow_provider_aimlapi.plugins.task_source import OWN_OPERATORS

    classes = (
        ClaudeCompletionOperator,
        ClaudeCompletionDecoratedOperator,
        ClaudeCompletionEstimateOperator,
    )
    assert {each.__name__: each.__module__ for each in classes} == OWN_OPERATORS


@pytest.mark.parametrize("share", [3, "3", 3.0])
def test_the_share_comes_from_the_tasks_fields(reader: Any, ran: Ran, share: object) -> None:
    ran.rows.render({**ran.fields, "share": share})
    assert reader.get("/aimlapi/progress", params=ran.query).status_code == 404
    of_share = progress_file(ran.folder, ran.run_key, "share/0003")
    of_share.parent.mkdir(parents=True)
    shutil.copy(progress_file(ran.folder, ran.run_key), of_share)
    assert reader.get("/aimlapi/progress", params=ran.query).status_code == 200
    shutil.rmtree(of_share.parents[1])


@pytest.mark.parametrize("share", [-1, 64, 1e300, "../../..", True, [3], {"a": 1}, "9" * 5_000])
def test_a_share_that_is_none_is_refused(reader: Any, ran: Ran, share: object) -> None:
    ran.rows.render({**ran.fields, "share": share})
    assert reader.get("/aimlapi/progress", params=ran.query).status_code == 502


def test_a_path_object_is_read_as_its_path(reader: Any, ran: Ran) -> None:
    stored: dict[str, object] = {"path": f"file://{ran.folder}", "conn_id": None, "kwargs": {}}
    ran.rows.render({**ran.fields, "output_path": stored})
    assert reader.get("/aimlapi/progress", params=ran.query).status_code == 200


def test_progress_of_another_run_is_not_shown(reader: Any, ran: Ran) -> None:
    """The object must be progress, and of the requested run."""
    file = progress_file(ran.folder, OTHER_KEY)
    file.parent.mkdir(exist_ok=True)
    shutil.copy(progress_file(ran.folder, ran.run_key), file)
    ran.rows.announce(OTHER_KEY)
    answer = reader.get("/aimlapi/progress", params=ran.query)
    assert (answer.status_code, ran.run_key in answer.text) == (502, False)
    file.write_text('{"password": "what else lies there"}')
    answer = reader.get("/aimlapi/progress", params=ran.query)
    assert (answer.status_code, "what else" in answer.text) == (502, False)


def test_the_page_quotes_nothing_of_the_store(reader: Any, ran: Ran) -> None:
    """The log has the store's own words; the page has ours."""
    folder = ran.folder / "what-the-disk-says"
    progress_file(folder, ran.run_key).mkdir(parents=True)
    ran.rows.render({**ran.fields, "output_path": str(folder)})
    answer = reader.get("/aimlapi/progress", params=ran.query)
    assert (answer.status_code, "what-the-disk-says" in answer.text) == (502, False)
    assert "API server's log" in answer.json()["detail"]


def test_no_session_is_open_while_storage_is_read(
    reader: Any, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow import settings
    from sqlalchemy import event

    from airflow_provider_aimlapi.plugins import task_progress

    in_use: list[object] = []
    seen: list[tuple[str, int]] = []

    def take(connection: object, *_: object) -> None:
        in_use.append(connection)

    def give_back(connection: object, *_: object) -> None:
        in_use.remove(connection)

    def read(source: Any) -> None:
        seen.append((source.run_key, len(in_use)))

    monkeypatch.setattr(task_progress, "read_progress", read)
    listeners = (("checkout", take), ("checkin", give_back))
    for name, listener in listeners:
        event.listen(settings.engine, name, listener)
    try:
        assert reader.get("/aimlapi/progress", params=ran.query).status_code == 404
    finally:
        for name, listener in listeners:
            event.remove(settings.engine, name, listener)
    assert seen == [(ran.run_key, 0)]
