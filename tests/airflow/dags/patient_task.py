"""A DAG of one operator that leaves waiting to its retry policy; a test gives its arguments."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

from airflow.sdk import DAG

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

ARGUMENTS = {
    "input_path": "file:///none",
    "output_path": "file:///out",
    "prompt": "{text}",
    **json.loads(os.environ.get("AIMLAPI_TEST_ARGUMENTS", "{}")),
}
if ARGUMENTS.pop("without_policy", False):
    ARGUMENTS["retry_policy"] = None

with DAG("patient_task", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
    ClaudeCompletionOperator(task_id="complete", retries=1, **ARGUMENTS)
