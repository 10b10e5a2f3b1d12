"""The link from a task in Airflow's pages to its run's report. Airflow stores it at the task's end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from airflow.providers.common.compat.sdk import BaseOperatorLink, conf

from airflow_provider_aimlapi.core.reporting.task_facts import TaskFacts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

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
        return f"{server_address()}{MOUNT}/report?{urlencode(query)}"


def server_address() -> str:
    """Return Airflow's own address without a slash at its end; empty if it is not configured."""
    return (conf.get("api", "base_url", fallback="") or "").rstrip("/")


def task_facts(context: Mapping[str, Any]) -> TaskFacts | None:
    """Return what a report says about its task; None without a task instance, as in some tests."""
    instance = context.get("ti")
    if instance is None:
        return None
    index = getattr(instance, "map_index", None)
    facts = TaskFacts(
        dag_id=str(instance.dag_id),
        run_id=str(instance.run_id),
        task_id=str(instance.task_id),
        map_index=-1 if index is None else int(index),
        logical_date_us=moment_us(context.get("logical_date")),
    )
    server = server_address()
    return facts.with_address(server) if server else facts


def moment_us(date: datetime | None) -> int | None:
    """Return a date in microseconds since 1970; None for none."""
    return None if date is None else round(date.timestamp() * 1e6)
