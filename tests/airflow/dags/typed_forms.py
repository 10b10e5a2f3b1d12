"""Schemas as files and texts, in a group, in mapped tasks and in the decorator."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator
from airflow_provider_aimlapi.operators.workers import claude_completion_group

INPUT, OUTPUT = (os.environ.get(f"AIMLAPI_TEST_{name}", "/none") for name in ("INPUT", "OUTPUT"))
TOPIC = '{"type": "object", "properties": {"topic": {"const": "{{ ds }}"}}, "required": ["topic"]}'
ODD_NAME = " schemas/Ticket v1.5 (draft).JSON"
SAME: dict[str, Any] = {"input_path": INPUT, "prompt": "{text}"}

with DAG("typed_forms", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
    claude_completion_group(
        group_id="group",
        workers=2,
        output_path=OUTPUT + "/group",
        output_schema="ticket.json",
        output_column=None,
        **SAME,
    )
    ClaudeCompletionOperator.partial(
        task_id="mapped", output_schema="{{ 'ticket' }}.json", **SAME
    ).expand(output_path=[OUTPUT + "/mapped"])
    ClaudeCompletionOperator.partial(task_id="expanded", **SAME).expand_kwargs(
        [
            {"output_path": OUTPUT + "/expanded_file", "output_schema": ODD_NAME},
            {"output_path": OUTPUT + "/expanded_text", "output_schema": TOPIC},
        ]
    )
    ClaudeCompletionOperator(
        task_id="text", output_path=OUTPUT + "/text", output_schema=TOPIC, **SAME
    )

    @task.claude_completion(
        output_path=OUTPUT + "/decorated",
        prompt="{text}",
        output_schema=ODD_NAME,
        output_column=None,
    )
    def decorated() -> str:
        """Return the input."""
        return INPUT

    decorated()
