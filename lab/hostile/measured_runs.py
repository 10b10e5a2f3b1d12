"""A program that makes whole runs, one after another, and reports the end and the cost of each.

It reads one order in JSON from each line of its input and writes one line for each. The server is
in another process, so that the memory measured here is the provider's alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import logging
import resource
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.engine.blocking import run_job
from airflow_provider_aimlapi.engine.calls import failed_rows
from airflow_provider_aimlapi.engine.job import Job, OpenLocation
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import AimlapiError, ApiUnavailable
from lab.hostile.case import KEY

_STATUS = Path("/proc/self/status")
STALL_TIMEOUT_S = 0.1
"""Until the run ends, once only the hostile row is left."""
PAUSE_S = 0.5
"""Replaces the pauses of a minute or five before a row that failed is sent again."""
for name in ("BILLED_PAUSE_S", "PAUSE_S"):
    setattr(failed_rows, name, PAUSE_S)


def job(order: dict[str, Any]) -> Job:
    """Return the job of an order."""
    fs = LocalFileSystem()
    return Job(
        completion=CompletionSpec(model="anthropic/claude-sonnet-4-6-20260218", max_tokens=256),
        prompt="{body}",
        system=None,
        output_column="completion",
        limit_rows=None,
        endpoint=Endpoint(base_url=order["base_url"], key=KEY),
        input=OpenLocation(fs=fs, path=order["input"]),
        output=OpenLocation(fs=fs, path=order["output"]),
    )


def ending(order: dict[str, Any]) -> dict[str, Any]:
    """Run, and return how it ended. An error that is not the provider's ends this program.

    If only the hostile row is left when it fails, nothing tells it from an outage, and the run ends as
    unavailable.
    """
    settings = Settings(
        request_timeout_s=order["timeout_s"],
        max_attempts=4,
        max_rejected_rows=2,
        max_concurrency=16,
        stall_timeout_s=STALL_TIMEOUT_S,
    )
    try:
        report = run_job(job(order), settings)
    except AimlapiError as error:
        unavailable = str(error) if isinstance(error, ApiUnavailable) else None
        return {
            "error": type(error).__name__,
            "words": f"{error!r} {error} {vars(error)}",
            "unavailable": unavailable,
        }
    return {"summary": report.as_return_value(), "reused": report.reused, "unavailable": None}


def memory_bytes(name: str) -> int:
    """VmRSS or VmHWM of this process; where there is no /proc, the peak for both."""
    if not _STATUS.exists():
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def forget_peak() -> None:
    """Return free memory, and let the kernel count the peak from here."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")


def main() -> None:
    """Serve orders until the input ends."""
    logging.basicConfig(level=logging.DEBUG)  # whatever is logged ends in stderr, to be looked at
    for line in sys.stdin:
        order = json.loads(line)
        forget_peak()
        before = memory_bytes("VmRSS")
        result = ending(order)
        growth = memory_bytes("VmHWM") - before
        print(json.dumps({**result, "name": order["name"], "growth": growth}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
