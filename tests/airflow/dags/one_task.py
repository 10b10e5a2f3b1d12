"""A DAG of one operator, whose arguments a test gives as JSON in the environment."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

ARGUMENTS = {
    "input_path": "file:///none",
    "output_path": "file:///out",
    "prompt": "{text}",
    **json.loads(os.environ.get("AIMLAPI_TEST_ARGUMENTS", "{}")),
}
DAG_ARGUMENTS = json.loads(os.environ.get("AIMLAPI_TEST_DAG_ARGUMENTS", "{}"))
TIMEOUT_S = ARGUMENTS.pop("execution_timeout_s", None)

START = datetime(2026, 1, 1, tzinfo=UTC)

with DAG("one_task", schedule=None, start_date=START, **DAG_ARGUMENTS):
    ClaudeCompletionOperator(
        task_id="complete",
        retries=1,
        retry_delay=timedelta(0),
        execution_timeout=timedelta(seconds=TIMEOUT_S) if TIMEOUT_S else None,
        **ARGUMENTS,
    )
