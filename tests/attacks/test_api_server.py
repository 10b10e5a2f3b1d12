"""Attacks on the pages of a real api-server: two users, and two teams.

Each asserts what the server answered and what it did not touch: ports that count connections, files
whose content must be in no answer, the process's memory.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.attacks.page_attacks import (
    ADDRESSES,
    GROWTH_BYTES_MAX,
    MIB,
    PROGRESS,
    SECRET,
    listed,
    statuses,
)
from tests.fakes.hostile_locations import (
    NO_RUN_KEYS,
    RUN_KEY,
    hostile_locations,
    nested,
    shapes_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.attacks.airflow_site import AirflowSite, Server, Task
    from tests.fakes.canary import Canary

pytestmark = [pytest.mark.attack, pytest.mark.timeout(900)]

XCOM_KEYS = ("aimlapi_run_key", "aimlapi_progress_place")


@pytest.mark.parametrize("reads", ["state store", "storage"])
@pytest.mark.parametrize("key", XCOM_KEYS)
def test_no_xcom_of_any_user_opens_a_location(
    request: pytest.FixtureRequest,
    site: AirflowSite,
    birds: dict[str, Canary],
    cage: Path,
    reads: str,
    key: str,
) -> None:
    """Every kind of location in every shape, for the user who owns the DAG and one who does not."""
    is_state = reads == "state store"
    server: Server = request.getfixturevalue("state_server" if is_state else "team_server")
    task: Task = request.getfixturevalue("ada_run" if is_state else "red_run")
    before, memory_bytes = birds["bird"].connections, server.memory_bytes()
    for location in hostile_locations(birds["bird"].port, str(cage)):
        for value in shapes_of(location):
            site.put_xcom(task, key, value)
            answer = server.get("ada", "/aimlapi/progress", task.query)
            assert (answer.status_code, SECRET in answer.text) == (404, False)
            assert server.get("bob", "/aimlapi/progress", task.query).status_code == 403
    assert birds["bird"].connections == before
    assert server.memory_bytes() - memory_bytes < GROWTH_BYTES_MAX


def test_user_who_writes_xcoms_gains_nothing(
    state_server: Server, team_server: Server, birds: dict[str, Canary], cage: Path
) -> None:
    """The same by Airflow's own API, as a user with the role *user* has it."""
    before = birds["bird"].connections
    for server, dag_id in ((state_server, "ada_run"), (team_server, "red_run")):
        for turn, location in enumerate(hostile_locations(birds["bird"].port, str(cage))):
            task = server.start_run("ada", dag_id, f"by-api-{turn}")
            entries = (
                f"/api/v2/dags/{dag_id}/dagRuns/{task.run_id}/taskInstances/complete/xcomEntries"
            )
            for key, value in zip(XCOM_KEYS, (RUN_KEY, shapes_of(location)[0]), strict=True):
                body = {"key": key, "value": value, "map_index": -1}
                assert server.post("bob", entries, body).status_code == 403
                assert server.post("ada", entries, body).status_code == 201
            assert statuses(server, "ada", task) == [200, 404, 404]
            assert statuses(server, "bob", task) == [403, 403, 403]
    assert birds["bird"].connections == before


@pytest.mark.parametrize("task_id", ["imitation", "subclass"])
def test_task_of_another_operator_opens_nothing(
    site: AirflowSite, team_server: Server, cage: Path, task_id: str
) -> None:
    run = team_server.start_run("root", "ada_imitations", "first")
    task = type(run)(dag_id=run.dag_id, run_id=run.run_id, task_id=task_id)
    site.put_xcom(task, "aimlapi_run_key", RUN_KEY)
    site.put_fields(task, {"output_path": str(cage)})
    assert statuses(team_server, "root", task) == [200, 404, 404]


@pytest.mark.parametrize("value", NO_RUN_KEYS, ids=lambda value: repr(value)[:30])
def test_no_other_value_is_taken_for_a_run_key(
    site: AirflowSite, team_server: Server, plain_run: Task, cage: Path, value: object
) -> None:
    site.put_fields(plain_run, {"output_path": str(cage)})
    site.put_xcom(plain_run, "aimlapi_run_key", value)
    assert statuses(team_server, "root", plain_run) == [200, 404, 404]


def test_no_rendered_field_opens_a_refused_location(
    site: AirflowSite, team_server: Server, plain_run: Task, birds: dict[str, Canary]
) -> None:
    site.put_xcom(plain_run, "aimlapi_run_key", RUN_KEY)
    before = birds["bird"].connections
    locations = hostile_locations(birds["bird"].port, "/none")
    for location in (each for each in locations if "canary_store" not in each):
        site.put_fields(plain_run, {"output_path": location})
        page, progress, report = statuses(team_server, "root", plain_run)
        assert page == 200
        assert {progress, report} <= {404, 502}
    assert birds["bird"].connections == before


@pytest.mark.parametrize(
    "text",
    ["", "{", "7", nested(), '{"a": ' + nested(2_000_000) + "}", '"' + "p" * (256 * MIB) + '"'],
    ids=["nothing", "cut", "number", "nested", "nested in an object", "huge"],
)
def test_no_stored_state_harms_the_server(
    site: AirflowSite, state_server: Server, ada_run: Task, text: str
) -> None:
    site.put_state(ada_run, text)
    memory_bytes = state_server.memory_bytes()
    assert statuses(state_server, "ada", ada_run) == [200, 502, 502]
    (run,) = [each for each in listed(state_server, "ada") if each["run_id"] == ada_run.run_id]
    assert run["standing"] is None
    assert state_server.memory_bytes() - memory_bytes < GROWTH_BYTES_MAX
    site.put_state(ada_run, json.dumps({**PROGRESS, "model": "any"}))
    assert statuses(state_server, "ada", ada_run) == [200, 200, 200]


def test_no_user_sees_the_run_of_another(
    site: AirflowSite, state_server: Server, ada_run: Task
) -> None:
    bobs = state_server.start_run("bob", "bob_run", "secret")
    site.put_state(ada_run, json.dumps({**PROGRESS, "model": "ada's"}))
    site.put_state(bobs, json.dumps(PROGRESS))
    assert statuses(state_server, "ada", bobs) == [403, 403, 403]
    assert statuses(state_server, "bob", ada_run) == [403, 403, 403]
    assert statuses(state_server, "", bobs) == [401, 401, 401]
    assert {run["dag_id"] for run in listed(state_server, "ada")} == {"ada_run"}
    assert {run["dag_id"] for run in listed(state_server, "bob")} == {"bob_run"}
    # Neither a filter nor a sum tells of a DAG that the user may not see.
    for query in ("", "?text=bob", "?sort=cost", "?state=published", "?page=1000"):
        answer = state_server.get("ada", f"/aimlapi/list{query}")
        assert answer.status_code == 200
        assert "bob_run" not in answer.text
        assert answer.json()["listed"] == len(listed(state_server, "ada"))
    assert state_server.get("bob", "/aimlapi/progress", bobs.query).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "a\r\nSet-Cookie: a=b",
        "a\x00b",
        "%0d%0a",
        "n" * 20_000,
        "\u202e",
        "~",
        "*",
    ],
    ids=lambda name: repr(name)[:20],
)
@pytest.mark.parametrize("named", ["dag_id", "run_id", "task_id", "map_index"])
def test_no_name_in_an_address_breaks_the_server(
    state_server: Server, ada_run: Task, named: str, name: str
) -> None:
    for address in ADDRESSES:
        query = {**ada_run.query, named: name}
        answer = state_server.get("ada", f"/aimlapi/{address}", query)
        assert answer.status_code in {200, 403, 404, 414, 422, 502}
        assert "set-cookie" not in answer.headers
