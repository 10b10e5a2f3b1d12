"""Process one data set on four workers, with the promises of a single task.

`plan` divides the rows into shares, `complete` is mapped over them, and `publish` publishes the whole.
A pool limits the tasks that call the API at the same time, so that all workers together respect the
account's limit. Create one as docker-compose.yml does, with a slot for each such task.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

from airflow.sdk import DAG

from airflow_provider_aimlapi.operators.workers import claude_completion_group

LAKE = os.environ.get("AIMLAPI_EXAMPLE_LAKE", "s3://lake")
POOL = os.environ.get("AIMLAPI_EXAMPLE_POOL", "default_pool")

with DAG(
    "summarise_on_workers",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["aimlapi", "example"],
):
    # --- group
    claude_completion_group(
        group_id="summarise",
        workers=4,
        pool=POOL,
        input_path=LAKE + "/documents/ds={{ ds }}/",
        output_path=LAKE + "/document_gists/ds={{ ds }}/",
        prompt="Say in one sentence what this text is about:\n\n{text}",
        max_tokens=200,
        max_cost_usd=50,
        retries=3,
    )
    # --- end
