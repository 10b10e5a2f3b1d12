"""Other runs for the list: one that fails, a private one, and one with false progress."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, get_current_context, task

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

HOSTILE = "<script>hacked('model')</script><img src=x onerror=hacked('model')>"
GIVEN = json.loads(os.environ["AIMLAPI_ARGUMENTS"])
START = datetime(2026, 1, 1, tzinfo=UTC)
CHANGES: dict[str, dict[str, object]] = {
    "nightly_tags": {"model": "anthropic/claude-sonnet-4.7"},
    "private_payroll": {"limit_rows": 25},
}

for name, changes in CHANGES.items():
    with DAG(name, schedule=None, start_date=START):
        folder = GIVEN["output_path"].replace("ticket_summaries", name)
        ClaudeCompletionOperator(task_id="complete", **{**GIVEN, "output_path": folder, **changes})

with DAG("odd_model", schedule=None, start_date=START):

    @task
    def complete() -> None:
        """Store false progress, as any task of a DAG may."""
        told: Any = {"state": HOSTILE, "model": HOSTILE, "updated_us": 0, "rows": 1}
        get_current_context()["task_state_store"].set("aimlapi_progress", told)

    complete()
