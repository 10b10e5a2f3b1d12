"""A DAG of team blue."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

with DAG("blue_run", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
    ClaudeCompletionOperator(
        task_id="complete", prompt="{text}", input_path="/none/in", output_path="/none/out"
    )
