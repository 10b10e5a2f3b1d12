"""`python -m demo.ui`: a whole Airflow with the example DAGs and the run page, until Ctrl-C.

The API and S3 are simulated, as in `python -m demo`. All files are in .demo/ui/ beside this package.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from demo import tickets
from demo.airflow_run import AirflowRun
from demo.children import ROOT, DemoFailed, child, free_port, simulator
from demo.run import DAG_ID, DAY, alone_in, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

USER = "admin"
LOOK_EVERY_S = 1.0
LOOKS_MAX = 240
"""Server and DAGs are waited for so often. On two busy cores, they need about a minute."""
CALL_S_MAX = 60.0
"""A busy machine answers late, and a server that is not there yet refuses the call at once."""
SERVICES = ("scheduler", "dag-processor", "triggerer")


class AirflowSite:
    """The address of an api-server, and a user's token for its API."""

    def __init__(self, port: int, password: str) -> None:
        self.url = f"http://localhost:{port}"
        self._address = f"http://127.0.0.1:{port}"
        self._password = password
        self._token = ""
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def log_in(self) -> None:
        """Get a token."""
        words = {"username": USER, "password": self._password}
        self._token = self.call("POST", "/auth/token", words)["access_token"]

    def dag_ids(self) -> list[str]:
        """Return the DAGs that the server lists."""
        return [dag["dag_id"] for dag in self.call("GET", "/api/v2/dags?limit=100")["dags"]]

    def trigger(self, dag_id: str, day: str) -> None:
        """Run a DAG for a day, unless it has such a run."""
        self.call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})
        run = {"dag_run_id": f"demo-{day}", "logical_date": f"{day}T00:00:00Z"}
        with suppress(urllib.error.HTTPError):  # 409: an earlier demo has made it
            self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", run)

    def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        """Return the answer of the API."""
        request = urllib.request.Request(  # noqa: S310  our own server
            self._address + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                **({"Authorization": f"Bearer {self._token}"} if self._token else {}),
            },
        )
        with self._opener.open(request, timeout=CALL_S_MAX) as answer:
            return json.load(answer)


def run_site(folder: Path, *, latency_s: float = 0.5) -> None:
    """Run Airflow with its simulated API and S3 until Ctrl-C.

    Raises:
        DemoFailed: a service did not start.
    """
    with alone_in(folder), _simulated(folder, latency_s) as (api_url, s3_url):
        password = secrets.token_urlsafe(9)
        port = free_port(folder / "airflow.port")
        airflow = AirflowRun(
            home=folder / "airflow",
            dags=ROOT / "dags_examples",
            log=folder / "airflow.log",
            api_url=api_url,
            s3_url=s3_url,
        )
        print(
            f"Airflow  starting, which takes a minute; its output: {shown(folder)}/*.log",
            flush=True,
        )
        airflow.migrate()
        tickets.make_warehouse(airflow.warehouse)
        variables = airflow.environment | _site_variables(folder, port, password)
        with ExitStack() as services:
            words = ["api-server", "--host", "127.0.0.1", "--port", str(port)]
            processes = [services.enter_context(_service(folder, variables, words))]
            processes += [
                services.enter_context(_service(folder, variables, [name])) for name in SERVICES
            ]
            site = AirflowSite(port, password)
            _wait_until_listed(site, processes)
            site.trigger(DAG_ID, DAY)
            _print_addresses(site, password)
            services.callback(_stop, processes)
            _wait_for_end(processes)


@contextmanager
def _simulated(folder: Path, latency_s: float) -> Iterator[tuple[str, str]]:
    """Run the API and S3, and yield their addresses."""
    from demo.lake import Lake, Saving
    from demo.s3_server import S3Server

    api_port = free_port(folder / "simulator.port")
    log = folder / "simulator.log"
    with (
        simulator(latency_s=latency_s, max_concurrent=16, port=api_port, log=log) as api_url,
        S3Server() as s3,
    ):
        lake = Lake(s3.url, folder / "lake")
        lake.fill(ROOT / "demo" / "data")
        with Saving(lake):
            yield api_url, s3.url


def _site_variables(folder: Path, port: int, password: str) -> dict[str, str]:
    """Return what the services need besides what a single DAG run needs."""
    passwords = folder / "passwords.json"
    passwords.touch(mode=0o600)
    passwords.write_text(json.dumps({USER: password}), encoding="utf-8")
    return {
        "AIRFLOW__API__BASE_URL": f"http://localhost:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__CORE__PARALLELISM": "4",
        # The sample has three days of January, so a schedule would only make runs without input.
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
    }


@contextmanager
def _service(
    folder: Path, variables: Mapping[str, str], words: list[str]
) -> Iterator[subprocess.Popen[str]]:
    """Run one of Airflow's services, and end it with all processes that it has started."""
    log = (folder / f"{words[0]}.log").open("w", encoding="utf-8")
    with (
        log,
        child(["airflow", *words], variables, stdout=log, stderr=subprocess.STDOUT) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(8)
            with suppress(ProcessLookupError):  # its workers are in the group that it leads
                os.killpg(process.pid, signal.SIGKILL)


def _wait_until_listed(site: AirflowSite, processes: list[subprocess.Popen[str]]) -> None:
    """Wait until the server answers and lists the example DAGs."""
    examples = len(list((ROOT / "dags_examples").glob("*.py")))
    for _ in range(LOOKS_MAX):
        _check_alive(processes)
        with suppress(OSError, KeyError, ValueError):
            site.log_in()
            if len(site.dag_ids()) >= examples:
                return
        time.sleep(LOOK_EVERY_S)
    raise DemoFailed("Airflow did not list the example DAGs. See its logs in .demo/ui/.")


def _stop(processes: list[subprocess.Popen[str]]) -> None:
    """Let all services end at the same time, before each is waited for."""
    for process in processes:
        process.terminate()


def _check_alive(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        if process.poll() is not None:
            raise DemoFailed("A service of Airflow has ended. See its logs in .demo/ui/.")


def _print_addresses(site: AirflowSite, password: str) -> None:
    print(f"\nOpen     {site.url}   user {USER}, password {password}")
    print(f"DAGs     {', '.join(sorted(site.dag_ids()))}")
    print(f"Running  {DAG_ID} for {DAY}: {site.url}/dags/{DAG_ID}/runs/demo-{DAY}")
    print(f"Page     the tab AI/ML API run of its task; all runs: {site.url}/plugin/aimlapi_runs")
    print("         The sample has the days 2026-01-01 to 2026-01-03. All answers are simulated.")
    print("Stop     Ctrl-C", flush=True)


def _wait_for_end(processes: list[subprocess.Popen[str]]) -> None:
    while True:
        _check_alive(processes)
        time.sleep(LOOK_EVERY_S)


def main() -> int:
    """Return the exit status: 0 after Ctrl-C, 1 if something failed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run_site(ROOT / ".demo" / "ui")
    except DemoFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Results are in .demo/ui/lake. Start it again with make demo-ui.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
