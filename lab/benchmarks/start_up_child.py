"""The run whose start is timed. `start_up_child S3_URL INPUT OUTPUT BASE_URL [without-obstore]`.

Says a line when its imports are done.
"""

from __future__ import annotations

import sys

import fsspec
import s3fs

from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.engine.blocking import run_job
from airflow_provider_aimlapi.engine.job import Job, OpenLocation
from airflow_provider_aimlapi.engine.settings import Settings

WITHOUT_OBSTORE = "without-obstore"
UNUSUAL = {"s3": {"addressing_style": "path"}}
"""s3fs's own default. Setting it keeps the footers from being read by obstore."""


def main(s3_url: str, source: str, target: str, base_url: str, *words: str) -> None:
    """Run until killed."""
    config = UNUSUAL if WITHOUT_OBSTORE in words else {}
    fs = s3fs.S3FileSystem(endpoint_url=s3_url, key="any", secret="any", config_kwargs=config)
    output = fs if target.startswith("s3://") else fsspec.filesystem("file")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    job = Job(
        completion=CompletionSpec(model="anthropic/claude-sonnet-4-6-20260218", max_tokens=1024),
        prompt="Summarise in two sentences:\n\n{text}",
        system=None,
        output_column="completion",
        limit_rows=None,
        endpoint=Endpoint(base_url=base_url, key="benchmark-key"),
        input=OpenLocation(fs=fs, path=source),
        output=OpenLocation(fs=output, path=target),
    )
    run_job(job, Settings())


if __name__ == "__main__":
    main(*sys.argv[1:])
