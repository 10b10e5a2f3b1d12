"""A range of past days, asked for with one command, and again when something has changed.

    airflow backfill create --dag-id backfill_documents \\
        --from-date 2026-01-01 --to-date 2026-01-03 \\
        --max-active-runs 2 --reprocess-behavior completed

Each day is a run of its own, known by its input and its prompt. `--reprocess-behavior completed`
has Airflow run the days again that it has run before; of those the operator pays for the ones whose
input, prompt or model is no longer the same, and finds the others published.
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
    catchup=False,  # the past is asked for by a backfill, not by switching the DAG on
    tags=["aimlapi", "example"],
):
    ClaudeCompletionOperator(
        task_id="classify",
        input_path=LAKE + "/documents/ds={{ ds }}/",
        output_path=LAKE + "/document_topics/ds={{ ds }}/",
        prompt="Name the three main topics of this text, comma-separated:\n\n{text}",
        output_column="topics",
        max_tokens=60,
        max_cost_usd=2,  # a day's
        max_concurrency=64,  # a day's; as many days run at once as --max-active-runs says
        retries=3,
        retry_delay=timedelta(minutes=1),
    )
# --- end
