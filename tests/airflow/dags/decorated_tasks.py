"""A function under `@task.claude_completion` that returns what a test gives as JSON."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, task

OUTPUT = os.environ.get("AIMLAPI_TEST_OUTPUT", "file:///out")
RETURNED = json.loads(os.environ.get("AIMLAPI_TEST_RETURNED", '"file:///none"'))

with DAG("decorated_tasks", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):

    @task.claude_completion(
        output_path=OUTPUT + "/one", prompt="{text}", retries=1, retry_delay=timedelta(0)
    )
    def complete(ds: str | None = None) -> Any:
        """Return the value that a test sets."""
        return RETURNED

    complete()
