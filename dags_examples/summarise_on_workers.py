"""One data set on many workers: the work of one task, with its promises, done by four at a time.

`plan` divides the rows into shares, `complete` is mapped over them, `publish` puts the whole in place.
A pool keeps all workers together within what the account's limit allows: make one, with a slot for
each task that may call the API at the same time, and name it; docker-compose.yml does.
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
