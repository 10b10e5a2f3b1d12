"""A DAG whose runs stand for partitions, which there are from Airflow 3.2 on."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

from airflow.sdk import DAG, Asset, CronPartitionTimetable

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

ARGUMENTS = {
    "input_path": "file:///none",
    "output_path": "file:///out",
    "prompt": "{text}",
    **json.loads(os.environ.get("AIMLAPI_TEST_ARGUMENTS", "{}")),
}

with DAG(
    "partitioned",
    schedule=CronPartitionTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
):
    ClaudeCompletionOperator(
        task_id="complete", outlets=[Asset("days", uri="s3://lake/days")], **ARGUMENTS
    )
