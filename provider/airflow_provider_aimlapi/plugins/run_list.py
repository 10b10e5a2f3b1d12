"""Finds the runs that were begun last, for the page that lists them. Reads Airflow's database alone.

Where progress is in the task state store, a run is listed with its numbers; where it is an object
beside the output, without: a page that is asked for every few seconds must not read fifty objects.
A task may store what it likes, so what does not decode within limits is listed without numbers too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import and_, func, select

from airflow_provider_aimlapi.core.durable.bounds import Count, MomentUs, NanoUsd
from airflow_provider_aimlapi.core.durable.object_sizes import PROGRESS_BYTES_MAX
from airflow_provider_aimlapi.core.durable.stored_json import decode_stored
from airflow_provider_aimlapi.core.reporting.run_progress import Amount, Counts  # noqa: TC001  msgspec reads them
from airflow_provider_aimlapi.errors import JournalUnreadable
from airflow_provider_aimlapi.operators.telemetry.progress_sinks import RUN_KEY, STATE_KEY
from airflow_provider_aimlapi.plugins.task_key import text_of
from airflow_provider_aimlapi.plugins.task_source import OWN_OPERATORS
from airflow_provider_aimlapi.plugins.task_state import page_reads_task_state

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS_MAX = 50
STATES_LOOKED_AT = 20_000
"""So many of the newest entries of the task state store, all tasks' together: it has no index by key."""


Text = Annotated[str, msgspec.Meta(max_length=200)]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the list shows of a run's progress; see `core.reporting.run_progress.RunProgress`."""

    state: Text
    model: Text
    updated_us: MomentUs
    rows: Count
    rows_done: Count = 0
    statuses: Counts = {}
    cost_nano_usd: NanoUsd = 0
    rows_per_s: Amount = 0.0
    expected_left_s: Amount | None = None
    expected_cost_nano_usd: Count | None = None


class ListedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run, by the task instance that works at it.

    Attributes:
        map_index: -1 for one that is not mapped.
        task_state: Airflow's word; None before it is scheduled.
        began_us: when the task was first started, in microseconds since 1970; None: it was cleared.
        standing: None where it is told by an object beside the output.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    task_state: str | None
    began_us: int | None
    standing: Standing | None = None


class RunList(msgspec.Struct, frozen=True, kw_only=True):
    """Runs, newest first, at most so many."""

    runs: list[ListedRun]
    runs_max: int


def list_runs(
    dag_ids: set[str],
    readable: Callable[[set[str]], set[str]],
    session: Any,
    *,
    runs_max: int = RUNS_MAX,
) -> RunList:
    """The newest runs of these DAGs.

    Args:
        dag_ids: asked for. readable: of those that were found, whose runs may be seen.
        session: of Airflow's database.
    """
    find = _in_state_store if page_reads_task_state() else _beside_outputs
    found = find(dag_ids, session, runs_max)
    allowed = readable({run.dag_id for run in found})
    runs = sorted(
        (run for run in found if run.dag_id in allowed),
        key=lambda run: float("inf") if run.began_us is None else run.began_us,
        reverse=True,
    )
    return RunList(runs=runs[:runs_max], runs_max=runs_max)


def _in_state_store(dag_ids: set[str], session: Any, runs_max: int) -> list[ListedRun]:
    """By the order in which tasks first told of a run: that of the primary key."""
    from airflow.models.task_state_store import TaskStateStoreModel as State

    value = text_of(State.value, PROGRESS_BYTES_MAX).label("value")
    oldest = select(func.max(State.id) - STATES_LOOKED_AT).scalar_subquery()
    query = (
        select(*_columns(State), value)
        .join(TaskInstance, _same_task(State))
        .where(State.id > oldest, State.key == STATE_KEY, State.dag_id.in_(dag_ids))
        .order_by(State.id.desc())
        .limit(runs_max)
    )
    return [_listed(row, _standing(row.value)) for row in session.execute(query)]


def _beside_outputs(dag_ids: set[str], session: Any, runs_max: int) -> list[ListedRun]:
    """By the index that XCom has of its keys; that of a task of another operator counts for nothing."""
    query = (
        select(*_columns(XComModel))
        .join(TaskInstance, _same_task(XComModel))
        .where(XComModel.key == RUN_KEY, XComModel.dag_id.in_(dag_ids))
        .where(TaskInstance.operator.in_(OWN_OPERATORS))
        .order_by(XComModel.dag_run_id.desc())
        .limit(runs_max)
    )
    return [_listed(row, None) for row in session.execute(query)]


def _columns(table: Any) -> tuple[Any, ...]:
    names = (table.dag_id, table.run_id, table.task_id, table.map_index)
    return (*names, TaskInstance.state, TaskInstance.start_date)


def _same_task(table: Any) -> Any:
    return and_(
        *(
            getattr(TaskInstance, name) == getattr(table, name)
            for name in ("dag_id", "run_id", "task_id", "map_index")
        )
    )


def _listed(row: Any, standing: Standing | None) -> ListedRun:
    return ListedRun(
        dag_id=row.dag_id,
        run_id=row.run_id,
        task_id=row.task_id,
        map_index=row.map_index,
        task_state=None if row.state is None else str(row.state),
        began_us=None if row.start_date is None else round(row.start_date.timestamp() * 1e6),
        standing=standing,
    )


def _standing(stored: str) -> Standing | None:
    """Return None for what another version has written, or anybody else; its page says so."""
    try:
        return decode_stored(stored, Standing, what="progress", bytes_max=PROGRESS_BYTES_MAX)
    except JournalUnreadable:
        return None
