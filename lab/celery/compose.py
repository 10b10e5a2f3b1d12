"""docker-compose.yml, read as Compose reads it without variables. It starts nothing.

`Addresses` is the one difference between the containers and the same services without them.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
BUNDLE = "airflow.dag_processing.bundles.local.LocalDagBundle"
SECRETS = "/opt/airflow/secrets"
"""Where each container has the volume of secrets."""


def services() -> dict[str, dict[str, Any]]:
    """Return all services, as the file has them."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
    return found


def with_defaults(text: str) -> str:
    """Replace the variables of a value. `$$` stands for a dollar."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text).replace("$$", "$")


def variables(service: dict[str, Any]) -> dict[str, str]:
    """Return a service's environment."""
    texts = service.get("environment", {})
    return {name: with_defaults(str(text)) for name, text in texts.items()}


def airflow_services() -> dict[str, list[str]]:
    """Return the arguments of Airflow's entry point for each service, the workers last."""
    found = {
        name: words(service["command"])
        for name, service in services().items()
        if "AIRFLOW__CORE__EXECUTOR" in service.get("environment", {})
    }
    return dict(sorted(found.items(), key=lambda each: each[1][0] == "celery"))


def words(command: str | list[str]) -> list[str]:
    """Return a command as a list, in whichever form the file has it."""
    return [with_defaults(word) for word in _split(command)]


def one_off(name: str) -> list[str]:
    """Return the command of a service that ends by itself, with this tree's files instead of mounts."""
    service = services()[name]
    command = [word for key in ("entrypoint", "command") for word in words(service.get(key, []))]
    for volume in service.get("volumes", []):
        source, target, *_ = volume.split(":")
        if source.startswith("."):
            command = [word.replace(target, str(ROOT / source)) for word in command]
    return command


def health_check(name: str) -> str:
    """Return a service's health check as a shell line."""
    kind, *check = services()[name]["healthcheck"]["test"]
    return with_defaults(check[0] if kind == "CMD-SHELL" else shlex.join(check))


def _split(command: str | list[str]) -> list[str]:
    return shlex.split(command) if isinstance(command, str) else command


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where on this machine each of the containers is played.

    Attributes:
        secrets: folder, in place of the volume that holds them.
        api_url, s3_url: of the simulator and the store, without a slash at the end.
        postgres, redis, airflow, scheduler_health: ports of 127.0.0.1.
        logs: ports at which workers and triggerer show what they are writing.
    """

    secrets: Path
    api_url: str
    s3_url: str
    postgres: int
    redis: int
    airflow: int
    scheduler_health: int
    logs: tuple[int, int]

    def native(self, text: str) -> str:
        """Replace each container's host and port in a value or a command."""
        here = f"http://127.0.0.1:{self.airflow}"
        for there, address in (
            (SECRETS, str(self.secrets)),
            ("http://127.0.0.1:8123", self.api_url),
            ("http://s3:8333", self.s3_url),
            ("@postgres/", f"@127.0.0.1:{self.postgres}/"),
            ("@redis:6379/", f"@127.0.0.1:{self.redis}/"),
            ("http://api-server:8080", here),
            ("http://localhost:8080", here),
            ("http://localhost:8974", f"http://127.0.0.1:{self.scheduler_health}"),
        ):
            text = text.replace(there, address)
        return text

    def environment(self, name: str, *, home: Path, dags: tuple[Path, ...]) -> dict[str, str]:
        """Return a service's environment on this machine.

        Args:
            home: in place of /opt/airflow. dags: folders, in place of the one that is mounted there.
        """
        shipped = variables(services()[name])
        bundles = [
            {"name": folder.name, "classpath": BUNDLE, "kwargs": {"path": str(folder)}}
            for folder in dags
        ]
        return {variable: self.native(value) for variable, value in shipped.items()} | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
            "AIRFLOW__API__PORT": str(self.airflow),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self.scheduler_health),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(self.logs[0]),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(self.logs[1]),
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }
