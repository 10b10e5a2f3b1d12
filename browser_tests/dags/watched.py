"""The DAG whose run is watched in the browser; a test gives its arguments as JSON in the environment."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

from airflow.sdk import DAG

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

with DAG("ticket_summaries", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
    ClaudeCompletionOperator(task_id="summarise", **json.loads(os.environ["AIMLAPI_ARGUMENTS"]))
