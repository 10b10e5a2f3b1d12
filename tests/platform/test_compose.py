"""docker-compose.yml is sound as far as that can be told without an engine."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import fsspec
import pytest

from lab.celery import compose
from lab.celery.scenarios import SLOTS

if TYPE_CHECKING:
    from demo.s3_server import S3Server

WORKERS = ("airflow-worker-1", "airflow-worker-2")
MOVED = {
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE",
    "AIRFLOW__CORE__FERNET_KEY_CMD",
    "AIRFLOW__API__SECRET_KEY_CMD",
    "AIRFLOW__API_AUTH__JWT_SECRET_CMD",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__CELERY__RESULT_BACKEND",
    "AIRFLOW__CELERY__BROKER_URL_CMD",
    "AIRFLOW_CONN_AIMLAPI_DEFAULT",
    "AIRFLOW_CONN_AWS_DEFAULT",
    "AWS_ENDPOINT_URL",
    "AWS_SHARED_CREDENTIALS_FILE",
    "PGPASSFILE",
}
"""All that differs where `make celery` runs the services without containers."""
STARTS_ON = {"service_started", "service_healthy", "service_completed_successfully"}


@pytest.fixture
def root(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath


@pytest.fixture
def services() -> dict[str, Any]:
    return compose.services()


def test_it_follows_the_compose_specification(root: Path) -> None:
    check = subprocess.run(
        [
            Path(sys.executable).parent / "check-jsonschema",
            "--builtin-schema",
            "vendor.compose-spec",
            root / "docker-compose.yml",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stdout + check.stderr


def test_it_holds_every_part_of_an_airflow_with_celery(services: dict[str, Any]) -> None:
    commands = [" ".join(command[:2]) for command in compose.airflow_services().values()]
    assert set(commands) >= {"api-server", "scheduler", "dag-processor", "triggerer"}
    assert commands.count("celery worker") == len(WORKERS)
    assert {"simulator", "s3", "postgres", "redis"} <= set(services)


def test_two_workers_share_network_and_not_name_or_port(services: dict[str, Any]) -> None:
    commands = [compose.words(services[worker]["command"]) for worker in WORKERS]
    names = [command[command.index("--celery-hostname") + 1] for command in commands]
    assert names == list(WORKERS)
    assert sum("--skip-serve-logs" not in command for command in commands) == 1
    for worker in WORKERS:
        assert compose.health_check(worker).endswith(f" celery@{worker}")


def test_pool_of_the_workers_example_is_made(services: dict[str, Any], root: Path) -> None:
    start = " ".join(compose.words(services["airflow-init"]["command"]))
    made = re.findall(r"airflow pools set (\w+) (\d+)", start)
    pool = compose.variables(services["dag-processor"])["AIMLAPI_EXAMPLE_POOL"]
    assert made == [(pool, str(SLOTS))]
    example = (root / "dags_examples" / "summarise_on_workers.py").read_text(encoding="utf-8")
    assert "AIMLAPI_EXAMPLE_POOL" in example


def test_without_containers_no_service_is_told_of_another_container(
    services: dict[str, Any], tmp_path: Path
) -> None:
    here = compose.Addresses(
        secrets=tmp_path / "secrets",
        api_url="http://127.0.0.1:1001",
        s3_url="http://127.0.0.1:1002",
        postgres=1003,
        redis=1004,
        airflow=1005,
        scheduler_health=1006,
        logs=(1007, 1008),
    )
    elsewhere = re.compile(rf"(//|@)({'|'.join(services)}|localhost)[:/]|{compose.SECRETS}")
    for name in compose.airflow_services():
        shipped = compose.variables(services[name])
        told = here.environment(name, home=tmp_path / "home", dags=(tmp_path / "dags",))
        checks = [here.native(compose.health_check(name))] if name != "airflow-init" else []
        for text in (*told.values(), *checks):
            assert not elsewhere.search(text), text
        assert told.keys() >= shipped.keys()
        changed = {variable for variable in shipped if told[variable] != shipped[variable]}
        assert changed <= MOVED


def test_every_dependency_names_a_service_and_can_be_met(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for other, dependency in service.get("depends_on", {}).items():
            assert other in services, f"{name} waits for {other}, which is no service"
            condition = dependency["condition"]
            assert condition in STARTS_ON
            if condition == "service_healthy":
                assert "healthcheck" in services[other], f"{other} can never become healthy"
            if condition == "service_completed_successfully":
                assert services[other]["restart"] == "no", f"{other} would start again"


def test_every_file_that_is_mounted_exists(root: Path, services: dict[str, Any]) -> None:
    for service in services.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (root / source).exists(), source


@pytest.mark.parametrize("file", ["docker-compose.yml", "dags_examples/summarise_documents.py"])
def test_days_that_the_page_triggers_are_in_the_sample(root: Path, file: str) -> None:
    days = set(re.findall(r"2026-01-\d\d", (root / file).read_text(encoding="utf-8")))
    folders = (root / "demo" / "data" / "documents").iterdir()
    assert "2026-01-02" in days
    assert days <= {folder.name.removeprefix("ds=") for folder in folders}


def test_the_workers_reach_the_simulator_on_their_own_loopback(services: dict[str, Any]) -> None:
    port = services["simulator"]["command"][services["simulator"]["command"].index("--port") + 1]
    for worker in WORKERS:
        told = compose.variables(services[worker])["AIRFLOW_CONN_AIMLAPI_DEFAULT"]
        assert json.loads(told)["host"] == f"http://127.0.0.1:{port}"
        assert services[worker]["network_mode"] == "service:simulator"
    assert "network_mode" not in services["simulator"]


def test_simulator_takes_its_arguments_and_answers_the_health_check(
    root: Path, services: dict[str, Any]
) -> None:
    simulator = services["simulator"]
    _, *module = simulator["entrypoint"]
    command = [sys.executable, *module, *simulator["command"], "--port", "0"]
    checked = urlsplit(simulator["healthcheck"]["test"][-1])
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert "http://" in line, "the simulator did not start"
            connection = http.client.HTTPConnection(line.split("//")[1].strip(), timeout=30)
            connection.request("GET", checked.path)
            status = connection.getresponse().status
            connection.close()
        finally:
            process.terminate()
    assert status < http.HTTPStatus.INTERNAL_SERVER_ERROR
    assert str(checked.port) in simulator["command"]


def test_all_of_airflow_shares_its_secrets_and_connections(services: dict[str, Any]) -> None:
    airflow = [compose.variables(services[name]) for name in compose.airflow_services()]
    for name in ("AIRFLOW__API_AUTH__JWT_SECRET_CMD", "AIRFLOW__CORE__FERNET_KEY_CMD"):
        assert len({variables[name] for variables in airflow}) == 1
    store = json.loads(airflow[0]["AIRFLOW_CONN_AWS_DEFAULT"])
    assert store["extra"]["endpoint_url"] == airflow[0]["AWS_ENDPOINT_URL"]


def test_one_port_is_published_to_this_machine_alone(services: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert ports == {"api-server": ["127.0.0.1:8080:8080"]}
    assert not any("host" in str(service.get("network_mode")) for service in services.values())


def test_the_lake_is_filled_once_and_again(root: Path, s3_server: S3Server, s3_bucket: str) -> None:
    bucket = f"{s3_bucket}-lake"
    command = [sys.executable, "docker/fill_lake.py", "demo/data", bucket]
    for _ in range(2):
        subprocess.run(command, cwd=root, check=True, capture_output=True)
    lake = fsspec.filesystem("s3", endpoint_url=s3_server.url, skip_instance_cache=True)
    sample = root / "demo" / "data"
    expected = {file.relative_to(sample).as_posix() for file in sample.rglob("*.parquet")}
    found = {path.removeprefix(f"{bucket}/") for path in lake.find(bucket)}
    assert found == expected
