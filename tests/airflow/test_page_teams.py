"""The run page of a team's DAG: whose connection opens the output, where Airflow has teams."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.airflow.page_rows import OWN_BACKEND, PageRows
from tests.airflow.task_tries import Tries
from tests.fakes.canary import canary
from tests.fakes.hostile_locations import RUN_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.airflow

PROGRESS = {
    "run_key": RUN_KEY,
    "state": "running",
    "model": "any",
    "input": "s3://lake/in",
    "output": "s3://lake/out",
    "manifest": "",
    "report": "",
    "updated_us": 1_790_000_000_000_000,
    "rows": 100,
}
BUNDLE = "tests"


@pytest.fixture
def belongs_to(
    airflow_database: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """Has the tests' DAGs belong to a team."""
    from airflow.models.dag import clear_team_name_cache
    from airflow.models.team import Team, dag_bundle_team_association_table
    from airflow.utils.session import create_session
    from sqlalchemy import delete, insert

    teams = dag_bundle_team_association_table

    def belong(team: str) -> None:
        with create_session() as session:
            session.execute(delete(teams))
            session.merge(Team(name=team))
            session.flush()
            session.execute(insert(teams).values(dag_bundle_name=BUNDLE, team_name=team))
        clear_team_name_cache()

    monkeypatch.setenv(*OWN_BACKEND)
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
    yield belong
    with create_session() as session:
        session.execute(delete(teams))
        session.execute(delete(Team))
    clear_team_name_cache()


@pytest.fixture
def rows(belongs_to: Callable[[str], None], query: dict[str, str]) -> Iterator[PageRows]:
    rows = PageRows(query)
    rows.announce(RUN_KEY)
    yield rows
    rows.forget_xcoms()
    rows.forget_fields()


@pytest.fixture(scope="module")
def query(airflow_database: None) -> dict[str, str]:
    return {"dag_id": "patient_task", "run_id": Tries("patient_task").run_id, "task_id": "complete"}


@pytest.fixture
def output(lake: Any) -> str:
    """An output with the progress of a run."""
    name = f"{lake.bucket}/out/_aimlapi/{RUN_KEY}/progress.json"
    with lake.fs.open_output_stream(name) as stream:
        stream.write(json.dumps(PROGRESS).encode())
    return str(lake.url("out"))


@pytest.fixture
def ask(server: Any, query: dict[str, str]) -> Callable[[], int]:
    """Return the status of a request for progress by an administrator, who is in every team."""
    from tests.airflow.conftest import token

    headers = {"Authorization": f"Bearer {token('ADMIN')}"}

    def ask() -> int:
        return int(server.get("/aimlapi/progress", params=query, headers=headers).status_code)

    return ask


def store(url: str) -> dict[str, Any]:
    keys = {"login": "test-key", "password": "test-secret"}
    return {"conn_type": "aws", **keys, "extra": {"endpoint_url": url}}


def test_each_team_opens_its_own_connection(
    ask: Callable[[], int],
    rows: PageRows,
    belongs_to: Callable[[str], None],
    connect: Callable[..., str],
    s3_server: Any,
    output: str,
) -> None:
    """Two teams have a connection of one name. Neither gets the other's file system."""
    with canary() as bird:
        connect("_red___lake", **store(s3_server.url))
        connect("_blue___lake", **store(f"http://127.0.0.1:{bird.port}"))
        rows.render({"output_path": output, "storage_conn_id": "lake"})
        belongs_to("red")
        assert (ask(), bird.connections) == (200, 0)
        belongs_to("blue")
        assert ask() == 502
        of_blue = bird.connections
        assert of_blue > 0
        belongs_to("red")
        assert (ask(), bird.connections) == (200, of_blue)
        # A changed connection is opened anew.
        connect("_red___lake", **store(f"http://127.0.0.1:{bird.port}"))
        assert ask() == 502
        assert bird.connections > of_blue


def test_team_opens_what_all_teams_share(
    ask: Callable[[], int],
    rows: PageRows,
    belongs_to: Callable[[str], None],
    connect: Callable[..., str],
    s3_server: Any,
    output: str,
) -> None:
    connect("lake", **store(s3_server.url))
    belongs_to("red")
    rows.render({"output_path": output, "storage_conn_id": "lake"})
    assert ask() == 200


@pytest.mark.parametrize("conn_id", ["vault", "_blue___vault", "blue___vault"])
def test_team_opens_no_connection_of_another(
    ask: Callable[[], int],
    rows: PageRows,
    belongs_to: Callable[[str], None],
    connect: Callable[..., str],
    output: str,
    conn_id: str,
) -> None:
    with canary() as bird:
        connect("_blue___vault", **store(f"http://127.0.0.1:{bird.port}"))
        belongs_to("red")
        rows.render({"output_path": output, "storage_conn_id": conn_id})
        assert (ask(), bird.connections) == (502, 0)


def test_team_uses_neither_disk_nor_server_credentials(
    ask: Callable[[], int],
    rows: PageRows,
    belongs_to: Callable[[str], None],
    connect: Callable[..., str],
    tmp_path: Path,
    output: str,
) -> None:
    file = tmp_path / "_aimlapi" / RUN_KEY / "progress.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(PROGRESS))
    connect("shared", conn_type="generic")
    belongs_to("red")
    for fields in (
        {"output_path": str(tmp_path)},
        {"output_path": f"file://{tmp_path}", "storage_conn_id": "shared"},
        {"output_path": output},
    ):
        rows.render(fields)
        assert ask() == 502
