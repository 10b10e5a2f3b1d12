"""Finds the runs that were begun last, for the page that lists them. Reads Airflow's database alone.

Where progress is in the task state store, a run is listed with its numbers; where it is an object
beside the output, without: a page that is asked for every few seconds must not read fifty objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import and_, func, select

from airflow_provider_aimlapi.operators.progress_places import PLACE_KEY, STATE_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS_MAX = 50
STATES_LOOKED_AT = 20_000
"""So many of the newest entries of the task state store, all tasks' together: it has no index by key."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the list shows of a run's progress; see `core.progress.RunProgress`."""

    state: str
    model: str
    updated_us: int
    rows: int
    rows_done: int = 0
    statuses: dict[str, int] = {}
    cost_nano_usd: int = 0
    rows_per_s: float = 0.0
    expected_left_s: float | None = None
    expected_cost_nano_usd: int | None = None


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


_decode = msgspec.json.Decoder(Standing).decode


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
    found = [
        *_in_state_store(dag_ids, session, runs_max),
        *_beside_outputs(dag_ids, session, runs_max),
    ]
    allowed = readable({run.dag_id for run in found})
    runs = sorted(
        (run for run in found if run.dag_id in allowed),
        key=lambda run: float("inf") if run.began_us is None else run.began_us,
        reverse=True,
    )
    return RunList(runs=runs[:runs_max], runs_max=runs_max)


def _in_state_store(dag_ids: set[str], session: Any, runs_max: int) -> list[ListedRun]:
    """By the order in which tasks first told of a run: that of the primary key."""
    try:
        from airflow.models.task_state_store import TaskStateStoreModel as State
    except ImportError:  # Airflow before 3.3
        return []
    oldest = select(func.max(State.id) - STATES_LOOKED_AT).scalar_subquery()
    query = (
        select(*_columns(State), State.value)
        .join(TaskInstance, _same_task(State))
        .where(State.id > oldest, State.key == STATE_KEY, State.dag_id.in_(dag_ids))
        .order_by(State.id.desc())
        .limit(runs_max)
    )
    return [_listed(row, _standing(row.value)) for row in session.execute(query)]


def _beside_outputs(dag_ids: set[str], session: Any, runs_max: int) -> list[ListedRun]:
    """By the index that XCom has of its keys."""
    query = (
        select(*_columns(XComModel))
        .join(TaskInstance, _same_task(XComModel))
        .where(XComModel.key == PLACE_KEY, XComModel.dag_id.in_(dag_ids))
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
    """None for what another version has written, which its page says."""
    try:
        return _decode(stored)
    except msgspec.MsgspecError:
        return None
