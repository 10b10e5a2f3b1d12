"""A task with outlets of each kind, and one that reads what their events carry."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, Asset, AssetAlias, task

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

ARGUMENTS = {
    "input_path": "file:///none",
    "output_path": "file:///out",
    "prompt": "{text}",
    **json.loads(os.environ.get("AIMLAPI_TEST_ARGUMENTS", "{}")),
}
ANSWERS = Asset("answers", uri="s3://lake/answers")
ALSO = Asset("also", uri="s3://lake/also")

with DAG("told_assets", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):

    @task(inlets=[ANSWERS], outlets=[ALSO])  # so that the reference below refers to something
    def read(*, inlet_events: Any = None) -> dict[str, Any]:
        """As a DAG reads that waits for the asset."""
        return dict(inlet_events[ANSWERS][-1].extra)

    (
        ClaudeCompletionOperator(
            task_id="complete",
            outlets=[ANSWERS, Asset.ref(name="also"), AssetAlias("anything")],
            **ARGUMENTS,
        )
        >> read()
    )
