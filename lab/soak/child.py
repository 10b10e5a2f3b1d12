"""One attempt in a process of its own, as a worker would run it: `python -m lab.soak.child JSON`.

Says "ready" once all is imported, begins at SIGUSR1, ends cleanly at SIGTERM, and says in its last
line how it ended. Exit status: 0 published, 3 interrupted, 4 another error of ours; Python's own 1
for a bug.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
from typing import Any

import fsspec

from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.engine.blocking import run_job
from airflow_provider_aimlapi.engine.job import Job, OpenLocation
from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import AimlapiError, RunInterrupted

PUBLISHED, INTERRUPTED, FAILED = 0, 3, 4


def main() -> int:
    """Run the attempt that the argument describes."""
    order: dict[str, Any] = json.loads(sys.argv[1])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop, go = StopSignal(), threading.Event()

    def end(*_: object) -> None:
        stop.request_stop()
        go.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGUSR1, lambda *_: go.set())
    job, settings = _job(order), Settings(**order["settings"])
    _say("ready")
    go.wait()
    if stop.is_requested:  # a spare that nobody needed
        return INTERRUPTED
    try:
        report = run_job(job, settings, stop=stop)
    except AimlapiError as error:
        _say(json.dumps({"error": type(error).__name__, "text": str(error)}))
        return INTERRUPTED if isinstance(error, RunInterrupted) else FAILED
    _say(json.dumps({"requests": report.requests, "reused": report.reused}))
    return PUBLISHED


def _job(order: dict[str, Any]) -> Job:
    fs = fsspec.filesystem("s3", endpoint_url=order["s3_url"], key="any", secret="any")
    return Job(
        completion=CompletionSpec(model=order["model"], max_tokens=order["max_tokens"]),
        prompt=order["prompt"],
        system=None,
        output_column="completion",
        limit_rows=None,
        endpoint=Endpoint(base_url=order["api_url"], key=order["key"]),
        input=OpenLocation(fs=fs, path=f"{order['bucket']}/in"),
        output=OpenLocation(fs=fs, path=f"{order['bucket']}/out"),
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
