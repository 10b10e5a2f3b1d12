"""Reads the newest runs from Airflow's database, and decodes each stored progress once."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import and_, func, select

from airflow_provider_aimlapi.core.durable.object_sizes import PROGRESS_BYTES_MAX
from airflow_provider_aimlapi.operators.telemetry.progress_sinks import RUN_KEY, STATE_KEY
from airflow_provider_aimlapi.plugins.listed.stored_run import StoredRun, decode_run
from airflow_provider_aimlapi.plugins.task_key import text_of
from airflow_provider_aimlapi.plugins.task_source import OWN_OPERATORS

if TYPE_CHECKING:
    from collections.abc import Iterable

ROWS_MAX = 2_000
"""The most runs of a list. With twice as many, its first request reads up to 250 MB."""
STATES_SEARCHED = 20_000
"""How many of the newest entries of the task state store are searched, over all tasks.

The store has no index by key, so a search without a limit would read the whole table."""
VALUES_AT_ONCE = 50
"""The values of one query. Each takes up to 128 kB."""


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A task instance that works, or worked, on a run.

    Attributes:
        number: of its entry in the database, in the order in which tasks first stored progress.
        map_index: -1 for a task that is not mapped.
        task_state: Airflow's state; None before the task is scheduled.
        began_us: the task's start in microseconds since 1970; None after it was cleared.
        run: None if its progress is an object beside the output, or does not decode.
    """

    number: int
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    task_state: str | None
    began_us: int | None
    run: StoredRun | None = None


class DecodedRuns:
    """The decoded progress of the newest entries, so that a poll decodes only what has changed."""

    def __init__(self, entries_max: int = 2 * ROWS_MAX) -> None:
        self._entries_max = entries_max
        self._runs: OrderedDict[tuple[int, object], StoredRun | None] = OrderedDict()
        """By an entry's number and the time of its last change, the least recently used first."""
        self._lock = Lock()  # requests are answered in several threads

    def find_kept(self, keys: Iterable[tuple[int, object]]) -> dict[int, StoredRun | None]:
        """Return the runs that are kept, by their entry's number."""
        with self._lock:
            found = [key for key in keys if key in self._runs]
            for key in found:
                self._runs.move_to_end(key)
            return {key[0]: self._runs[key] for key in found}

    def keep_run(self, key: tuple[int, object], run: StoredRun | None) -> None:
        """Keep a run, and let go of the one that was not used for the longest time."""
        with self._lock:
            self._runs[key] = run
            while len(self._runs) > self._entries_max:
                self._runs.popitem(last=False)


def rows_in_state_store(
    dag_ids: set[str], session: Any, decoded: DecodedRuns, rows_max: int = ROWS_MAX
) -> list[RunRow]:
    """Return the newest runs of some DAGs, in the order in which their tasks first stored progress."""
    from airflow.models.task_state_store import TaskStateStoreModel as State

    oldest = select(func.max(State.id) - STATES_SEARCHED).scalar_subquery()
    query = (
        select(State.id, State.updated_at, *_columns_of(State))
        .join(TaskInstance, _same_task(State))
        .where(State.id > oldest, State.key == STATE_KEY, State.dag_id.in_(dag_ids))
        .order_by(State.id.desc())
        .limit(rows_max)
    )
    entries = session.execute(query).all()
    keys = [(entry.id, entry.updated_at) for entry in entries]
    runs = decoded.find_kept(keys)
    value = text_of(State.value, PROGRESS_BYTES_MAX).label("value")
    missing = [number for number, _ in keys if number not in runs]
    for first in range(0, len(missing), VALUES_AT_ONCE):
        numbers = missing[first : first + VALUES_AT_ONCE]
        values = select(State.id, State.updated_at, value).where(State.id.in_(numbers))
        for entry in session.execute(values):
            runs[entry.id] = decode_run(entry.value)
            decoded.keep_run((entry.id, entry.updated_at), runs[entry.id])
    return [_run_row(entry.id, entry, runs.get(entry.id)) for entry in entries]


def rows_beside_outputs(dag_ids: set[str], session: Any, rows_max: int = ROWS_MAX) -> list[RunRow]:
    """Return runs without progress, by the run keys in XCom, which has an index by key."""
    # Any task can push an XCom with our key, so only tasks of our operators count.
    query = (
        select(*_columns_of(XComModel))
        .join(TaskInstance, _same_task(XComModel))
        .where(XComModel.key == RUN_KEY, XComModel.dag_id.in_(dag_ids))
        .where(TaskInstance.operator.in_(OWN_OPERATORS))
        .order_by(XComModel.dag_run_id.desc())
        .limit(rows_max)
    )
    entries = session.execute(query).all()
    return [_run_row(-number, entry, None) for number, entry in enumerate(entries)]


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


def _run_row(number: int, row: Any, run: StoredRun | None) -> RunRow:
    return RunRow(
        number=number,
        dag_id=row.dag_id,
        run_id=row.run_id,
        task_id=row.task_id,
        map_index=row.map_index,
        task_state=None if row.state is None else str(row.state),
        began_us=None if row.start_date is None else round(row.start_date.timestamp() * 1e6),
        run=run,
    )
