"""Other runs for the list: one that fails, a private one, and one with false progress."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, get_current_context, task

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator
from airflow_provider_aimlapi.operators.estimate import ClaudeCompletionEstimateOperator
from airflow_provider_aimlapi.operators.workers import claude_completion_group

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

with DAG("divided", schedule=None, start_date=START):
    folder = GIVEN["output_path"].replace("ticket_summaries", "divided")
    claude_completion_group(
        group_id="all", workers=2, **{**GIVEN, "output_path": folder, "limit_rows": 120}
    )

with DAG("paid_estimate", schedule=None, start_date=START):
    folder = GIVEN["output_path"].replace("ticket_summaries", "paid_estimate")
    ClaudeCompletionEstimateOperator(
        task_id="estimate", sample_rows=20, **{**GIVEN, "output_path": folder}
    )

with DAG("no_input", schedule=None, start_date=START):
    folder = GIVEN["output_path"].replace("ticket_summaries", "no_input")
    ClaudeCompletionOperator(
        task_id="complete", **{**GIVEN, "output_path": folder, "input_path": "/nowhere/tickets"}
    )

with DAG("killed", schedule=None, start_date=START):
    folder = GIVEN["output_path"].replace("ticket_summaries", "killed")
    ClaudeCompletionOperator(
        task_id="complete",
        retries=3,
        retry_delay=timedelta(seconds=75),
        **{**GIVEN, "output_path": folder},
    )

with DAG("other_work", schedule=None, start_date=START):

    @task
    def load() -> None:
        """Do nothing with the provider."""

    load()

with DAG("odd_model", schedule=None, start_date=START):

    @task
    def complete() -> None:
        """Store false progress, as any task of a DAG may."""
        told: Any = {"state": HOSTILE, "model": HOSTILE, "updated_us": 0, "rows": 1}
        get_current_context()["task_state_store"].set("aimlapi_progress", told)

    complete()
