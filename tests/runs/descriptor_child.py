"""A run in a process with few descriptors: `python -m tests.runs.descriptor_child URL IN OUT SOFT HARD`."""

from __future__ import annotations

import json
import logging
import resource
import sys

from fsspec.implementations.local import LocalFileSystem

from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.engine.blocking import run_job
from airflow_provider_aimlapi.engine.job import Job, OpenLocation
from airflow_provider_aimlapi.engine.settings import Settings
from tests.runs.conftest import KEY, MAX_TOKENS, MODEL, PROMPT


def main() -> None:
    """Run, and print the summary."""
    url, source, target, soft, hard = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(soft), int(hard)))
    logging.basicConfig(level=logging.INFO)
    fs = LocalFileSystem()
    job = Job(
        completion=CompletionSpec(model=MODEL, max_tokens=MAX_TOKENS),
        prompt=PROMPT,
        system=None,
        output_column="completion",
        limit_rows=None,
        endpoint=Endpoint(base_url=url, key=KEY),
        input=OpenLocation(fs=fs, path=source),
        output=OpenLocation(fs=fs, path=target),
    )
    report = run_job(job, Settings(max_concurrency=1_500, progress_interval_s=0.2))
    sys.stdout.write(json.dumps(report.as_return_value()))


if __name__ == "__main__":
    main()
