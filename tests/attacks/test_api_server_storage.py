"""Attacks on an api-server that reads storage: what lies in an output, and whose connection opens it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.attacks.page_attacks import GROWTH_BYTES_MAX, MIB, PROGRESS, is_well, keep, statuses
from tests.fakes.hostile_locations import RUN_KEY, nested

if TYPE_CHECKING:
    from pathlib import Path

    from tests.attacks.airflow_site import AirflowSite, Server, Task
    from tests.fakes.canary import Canary

pytestmark = [pytest.mark.attack, pytest.mark.timeout(900)]


def test_task_of_ours_is_read(
    site: AirflowSite, team_server: Server, plain_run: Task, tmp_path: Path
) -> None:
    """Without this, the attacks above might fail for a reason of their own."""
    keep(tmp_path, {**PROGRESS, "model": "any"})
    site.put_xcom(plain_run, "aimlapi_run_key", RUN_KEY)
    site.put_fields(plain_run, {"output_path": str(tmp_path)})
    assert statuses(team_server, "root", plain_run) == [200, 200, 200]


def fifo(file: Path, elsewhere: Path) -> None:
    os.mkfifo(file)


def link_to_zeros(file: Path, elsewhere: Path) -> None:
    file.symlink_to("/dev/zero")


def link_to_a_run(file: Path, elsewhere: Path) -> None:
    file.symlink_to(keep(elsewhere, PROGRESS))


def link_to_itself(file: Path, elsewhere: Path) -> None:
    file.symlink_to(file)


def linked_folder(file: Path, elsewhere: Path) -> None:
    keep(elsewhere, PROGRESS)
    file.parent.rmdir()
    file.parent.symlink_to(elsewhere / "_aimlapi" / RUN_KEY)


def folder(file: Path, elsewhere: Path) -> None:
    file.mkdir()


def gigabytes(file: Path, elsewhere: Path) -> None:
    with file.open("wb") as opened:
        opened.truncate(3 * 1024 * MIB)


def nested_json(file: Path, elsewhere: Path) -> None:
    file.write_text(nested())


@pytest.mark.parametrize(
    "plant",
    [
        fifo,
        link_to_zeros,
        link_to_a_run,
        link_to_itself,
        linked_folder,
        folder,
        gigabytes,
        nested_json,
    ],
)
def test_nothing_that_lies_in_an_output_harms_the_server(
    site: AirflowSite, team_server: Server, plain_run: Task, tmp_path: Path, plant: Any
) -> None:
    """As someone may plant it who can write to the output."""
    output = tmp_path / "output"
    file = keep(output, PROGRESS)
    file.unlink()
    plant(file, tmp_path / "elsewhere")
    site.put_xcom(plain_run, "aimlapi_run_key", RUN_KEY)
    site.put_fields(plain_run, {"output_path": str(output)})
    memory_bytes = team_server.memory_bytes()
    _, progress, report = statuses(team_server, "root", plain_run)
    assert {progress, report} <= {404, 502}
    assert team_server.memory_bytes() - memory_bytes < GROWTH_BYTES_MAX
    assert is_well(team_server)


def test_run_key_of_another_run_shows_nothing(
    site: AirflowSite, team_server: Server, red_run: Task, s3_progress: str
) -> None:
    """A run key that leaked is of no use: only the task's own output is looked at."""
    site.put_fields(red_run, {"output_path": f"s3://lake@{s3_progress}-of-red"})
    site.put_xcom(red_run, "aimlapi_run_key", RUN_KEY)
    assert statuses(team_server, "ada", red_run)[1:] == [404, 404]


def test_each_team_reads_with_its_own_connection(
    site: AirflowSite,
    team_server: Server,
    red_run: Task,
    blue_run: Task,
    birds: dict[str, Canary],
    s3_progress: str,
) -> None:
    """Both name the connection `lake`; what was opened for one team is not used for the other."""
    for task in (red_run, blue_run):
        site.put_xcom(task, "aimlapi_run_key", RUN_KEY)
        site.put_fields(task, {"output_path": f"s3://{s3_progress}", "storage_conn_id": "lake"})
    before = birds["blue"].connections
    assert "red's" in team_server.get("ada", "/aimlapi/progress", red_run.query).text
    assert birds["blue"].connections == before
    answer = team_server.get("bob", "/aimlapi/progress", blue_run.query)
    assert (answer.status_code in {502, 503, 504}, "red's" in answer.text) == (True, False)
    assert birds["blue"].connections > before
    assert "red's" in team_server.get("ada", "/aimlapi/progress", red_run.query).text
    assert statuses(team_server, "bob", red_run) == [403, 403, 403]
    assert statuses(team_server, "ada", blue_run) == [403, 403, 403]


@pytest.mark.parametrize("run", ["red_run", "plain_run"])
@pytest.mark.parametrize(
    "conn_id", ["vault", "_blue___vault", "blue___vault", "vault of team blue"]
)
def test_no_team_reads_with_the_connection_of_another(
    request: pytest.FixtureRequest,
    site: AirflowSite,
    birds: dict[str, Canary],
    s3_progress: str,
    run: str,
    conn_id: str,
) -> None:
    """Nor does a DAG without a team."""
    server: Server = request.getfixturevalue("team_server")
    task: Task = request.getfixturevalue(run)
    before = birds["bird"].connections
    site.put_xcom(task, "aimlapi_run_key", RUN_KEY)
    for fields in (
        {"output_path": f"s3://{s3_progress}", "storage_conn_id": conn_id},
        {"output_path": f"s3://{conn_id}@{s3_progress}"},
    ):
        site.put_fields(task, fields)
        assert statuses(server, "root", task)[1:] == [502, 502]
    assert birds["bird"].connections == before


@pytest.mark.parametrize("conn_id", [None, "lake"])
def test_team_uses_neither_disk_nor_server_credentials(
    site: AirflowSite,
    team_server: Server,
    red_run: Task,
    cage: Path,
    s3_progress: str,
    conn_id: str | None,
) -> None:
    site.put_xcom(red_run, "aimlapi_run_key", RUN_KEY)
    site.put_fields(red_run, {"output_path": str(cage), "storage_conn_id": conn_id})
    assert statuses(team_server, "ada", red_run)[1:] == [502, 502]
    site.put_fields(red_run, {"output_path": f"s3://{s3_progress}"})
    assert statuses(team_server, "ada", red_run)[1:] == [502, 502]


def test_store_that_never_answers_leaves_the_server_well(
    site: AirflowSite, team_server: Server, red_run: Task, plain_run: Task, tmp_path: Path
) -> None:
    """Many requests at once: each is answered, few wait, and other pages work meanwhile."""
    site.put_xcom(red_run, "aimlapi_run_key", RUN_KEY)
    site.put_fields(red_run, {"output_path": "s3://any/out", "storage_conn_id": "stuck"})
    keep(tmp_path, {**PROGRESS, "model": "any"})
    site.put_xcom(plain_run, "aimlapi_run_key", RUN_KEY)
    site.put_fields(plain_run, {"output_path": str(tmp_path)})
    memory_bytes = team_server.memory_bytes()
    with ThreadPoolExecutor(60) as users:
        asked = [
            users.submit(team_server.get, "ada", "/aimlapi/progress", red_run.query)
            for _ in range(60)
        ]
        assert is_well(team_server)
        found = {each.result().status_code for each in asked}
    assert found <= {502, 503, 504}
    assert 503 in found
    assert statuses(team_server, "root", plain_run) == [200, 200, 200]
    assert team_server.memory_bytes() - memory_bytes < GROWTH_BYTES_MAX
