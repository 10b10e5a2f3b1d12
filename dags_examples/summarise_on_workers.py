"""One data set on many workers: the work of one task, with its promises, done by four at a time.

`plan` divides the rows into shares, `complete` is mapped over them, `publish` puts the whole in place.
A pool keeps all workers together within what the account's limit allows.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

from airflow.sdk import DAG

from airflow_provider_aimlapi.operators.workers import claude_completion_group

LAKE = os.environ.get("AIMLAPI_EXAMPLE_LAKE", "s3://lake")

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
        pool="default_pool",
        input_path=LAKE + "/reviews/ds={{ ds }}/",
        output_path=LAKE + "/review_summaries/ds={{ ds }}/",
        prompt="Summarise this review in one sentence:\n\n{body}",
        max_tokens=100,
        retries=3,
    )
    # --- end
