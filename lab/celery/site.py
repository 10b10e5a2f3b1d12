"""A whole Airflow on CeleryExecutor: docker-compose.yml's services as processes of this machine.

Commands, environments and health checks are the file's own; `compose.Addresses` says what differs.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from demo.children import ROOT, child_environment, free_port
from lab.celery import compose, debian
from lab.celery.processes import airflow_process, kill, memory_mb
from lab.celery.rest import Rest

if TYPE_CHECKING:
    import psutil

DAGS = (ROOT / "dags_examples", Path(__file__).parent / "dags")
FIRST_WORKER = "airflow-worker-1"
START_S_MAX = 300.0
LOOK_EVERY_S = 1.0


class NotStarted(Exception):
    """A service did not pass its health check. The text contains the end of its log."""


def _worker(number: int) -> str:
    return f"{FIRST_WORKER.removesuffix('1')}{number}"


class Site:
    """Database, broker, and all services of Airflow's but the workers, which come and go.

    Attributes:
        rest: Airflow's API.
    """

    def __init__(self, folder: Path, *, api_url: str, s3_url: str) -> None:
        """Choose ports; nothing is started yet.

        Args:
            folder: for everything that is made. api_url, s3_url: of simulator and store.
        """
        self._folder = folder
        ports = [free_port(folder / f"port-{number}") for number in range(6)]
        self._at = compose.Addresses(
            secrets=folder / "secrets",
            api_url=api_url,
            s3_url=s3_url,
            postgres=ports[0],
            redis=ports[1],
            airflow=ports[2],
            scheduler_health=ports[3],
            logs=(ports[4], ports[5]),
        )
        self.rest = Rest(f"http://127.0.0.1:{ports[2]}", self._at.secrets / "login.json")
        self._services: list[psutil.Process] = []
        self._workers: list[tuple[psutil.Process, ExitStack]] = []
        self._owner = ExitStack()

    def __enter__(self) -> Self:
        """Start everything in the order of the file's conditions."""
        with ExitStack() as stack:
            self._at.secrets.mkdir(mode=0o700)
            self.run_once("make-secrets")
            self._start_servers(stack)
            stack.callback(self.set_workers, 0)
            self.run_once("airflow-init")
            for name, command in compose.airflow_services().items():
                if name != "airflow-init" and command[0] != "celery":
                    self._services.append(
                        stack.enter_context(
                            airflow_process(command, self._environment(name), self._log(name))
                        )
                    )
            for name, command in compose.airflow_services().items():
                if name != "airflow-init" and command[0] != "celery":
                    self._wait_for(name, compose.health_check(name))
            self._owner = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End everything."""
        self._owner.close()

    def set_workers(self, wanted: int) -> None:
        """Run this number of workers, with one task each, so that tasks are spread over all workers."""
        while len(self._workers) > wanted:
            self._workers.pop()[1].close()
        started = range(len(self._workers) + 1, wanted + 1)
        self._workers += [self._start_worker(number) for number in started]
        for number in started:
            name = _worker(number)
            self._wait_for(name, compose.health_check(FIRST_WORKER).replace(FIRST_WORKER, name))

    def kill_worker(self) -> None:
        """Kill the last worker and its task by `kill -9`."""
        process, stack = self._workers.pop()
        kill(process)
        stack.close()

    def run_once(self, name: str) -> None:
        """Run a service that does its work and ends, such as the one that fills the lake.

        Raises:
            NotStarted: it failed.
        """
        with self._log(name).open("a", encoding="utf-8") as output:
            done = subprocess.run(
                self._command(name),
                cwd=ROOT,
                env=child_environment(self._environment(name)),
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode != 0:
            raise NotStarted(f"{name} ended with {done.returncode}:\n{self.log(name)}")

    def redis_says_without_password(self) -> str:
        """Return the broker's answer to a client that has no password."""
        asked = [debian.program("redis-cli"), "-p", str(self._at.redis), "ping"]
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()

    def memory_mb(self) -> float:
        """Return the memory of Airflow's processes, without database, broker, store and simulator."""
        return memory_mb([*self._services, *(process for process, _ in self._workers)])

    def log(self, name: str, characters: int = 3000) -> str:
        """Return the end of a service's log."""
        return self._log(name).read_text(encoding="utf-8", errors="replace")[-characters:]

    def _start_servers(self, stack: ExitStack) -> None:
        """Start the database and the broker with the passwords that were made."""
        stack.enter_context(
            debian.postgres(
                self._folder,
                self._at.postgres,
                name=compose.variables(compose.services()["postgres"])["POSTGRES_USER"],
                password=(self._at.secrets / "postgres_password").read_text(encoding="utf-8"),
            )
        )
        stack.enter_context(
            debian.redis(
                self._folder,
                self._at.redis,
                command=self._command("redis"),
                check=self._at.native(compose.health_check("redis")),
            )
        )

    def _command(self, name: str) -> list[str]:
        return [self._at.native(word) for word in compose.one_off(name)]

    def _start_worker(self, number: int) -> tuple[psutil.Process, ExitStack]:
        """Start the file's first worker under another name. Only the very first one serves its logs."""
        name = _worker(number)
        command = [
            word.replace(FIRST_WORKER, name) for word in compose.airflow_services()[FIRST_WORKER]
        ]
        command += ["--concurrency", "1", *(["--skip-serve-logs"] if number > 1 else [])]
        stack = ExitStack()
        process = stack.enter_context(
            airflow_process(command, self._environment(FIRST_WORKER), self._log(name))
        )
        return process, stack

    def _environment(self, name: str) -> dict[str, str]:
        found = self._at.environment(name, home=self._folder / "airflow", dags=DAGS)
        path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
        return found | {"PATH": path}

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _wait_for(self, name: str, check: str) -> None:
        """Wait until the file's own health check passes."""
        environment = child_environment(
            self._environment(name if name in compose.services() else FIRST_WORKER)
        )
        waiting = threading.Event()
        said = ""
        for _ in range(int(START_S_MAX / LOOK_EVERY_S)):
            asked = subprocess.run(
                ["/bin/sh", "-c", self._at.native(check)],
                env=environment,
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            if asked.returncode == 0:
                return
            said = asked.stdout + asked.stderr
            waiting.wait(LOOK_EVERY_S)
        raise NotStarted(f"{name}: {check}\n{said}\n{self.log(name)}")
