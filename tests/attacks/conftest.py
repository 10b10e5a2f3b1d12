"""A real Airflow to attack, made once for all tests that want it; none of the gate's do.

`state_server` reads the task state store, and gives each user DAGs of their own. `team_server` reads
storage, and has two teams: `ada` belongs to red, `bob` to blue.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow.fs as pafs
import pytest

from tests.attacks.airflow_site import AirflowSite, Server
from tests.attacks.page_attacks import PROGRESS, keep
from tests.fakes.canary import Canary, canary
from tests.fakes.hostile_locations import RUN_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from demo.s3_server import S3Server
    from tests.attacks.airflow_site import Task

SIMPLE_AUTH_MANAGER = (
    "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
)


@pytest.fixture(scope="session")
def site(
    tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server, birds: dict[str, Canary]
) -> AirflowSite:
    """Airflow's database, with DAGs and teams, and what its servers know of stores.

    Connection `lake` is another one for each team: red's is a working S3, blue's a canary. `vault` is
    blue's alone. `stuck` is for both, and never answers.
    """

    def store(url: str) -> str:
        keys = {"login": "test-key", "password": "test-secret"}
        return json.dumps({"conn_type": "aws", **keys, "extra": {"endpoint_url": url}})

    def at(bird: str) -> str:
        return store(f"http://127.0.0.1:{birds[bird].port}")

    connections = {
        "AIRFLOW_CONN__RED___LAKE": store(s3_server.url),
        "AIRFLOW_CONN__BLUE___LAKE": at("blue"),
        "AIRFLOW_CONN__BLUE___VAULT": at("bird"),
        "AIRFLOW_CONN_STUCK": at("stuck"),
        "AIRFLOW_CONN_CANARY_STORE": at("bird"),
    }
    site = AirflowSite(tmp_path_factory.mktemp("airflow"), connections)
    site.make()
    return site


@pytest.fixture(scope="session")
def birds() -> Iterator[dict[str, Canary]]:
    """Ports that count who connects; the servers know them as stores."""
    with canary() as bird, canary() as blue, canary(hangs=True) as stuck:
        yield {"bird": bird, "blue": blue, "stuck": stuck}


@pytest.fixture(scope="session")
def state_server(site: AirflowSite) -> Iterator[Server]:
    """An api-server that reads the task state store; users see the DAGs with their names."""
    variables = {
        "AIRFLOW__CORE__MULTI_TEAM": "False",
        "AIRFLOW__CORE__AUTH_MANAGER": "tests.attacks.own_dags.OwnDags",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ada:user,bob:user",
    }
    with site.server("state", variables) as server:
        yield server


@pytest.fixture(scope="session")
def team_server(site: AirflowSite) -> Iterator[Server]:
    """An api-server that reads storage, with two teams; root may see all."""
    variables = {
        "AIRFLOW__CORE__AUTH_MANAGER": SIMPLE_AUTH_MANAGER,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ada:user:red,bob:user:blue,root:admin",
        "AIRFLOW__WORKERS__STATE_STORE_BACKEND": "a.backend.of.the.Workers",
    }
    with site.server("team", variables) as server:
        yield server


@pytest.fixture
def ada_run(site: AirflowSite, state_server: Server) -> Task:
    return state_server.start_run("ada", "ada_run", "first")


@pytest.fixture
def red_run(site: AirflowSite, team_server: Server) -> Task:
    return team_server.start_run("ada", "red_run", "first")


@pytest.fixture
def blue_run(site: AirflowSite, team_server: Server) -> Task:
    return team_server.start_run("bob", "blue_run", "first")


@pytest.fixture
def plain_run(site: AirflowSite, team_server: Server) -> Task:
    """Of no team: whoever may read storage reads it with what all teams share."""
    return team_server.start_run("root", "bob_run", "plain")


@pytest.fixture
def cage(tmp_path: Path) -> Path:
    """A folder with the progress of a run in it."""
    keep(tmp_path, PROGRESS)
    return tmp_path


@pytest.fixture
def s3_progress(s3_server: S3Server, s3_bucket: str) -> str:
    """An output in S3 with the progress of a run."""
    keys = {"access_key": "test-key", "secret_key": "test-secret", "region": "us-east-1"}
    s3 = pafs.S3FileSystem(endpoint_override=s3_server.url, **keys)
    name = f"{s3_bucket}/out/_aimlapi/{RUN_KEY}/progress.json"
    with s3.open_output_stream(name) as stream:
        stream.write(json.dumps({**PROGRESS, "model": "red's"}).encode())
    return f"{s3_bucket}/out"
