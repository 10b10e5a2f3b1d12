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
import yaml

if TYPE_CHECKING:
    from demo.s3_server import S3Server

STARTS_ON = {"service_started", "service_healthy", "service_completed_successfully"}


@pytest.fixture
def root(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath


@pytest.fixture
def services(root: Path) -> dict[str, Any]:
    text = (root / "docker-compose.yml").read_text(encoding="utf-8")
    compose = yaml.safe_load(text)
    services: dict[str, Any] = compose["services"]
    return services


def with_defaults(value: str) -> str:
    """A value as Compose reads it where the caller set no variable."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def variables(service: dict[str, Any]) -> dict[str, str]:
    return {name: with_defaults(str(text)) for name, text in service["environment"].items()}


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
    commands = {str(service.get("command")) for service in services.values()}
    assert commands >= {
        "api-server",
        "scheduler",
        "dag-processor",
        "triggerer",
        "celery worker",
        "db migrate",
    }
    assert {"simulator", "s3", "postgres", "redis"} <= set(services)


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


def test_every_image_has_a_version(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert re.search(r":\d+\.\d+[\w.-]*$", service["image"]), f"{name}: {service['image']}"


def test_every_file_that_is_mounted_or_copied_exists(root: Path, services: dict[str, Any]) -> None:
    for service in services.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (root / source).exists(), source
    dockerfile = (root / "docker" / "Dockerfile").read_text(encoding="utf-8")
    for copied in re.findall(r"^COPY (?:--\S+ )*(.+) \S+$", dockerfile, re.MULTILINE):
        for source in copied.split():
            assert (root / source).exists(), source
            ignored = (root / "docker" / "Dockerfile.dockerignore").read_text(encoding="utf-8")
            assert f"!{source}\n" in ignored, f"{source} never reaches the builder"


def test_the_image_carries_the_airflow_that_the_tests_ran_with(root: Path) -> None:
    dockerfile = (root / "docker" / "Dockerfile").read_text(encoding="utf-8")
    lock = (root / "uv.lock").read_text(encoding="utf-8")
    locked = re.search(r'name = "apache-airflow"\nversion = "([^"]+)"', lock)
    assert locked is not None
    assert f"FROM apache/airflow:{locked[1]}-python" in dockerfile


@pytest.mark.parametrize("file", ["docker-compose.yml", "dags_examples/summarise_documents.py"])
def test_the_days_that_a_reader_is_told_to_trigger_are_in_the_sample(root: Path, file: str) -> None:
    days = set(re.findall(r"2026-01-\d\d", (root / file).read_text(encoding="utf-8")))
    folders = (root / "demo" / "data" / "documents").iterdir()
    assert "2026-01-02" in days
    assert days <= {folder.name.removeprefix("ds=") for folder in folders}


def test_the_worker_reaches_the_simulator_on_its_own_loopback(services: dict[str, Any]) -> None:
    worker = services["airflow-worker"]
    connection = json.loads(variables(worker)["AIRFLOW_CONN_AIMLAPI_DEFAULT"])
    port = services["simulator"]["command"][services["simulator"]["command"].index("--port") + 1]
    assert connection["host"] == f"http://127.0.0.1:{port}"
    assert worker["network_mode"] == "service:simulator"
    assert "network_mode" not in services["simulator"]


def test_the_simulator_takes_its_arguments_and_answers_the_health_check(
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
    airflow = [variables(services[name]) for name in ("api-server", "scheduler", "airflow-worker")]
    for name in ("AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__CORE__FERNET_KEY"):
        assert len({variables[name] for variables in airflow}) == 1
    store = json.loads(airflow[0]["AIRFLOW_CONN_AWS_DEFAULT"])
    s3 = variables(services["s3"])
    assert store["login"] == airflow[0]["AWS_ACCESS_KEY_ID"] == s3["AWS_ACCESS_KEY_ID"]
    assert store["password"] == airflow[0]["AWS_SECRET_ACCESS_KEY"] == s3["AWS_SECRET_ACCESS_KEY"]
    assert store["extra"]["endpoint_url"] == airflow[0]["AWS_ENDPOINT_URL"]


def test_nothing_is_reachable_from_other_machines(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


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
