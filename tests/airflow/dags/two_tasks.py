"""An estimate as a task and one inside another task, whose arguments a test gives as JSON."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, get_current_context, task

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator
from airflow_provider_aimlapi.operators.estimate import ClaudeCompletionEstimateOperator

ARGUMENTS = {
    "input_path": "file:///none",
    "output_path": "file:///out",
    "prompt": "{text}",
    **json.loads(os.environ.get("AIMLAPI_TEST_ARGUMENTS", "{}")),
}
OWN = {name: ARGUMENTS.pop(name) for name in ("sample_rows", "answer_tokens") if name in ARGUMENTS}

with DAG("two_tasks", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):

    @task
    def within_a_task() -> dict[str, Any]:
        """Call the operator's own method."""
        operator = ClaudeCompletionOperator(task_id="never_run", dag=None, **ARGUMENTS)
        return operator.estimate(get_current_context())

    ClaudeCompletionEstimateOperator(task_id="estimate", **OWN, **ARGUMENTS) >> within_a_task()
