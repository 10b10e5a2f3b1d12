"""Make one call in a task of your own with the hook: no data set, no output path.

Nothing stores the answer, so a retry of the task pays again. Use `@task.claude_completion` for more
than a few prompts.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, task

with DAG(
    "write_headline",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["aimlapi", "example"],
):
    # --- hook
    @task(retries=2)
    def headline(ds: str | None = None) -> str:
        from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

        answer = AIMLAPIHook().complete(
            f"Write a headline of ten words for the market report of {ds}.",
            system="You are a newspaper's editor.",
            max_tokens=60,
        )
        return answer.text or ""

    headline()
    # --- end
