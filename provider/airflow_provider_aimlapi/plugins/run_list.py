"""Finds the newest runs for the page that lists them. Reads only Airflow's database.

A run whose progress is in the task state store is listed with its numbers. A run whose progress is an
object beside the output is listed without, because the page reloads every few seconds and must not
read fifty objects each time. A task may store anything under the key, so progress that does not
decode within its limits is listed without numbers as well.
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
STATES_SEARCHED = 20_000
"""How many of the newest entries of the task state store are searched, over all tasks.

The store has no index by key, so a search without a limit would read the whole table."""


Text = Annotated[str, msgspec.Meta(max_length=200)]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a run's progress that the list shows; see `core.reporting.run_progress`."""

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
    """A run, with the task instance that works on it.

    Attributes:
        dag_id, run_id, task_id: identify the task instance.
        map_index: -1 for a task that is not mapped.
        task_state: Airflow's state; None before the task is scheduled.
        began_us: the task's start in microseconds since 1970; None after it was cleared.
        standing: the run's progress; None if it is an object beside the output, or does not decode.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    task_state: str | None
    began_us: int | None
    standing: Standing | None = None


class RunList(msgspec.Struct, frozen=True, kw_only=True):
    """Runs, newest first, and the most that the list shows."""

    runs: list[ListedRun]
    runs_max: int


def list_runs(
    dag_ids: set[str],
    readable: Callable[[set[str]], set[str]],
    session: Any,
    *,
    runs_max: int = RUNS_MAX,
) -> RunList:
    """Return the newest runs of some DAGs.

    Args:
        dag_ids: the DAGs to search.
        readable: returns those of some DAGs whose runs the user may see.
        session: a session of Airflow's database.
    """
    # The rights to a DAG's XComs are checked only for DAGs that were found: each check is a call of the
    # auth manager, and a deployment may have thousands of DAGs.
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
    """Return runs in the order in which their tasks first stored progress: that of the primary key."""
    from airflow.models.task_state_store import TaskStateStoreModel as State

    value = text_of(State.value, PROGRESS_BYTES_MAX).label("value")
    oldest = select(func.max(State.id) - STATES_SEARCHED).scalar_subquery()
    query = (
        select(*_columns_of(State), value)
        .join(TaskInstance, _same_task(State))
        .where(State.id > oldest, State.key == STATE_KEY, State.dag_id.in_(dag_ids))
        .order_by(State.id.desc())
        .limit(runs_max)
    )
    return [_listed_run(row, _decode_standing(row.value)) for row in session.execute(query)]


def _beside_outputs(dag_ids: set[str], session: Any, runs_max: int) -> list[ListedRun]:
    """Return runs by the run keys in XCom, which has an index by key."""
    # Any task can push an XCom with our key, so only tasks of our operators count.
    query = (
        select(*_columns_of(XComModel))
        .join(TaskInstance, _same_task(XComModel))
        .where(XComModel.key == RUN_KEY, XComModel.dag_id.in_(dag_ids))
        .where(TaskInstance.operator.in_(OWN_OPERATORS))
        .order_by(XComModel.dag_run_id.desc())
        .limit(runs_max)
    )
    return [_listed_run(row, None) for row in session.execute(query)]


def _columns_of(table: Any) -> tuple[Any, ...]:
    names = (table.dag_id, table.run_id, table.task_id, table.map_index)
    return (*names, TaskInstance.state, TaskInstance.start_date)


def _same_task(table: Any) -> Any:
    return and_(
        *(
            getattr(TaskInstance, name) == getattr(table, name)
            for name in ("dag_id", "run_id", "task_id", "map_index")
        )
    )


def _listed_run(row: Any, standing: Standing | None) -> ListedRun:
    return ListedRun(
        dag_id=row.dag_id,
        run_id=row.run_id,
        task_id=row.task_id,
        map_index=row.map_index,
        task_state=None if row.state is None else str(row.state),
        began_us=None if row.start_date is None else round(row.start_date.timestamp() * 1e6),
        standing=standing,
    )


def _decode_standing(stored: str) -> Standing | None:
    """Return a run's progress; None if it does not decode. The run's own page explains that."""
    try:
        return decode_stored(stored, Standing, what="progress", bytes_max=PROGRESS_BYTES_MAX)
    except JournalUnreadable:
        return None
