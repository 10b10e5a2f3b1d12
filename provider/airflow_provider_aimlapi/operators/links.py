"""The link from a task in Airflow's pages to its run's report. Airflow stores it at the task's end."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from airflow.providers.common.compat.sdk import BaseOperatorLink, conf

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey

MOUNT = "/aimlapi"
"""The path of the run page on Airflow's API server."""


class RunReportLink(BaseOperatorLink):
    """Links to the report that Airflow's API server makes from the run's progress."""

    @property
    def name(self) -> str:
        """Return the text of the link."""
        return "Run report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002  Airflow's signature
        """Return the report's address, below `[api] base_url` if that is configured."""
        query = {
            "dag_id": ti_key.dag_id,
            "run_id": ti_key.run_id,
            "task_id": ti_key.task_id,
            "map_index": ti_key.map_index,
        }
        server = conf.get("api", "base_url", fallback="") or ""
        return f"{server.rstrip('/')}{MOUNT}/report?{urlencode(query)}"
