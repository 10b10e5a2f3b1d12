"""Finds the progress of a task's run: in Airflow's task state store, or in an object beside the output.

It gives back progress and nothing else: whatever is stored there is read as such, or not at all.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.core import object_sizes
from airflow_provider_aimlapi.core.keys import RunNames, is_run_key
from airflow_provider_aimlapi.core.progress import PROGRESS_BYTES_MAX, decode_progress
from airflow_provider_aimlapi.errors import AimlapiError
from airflow_provider_aimlapi.operators.progress_places import PLACE_KEY, STATE_KEY

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.progress import RunProgress
    from airflow_provider_aimlapi.engine.job import Place

log = logging.getLogger(__name__)


class ProgressUnreadable(Exception):
    """Progress is kept, and cannot be read from here; the text is for the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKey:
    """Which task instance; map_index is -1 for one that is not mapped."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int


def task_progress(key: TaskKey, session: Any) -> RunProgress | None:
    """The progress that the task told last; None when it has told nothing.

    Args:
        session: of Airflow's database.

    Raises:
        ProgressUnreadable: see there.
    """
    stored = _state_of(key, session)
    if stored is not None:
        return _decoded(stored)
    place = _place_of(key, session)
    if place is None:
        return None
    data = _object_at(place)
    return None if data is None else _decoded(data)


def _decoded(data: bytes | str) -> RunProgress:
    progress = decode_progress(data) if len(data) <= 2 * PROGRESS_BYTES_MAX else None
    if progress is None:
        raise ProgressUnreadable(
            "What is stored of this run's progress was written by another version."
        )
    return progress


def _state_of(key: TaskKey, session: Any) -> str | None:
    """What the task state store holds, as JSON; None before Airflow 3.3, which has none."""
    try:
        from airflow.state import TaskScope, get_state_backend
    except ImportError:
        return None
    scope = TaskScope(
        dag_id=key.dag_id, run_id=key.run_id, task_id=key.task_id, map_index=key.map_index
    )
    found: str | None = get_state_backend().get(scope, STATE_KEY, session=session)
    return found


def _place_of(key: TaskKey, session: Any) -> dict[str, Any] | None:
    """Where the task said that its progress object is."""
    from airflow.models.xcom import XComModel

    found = (
        session.query(XComModel)
        .filter_by(
            dag_id=key.dag_id,
            run_id=key.run_id,
            task_id=key.task_id,
            map_index=key.map_index,
            key=PLACE_KEY,
        )
        .first()
    )
    place = None if found is None else XComModel.deserialize_value(found)
    return place if isinstance(place, dict) else None


def _object_at(told: dict[str, Any]) -> bytes | None:
    """The progress object's bytes. Only an object of such a name is ever read."""
    from airflow_provider_aimlapi.storage.fsspec_store import FsspecStore

    run_key = told.get("run_key")
    if not isinstance(run_key, str) or not is_run_key(run_key):
        return None
    share = told.get("share")
    names = RunNames(run_key=run_key, share=share if isinstance(share, int) else None)
    try:
        place = _opened(told)
        return FsspecStore(place.fs, place.path).read(
            names.progress, bytes_max=object_sizes.PROGRESS_BYTES_MAX
        )
    except AimlapiError as error:
        raise ProgressUnreadable(
            f"The run keeps its progress beside its output, where this server cannot read it: {error}"
        ) from error
    except Exception as error:
        log.exception("The progress object could not be opened")
        raise ProgressUnreadable(
            "The run keeps its progress beside its output, where this server cannot read it: "
            f"{type(error).__name__}. Its log says more."
        ) from error


def _opened(told: dict[str, Any]) -> Place:
    from airflow_provider_aimlapi.operators.places import open_place, parse_location

    location = parse_location(
        told.get("output_path"),
        argument="output_path",
        storage_conn_id=told.get("storage_conn_id"),
    )
    return open_place(location)
