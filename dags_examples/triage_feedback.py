"""Use `@task.claude_completion`: a function returns a few records, and the next task gets the answers.

The records are stored below the output path in a file named by its content. A retry that returns the
same records does not pay again for answered ones.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

from airflow.sdk import DAG, ObjectStoragePath, task

LAKE = os.environ.get("AIMLAPI_EXAMPLE_LAKE", "s3://lake")

with DAG(
    "triage_feedback",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["aimlapi", "example"],
):
    # --- decorator
    @task.claude_completion(
        output_path=LAKE + "/feedback_triage/ds={{ ds }}/",
        prompt="Is this urgent? Answer yes or no, and why in ten words.\n\n{text}",
        max_tokens=40,
        retries=3,
    )
    def triage(ds: str | None = None) -> list[dict[str, str]]:
        """Return the day's feedback, at most 1,000 records, or the path of a Parquet data set."""
        feedback = ObjectStoragePath(f"{LAKE}/feedback/{ds}.jsonl").read_text()
        return [json.loads(line) for line in feedback.splitlines()]

    @task
    def urgent(output_path: str) -> list[str]:
        """Return the urgent records from the path that `triage` returned."""
        import pyarrow.parquet as pq

        path = ObjectStoragePath(output_path)
        answers = pq.read_table(path.path, filesystem=path.fs, partitioning=None).to_pylist()
        return [row["id"] for row in answers if (row["completion"] or "").lower().startswith("yes")]

    urgent(triage())
    # --- end
