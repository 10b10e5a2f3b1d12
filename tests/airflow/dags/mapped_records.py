"""`@task.claude_completion` mapped over another task's values, and chained on its own output."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from airflow.sdk import DAG, ObjectStoragePath, task

OUTPUT = os.environ.get("AIMLAPI_TEST_OUTPUT", "file:///out")

with DAG("mapped_records", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):

    @task
    def words() -> list[str]:
        return ["north", "south"]

    @task.claude_completion(output_path=OUTPUT + "/{{ task.op_kwargs['word'] }}", prompt="{text}")
    def mapped(word: str, ds: str | None = None) -> list[dict[str, str]]:
        return [{"text": f"Go {word} on {ds}."}]

    @task.claude_completion(
        output_path=ObjectStoragePath(OUTPUT + "/again"), prompt="{text}", output_column="second"
    )
    def again(paths: list[str]) -> ObjectStoragePath:
        """The input is another task's output."""
        return ObjectStoragePath(paths[0])

    again(mapped.expand(word=words()))
