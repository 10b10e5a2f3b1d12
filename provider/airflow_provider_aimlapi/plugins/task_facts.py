"""Reads what Airflow knows about a task instance, for the run page: its state, its tries, its dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.providers.common.compat.sdk import conf
from msgspec.structs import replace
from sqlalchemy import and_, literal, select

from airflow_provider_aimlapi.core.reporting.task_facts import TaskFacts
from airflow_provider_aimlapi.errors import AimlapiError
from airflow_provider_aimlapi.operators.links import moment_us, server_address
from airflow_provider_aimlapi.plugins.task_definition import task_definitions
from airflow_provider_aimlapi.plugins.task_source import OWN_OPERATORS

if TYPE_CHECKING:
    from airflow_provider_aimlapi.plugins.task_key import TaskKey

SILENT = timedelta(seconds=30)
"""A worker sends Airflow a heartbeat every few seconds. After six missing ones, it may be lost."""
PLAN_OPERATOR = "ClaudeCompletionPlanOperator"
"""Its task has no run, but a page that shows why it failed."""


def read_task_facts(key: TaskKey, session: Any, now: datetime) -> TaskFacts:
    """Return the facts about a task instance; its names alone if Airflow has no such instance.

    Args:
        session: a session of Airflow's database.
    """
    # Without a configured address, the way back starts from the page's own: `<Airflow>/aimlapi/page`.
    names = TaskFacts(
        dag_id=key.dag_id, run_id=key.run_id, task_id=key.task_id, map_index=key.map_index
    ).with_address(server_address() or "..")
    found = session.execute(_query_of_task(key)).first()
    if found is None:
        return names
    operator = found.operator
    return replace(
        names,
        logical_date_us=moment_us(found.logical_date),
        is_ours=None if operator is None else operator in {*OWN_OPERATORS, PLAN_OPERATOR},
        state=None if found.state is None else str(found.state),
        try_number=found.try_number or 0,
        tries=max(0, found.max_tries) + 1,
        began_us=moment_us(found.start_date),
        next_try_us=moment_us(_next_try(found, key, session)),
        ends_try_us=moment_us(_end_of_try(found, now)),
        wait_s=_longest_wait_s(),
    )


def _query_of_task(key: TaskKey) -> Any:
    columns = TaskInstance
    # Airflow has the column from 3.3 on.
    override = getattr(columns, "retry_delay_override", literal(None))
    same_run = and_(DagRun.dag_id == columns.dag_id, DagRun.run_id == columns.run_id)
    return (
        select(
            columns.state,
            columns.operator,
            columns.try_number,
            columns.max_tries,
            columns.start_date,
            columns.end_date,
            columns.last_heartbeat_at,
            override.label("retry_delay_override"),
            DagRun.logical_date,
        )
        .join(DagRun, same_run)
        .where(key.matches_in(columns))
    )


def _next_try(found: Any, key: TaskKey, session: Any) -> datetime | None:
    """Return when Airflow starts the next try; None if it waits for none, or if that is not known."""
    if found.state != "up_for_retry" or found.end_date is None:
        return None
    delay_s = found.retry_delay_override
    if delay_s is None:
        delay_s = _retry_delay_s(key, session)
    if delay_s is None:
        return None
    end: datetime = found.end_date
    return end + timedelta(seconds=delay_s)


def _retry_delay_s(key: TaskKey, session: Any) -> float | None:
    try:
        definitions = task_definitions(key, session)
    except AimlapiError:
        return None
    if len(definitions) != 1 or (delay_s := definitions[0].retry_delay_s()) is None:
        return None
    return delay_s


def _end_of_try(found: Any, now: datetime) -> datetime | None:
    """Return when Airflow ends a try whose worker is silent; None while the worker is heard."""
    heard: datetime | None = found.last_heartbeat_at
    if found.state != "running" or heard is None or now - heard < SILENT:
        return None
    timeout_s = conf.getfloat("scheduler", "task_instance_heartbeat_timeout", fallback=300.0)
    interval = "task_instance_heartbeat_timeout_detection_interval"
    interval_s = conf.getfloat("scheduler", interval, fallback=10.0)
    return heard + timedelta(seconds=timeout_s + interval_s)


def _longest_wait_s() -> float:
    """Return how long a try waits at most after a kill: the silence, and a round to notice its end."""
    from airflow_provider_aimlapi.engine.settings import Settings

    times = Settings().lease_times
    return times.silence_s + times.interval_s


def wall_time() -> datetime:
    """Return the time of the server's clock."""
    from airflow_provider_aimlapi.engine.runtime.clock import SystemClock

    return datetime.fromtimestamp(SystemClock().wall_us() / 1e6, UTC)
