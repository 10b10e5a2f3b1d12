"""Run a range of past days with one command, and run it again after a change.

    airflow backfill create --dag-id backfill_documents \\
        --from-date 2026-01-01 --to-date 2026-01-03 \\
        --max-active-runs 2 --reprocess-behavior completed

Each day is a run of its own. `--reprocess-behavior completed` has Airflow run days again that it has
run before. The operator pays only for days whose input, prompt or model has changed. It finds the
other days published.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

LAKE = os.environ.get("AIMLAPI_EXAMPLE_LAKE", "s3://lake")

# --- dag
with DAG(
    "backfill_documents",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,  # a backfill runs past days, not the DAG itself
    tags=["aimlapi", "example"],
):
    ClaudeCompletionOperator(
        task_id="classify",
        input_path=LAKE + "/documents/ds={{ ds }}/",
        output_path=LAKE + "/document_topics/ds={{ ds }}/",
        prompt="Name the three main topics of this text, comma-separated:\n\n{text}",
        output_column="topics",
        max_tokens=60,
        max_cost_usd=2,  # for each day
        max_concurrency=64,  # for each day; --max-active-runs limits the days at a time
        retries=3,
        retry_delay=timedelta(minutes=1),
    )
# --- end
