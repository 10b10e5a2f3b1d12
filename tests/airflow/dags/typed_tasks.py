"""Tasks with typed answers: a class, a templated mapping, a file, the decorator, and a mapped task."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Literal

from airflow.sdk import DAG, task
from pydantic import BaseModel, Field

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

INPUT, OUTPUT = (os.environ.get(f"AIMLAPI_TEST_{name}", "/none") for name in ("INPUT", "OUTPUT"))


class Ticket(BaseModel):
    """A ticket of {{ ds }}."""

    topic: Literal["billing", "delivery"]
    urgency: int = Field(ge=1, le=5)


MAPPING = {
    "type": "object",
    "properties": {"day": {"enum": ["{{ ds }}"]}, "n": {"type": ["integer", "null"]}},
    "required": ["day"],
}

with DAG("typed_tasks", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
    by_class = ClaudeCompletionOperator(
        task_id="by_class",
        input_path=INPUT,
        output_path=OUTPUT + "/class",
        prompt="{text}",
        output_schema=Ticket,
        output_column=None,
    )
    by_mapping = ClaudeCompletionOperator(
        task_id="by_mapping",
        input_path=INPUT,
        output_path=OUTPUT + "/mapping",
        prompt="{text}",
        output_schema=MAPPING,
        repairs="{{ 2 }}",
    )
    by_file = ClaudeCompletionOperator(
        task_id="by_file",
        input_path=INPUT,
        output_path=OUTPUT + "/file",
        prompt="{text}",
        output_schema="ticket.json",
    )
    mapped = ClaudeCompletionOperator.partial(
        task_id="mapped", input_path=INPUT, prompt="{text}", output_schema=Ticket
    ).expand(output_path=[OUTPUT + "/mapped"])

    @task.claude_completion(
        output_path=OUTPUT + "/decorated", prompt="{text}", output_schema=Ticket
    )
    def decorated() -> str:
        """Return the input."""
        return INPUT

    decorated()
