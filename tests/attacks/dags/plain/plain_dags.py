"""DAGs of no team: one for each user, and one whose tasks only look like ours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow.sdk import Context

START = datetime(2026, 1, 1, tzinfo=UTC)
PATHS: dict[str, Any] = {"input_path": "/none/in", "output_path": "/none/out"}


class ClaudeCompletionImitation(BaseOperator):
    """Has the fields of ours, and is not ours."""

    template_fields: Collection[str] = ("output_path", "storage_conn_id", "share")

    def __init__(self, *, output_path: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_path = output_path
        self.storage_conn_id = self.share = None

    def execute(self, context: Context) -> None:
        """Do nothing."""


class OwnCompletion(ClaudeCompletionOperator):
    """A subclass, of which the server cannot know what it makes of its fields."""


for user in ("ada", "bob"):
    with DAG(f"{user}_run", schedule=None, start_date=START):
        ClaudeCompletionOperator(task_id="complete", prompt="{text}", **PATHS)

with DAG("ada_imitations", schedule=None, start_date=START):
    ClaudeCompletionImitation(task_id="imitation", output_path=PATHS["output_path"])
    OwnCompletion(task_id="subclass", prompt="{text}", **PATHS)
