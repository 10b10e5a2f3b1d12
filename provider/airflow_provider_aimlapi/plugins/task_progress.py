"""Finds the progress of a task's run: in Airflow's task state store, or in an object beside the output.

A store is read only if this server cannot read the task state store: before Airflow 3.3, or if the
workers have a state backend of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.utils.session import create_session

from airflow_provider_aimlapi.core.reporting.run_progress import decode_progress
from airflow_provider_aimlapi.errors import AimlapiError
from airflow_provider_aimlapi.logs import logger
from airflow_provider_aimlapi.plugins.bounded_reads import BoundedReads
from airflow_provider_aimlapi.plugins.progress_object import read_progress
from airflow_provider_aimlapi.plugins.progress_unreadable import ProgressInvalid, ProgressUnreadable
from airflow_provider_aimlapi.plugins.task_source import progress_source
from airflow_provider_aimlapi.plugins.task_state import page_reads_task_state, stored_state

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.reporting.run_progress import RunProgress
    from airflow_provider_aimlapi.plugins.task_key import TaskKey

log = logger(__name__)

READS = BoundedReads()


def task_progress(key: TaskKey) -> RunProgress | None:
    """Return the progress that a task stored last; None if it has stored none.

    Raises:
        ProgressUnreadable: progress is stored, but this server cannot show it.
    """
    if not page_reads_task_state():
        return _beside_output(key)
    with create_session() as session:
        state = stored_state(key, session)
    return None if state is None else _decode_progress(state)


def _beside_output(key: TaskKey) -> RunProgress | None:
    # Each error but our own becomes one with a fixed text, because a store's error may quote secrets.
    try:
        with create_session() as session:
            source = progress_source(key, session)
        # No session is open from here on: a slow store must not hold a connection to the database.
        data = None if source is None else READS.result_of_read(source, read_progress)
    except ProgressUnreadable:
        raise
    except AimlapiError as error:
        log.warning("The progress of %s cannot be read: %.1000s", key, error)
        raise ProgressUnreadable from None
    except Exception:
        log.exception("The progress of %s cannot be read", key)
        raise ProgressUnreadable from None
    if source is None or data is None:
        return None
    progress = _decode_progress(data)
    # The object is in this run's folder, so another run key means that it was changed.
    if progress.run_key != source.run_key:
        raise ProgressInvalid
    return progress


def _decode_progress(data: bytes | str) -> RunProgress:
    progress = decode_progress(data)
    if progress is None:
        raise ProgressInvalid
    return progress
