"""Reads a run's progress from the task state store, which Airflow has from 3.3 on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from airflow_provider_aimlapi.core.durable.object_sizes import PROGRESS_BYTES_MAX
from airflow_provider_aimlapi.operators.telemetry.progress_sinks import (
    STATE_KEY,
    workers_keep_state,
)
from airflow_provider_aimlapi.plugins.task_key import text_of

if TYPE_CHECKING:
    from airflow_provider_aimlapi.plugins.task_key import TaskKey


def page_reads_task_state() -> bool:
    """Return whether this server can read the task state store. Then it reads no other store."""
    try:
        import airflow.state  # noqa: F401
    except ImportError:  # Airflow before 3.3
        return False
    return not workers_keep_state()


def stored_state(key: TaskKey, session: Any) -> str | None:
    """Return the stored progress of a task's run as JSON, cut after its limit.

    Args:
        session: a session of Airflow's database.
    """
    from airflow.models.task_state_store import TaskStateStoreModel as State
    from airflow.state import TaskScope, get_state_backend
    from airflow.state.metastore import MetastoreBackend

    backend = get_state_backend()
    found: str | None
    # Airflow's own backend is read by a query that cuts the value, which its method would not do.
    if type(backend) is MetastoreBackend:
        value = text_of(State.value, PROGRESS_BYTES_MAX)
        found = session.scalar(select(value).where(key.matches_in(State), State.key == STATE_KEY))
    else:  # a backend of the deployment, whose tables are not known
        scope = TaskScope(
            dag_id=key.dag_id, run_id=key.run_id, task_id=key.task_id, map_index=key.map_index
        )
        found = backend.get(scope, STATE_KEY, session=session)
    return found
