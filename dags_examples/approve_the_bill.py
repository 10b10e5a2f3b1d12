"""Let a person approve the estimated bill before the run.

The estimate pays for a sample of 20 rows. The run uses their answers and does not pay for them again.
A person finds the estimate under Required Actions. Without an approval within a day, the run is
skipped. Needs Airflow 3.1 or later.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator
from airflow_provider_aimlapi.operators.estimate import ClaudeCompletionEstimateOperator

INPUT = os.environ.get("AIMLAPI_EXAMPLE_INPUT", "s3://lake/documents")
OUTPUT = os.environ.get("AIMLAPI_EXAMPLE_HEADLINES", "s3://lake/document_headlines")
# Both operators get the same job. So they have the same run key, and the run finds the sample's answers.
# --- job
JOB: dict[str, Any] = {
    "input_path": INPUT + "/ds={{ ds }}/",
    "output_path": OUTPUT + "/ds={{ ds }}/",
    "prompt": "Write a headline for what {president} said in {year}:\n\n{text}",
    "max_tokens": 60,
    "max_cost_usd": 5,
}

# --- dag
with DAG(
    "approve_the_bill",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["aimlapi", "example"],
):
    estimate = ClaudeCompletionEstimateOperator(
        task_id="estimate",
        sample_rows=20,
        retries=3,
        retry_delay=timedelta(minutes=1),
        **JOB,
    )
    approve = ApprovalOperator(
        task_id="approve",
        subject="May the documents of {{ ds }} get their headlines?",
        body="{{ ti.xcom_pull(task_ids='estimate')['words'] }}",
        response_timeout=timedelta(days=1),
        defaults=ApprovalOperator.REJECT,
    )
    run = ClaudeCompletionOperator(
        task_id="write_headlines",
        retries=3,
        retry_delay=timedelta(minutes=1),
        **JOB,
    )
    estimate >> approve >> run
