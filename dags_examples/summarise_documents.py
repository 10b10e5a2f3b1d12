"""Summarise each day's documents: one Parquet folder per day in, one out, an asset on either side.

A day that is done is never paid for again: a cleared task finds the published result. The sample of
docker-compose.yml has the days 2026-01-01 to 2026-01-03, so trigger the DAG for 2026-01-02, for
example. For a day without a folder the task fails, because there is no input.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Asset

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

INPUT = os.environ.get("AIMLAPI_EXAMPLE_INPUT", "s3://lake/documents")
OUTPUT = os.environ.get("AIMLAPI_EXAMPLE_OUTPUT", "s3://lake/document_summaries")

# --- dag
with DAG(
    "summarise_documents",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["aimlapi", "example"],
):
    ClaudeCompletionOperator(
        task_id="summarise",
        input_path=INPUT + "/ds={{ ds }}/",
        output_path=OUTPUT + "/ds={{ ds }}/",
        system="You are an archivist. Answer with the summary alone.",
        prompt="Summarise in one sentence what {president} said in {year}:\n\n{text}",
        max_tokens=200,
        max_cost_usd=5,
        retries=3,
        retry_delay=timedelta(minutes=1),
        inlets=[Asset(INPUT)],
        outlets=[Asset(OUTPUT)],
    )
# --- end
