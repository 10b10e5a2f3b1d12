"""This provider's engine on the same job, journal included.

Run as `python ours.py INPUT OUTPUT BASE_URL IN_FLIGHT`; prints its own cost as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from fsspec.implementations.local import LocalFileSystem

from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.engine.blocking import run_job
from airflow_provider_aimlapi.engine.job import Job, OpenLocation
from airflow_provider_aimlapi.engine.settings import Settings
from lab.benchmarks.cost import own_cost

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.answers.schema import AnswerSchema


def main(
    source: str, target: str, base_url: str, in_flight: str, *, schema: AnswerSchema | None = None
) -> None:
    """Run the job, with typed answers if there is a schema."""
    fs = LocalFileSystem()
    job = Job(
        completion=CompletionSpec(model="anthropic/claude-sonnet-4-6-20260218", max_tokens=1024),
        prompt="Summarise in two sentences:\n\n{text}",
        system=None,
        output_column="completion",
        limit_rows=None,
        endpoint=Endpoint(base_url=base_url, key="benchmark-key"),
        input=OpenLocation(fs=fs, path=source),
        output=OpenLocation(fs=fs, path=target),
        schema=schema,
    )
    report = run_job(job, Settings(max_concurrency=int(in_flight)))
    sys.stdout.write(json.dumps({"rows": report.tally.rows, **own_cost()}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
