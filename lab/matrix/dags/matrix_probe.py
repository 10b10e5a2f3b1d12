"""A DAG that the matrix runs on each Airflow: a data set, records from a function, one call."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import DAG, task

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

FOLDER = Path(os.environ.get("AIMLAPI_MATRIX_FOLDER", "/nowhere"))


@task
def tell(**context: object) -> None:
    """Write down what this Airflow gives a task, and the answer to one call."""
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

    seen = {
        "state_store": context.get("task_state_store") is not None,
        "answer": AIMLAPIHook().complete("Say one word.", max_tokens=16).text,
    }
    (FOLDER / "seen.json").write_text(json.dumps(seen), encoding="utf-8")


@task.claude_completion(
    output_path=(FOLDER / "from_records").as_uri(), prompt="Repeat: {text}", max_tokens=16
)
def records() -> list[dict[str, str]]:
    return [{"text": "four"}, {"text": "five"}]


with DAG("matrix_probe", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
    complete = ClaudeCompletionOperator(
        task_id="complete",
        input_path=(FOLDER / "in").as_uri(),
        output_path=(FOLDER / "out").as_uri(),
        prompt="Repeat: {text}",
        max_tokens=16,
    )
    complete >> records() >> tell()
