"""Finds the progress object of a task's run beside its output, from what the DAG's author defined.

An XCom never decides what this server opens, because users may write XComs. Output path, connection
and share come from the task's fields as Airflow rendered them. Only the run key comes from XCom, and
only as 32 hex digits. If one of them is missing, there is no page yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from airflow.models.renderedtifields import RenderedTaskInstanceFields as RenderedFields
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.providers.common.compat.sdk import conf
from sqlalchemy import select

from airflow_provider_aimlapi.core.durable.keys import RUN_KEY_HEX_DIGITS, is_run_key
from airflow_provider_aimlapi.core.durable.stored_json import decode_stored
from airflow_provider_aimlapi.core.texts.number_range import check_whole_number
from airflow_provider_aimlapi.core.texts.setting_ranges import WORKERS_MAX
from airflow_provider_aimlapi.operators import arguments
from airflow_provider_aimlapi.operators.telemetry.progress_sinks import RUN_KEY
from airflow_provider_aimlapi.plugins.access import team_of
from airflow_provider_aimlapi.plugins.progress_source import ProgressSource
from airflow_provider_aimlapi.plugins.task_definition import task_definitions
from airflow_provider_aimlapi.plugins.task_key import text_of

if TYPE_CHECKING:
    from airflow_provider_aimlapi.plugins.task_key import TaskKey

OWN_OPERATORS = {
    "ClaudeCompletionOperator": "airflow_provider_aimlapi.operators.claude",
    "ClaudeCompletionDecoratedOperator": "airflow_provider_aimlapi.decorators.claude",
    "ClaudeCompletionEstimateOperator": "airflow_provider_aimlapi.operators.estimate",
}
"""Classes whose tasks keep progress, and their modules, as a serialized DAG names them.

A subclass in a DAG file is not among them: this server never imports DAG files, so it cannot know
how the class uses its fields."""
FIELDS_CHARACTERS_MAX = 2**20
"""Airflow itself shortens each rendered field, to 4,096 characters unless configured."""
_RUN_KEY_JSON_CHARACTERS = RUN_KEY_HEX_DIGITS + 2


def progress_source(key: TaskKey, session: Any) -> ProgressSource | None:
    """Return the source of a task's progress; None while any part of it is missing.

    Args:
        session: a session of Airflow's database.

    Raises:
        AimlapiError: a rendered field is no value of the operator's, or a column is too large.
    """
    # The cheap reads come first: most task instances have no run key at all.
    run_key = _announced_run_key(key, session)
    if run_key is None or not _is_own_task(key, session):
        return None
    fields = _rendered_fields(key, session)
    if fields is None or fields.output_path is None:
        return None
    path = fields.output_path
    return ProgressSource(
        dag_id=key.dag_id,
        team=_team_of(key.dag_id),
        output_path=path if isinstance(path, str) else path.path,
        storage_conn_id=arguments.read_optional_text("storage_conn_id", fields.storage_conn_id),
        run_key=run_key,
        share=_read_share(fields.share),
    )


def _team_of(dag_id: str) -> str | None:
    """Return the team whose connections the DAG's tasks get from Airflow."""
    return team_of(dag_id) if conf.getboolean("core", "multi_team", fallback=False) else None


def _announced_run_key(key: TaskKey, session: Any) -> str | None:
    """Return the run key in the task's XCom; None for any other value.

    The column is read as text, without Airflow's decoder and without an XCom backend.
    """
    value = text_of(XComModel.value, _RUN_KEY_JSON_CHARACTERS)
    found = session.scalar(select(value).where(key.matches_in(XComModel), XComModel.key == RUN_KEY))
    text = found[1:-1] if isinstance(found, str) else ""
    return text if is_run_key(text) and found == f'"{text}"' else None


def _is_own_task(key: TaskKey, session: Any) -> bool:
    """Return whether the DAG of this run defines the task with an operator of this provider."""
    # The task instance has the class's name alone, which any class may have. Its module is in the DAG,
    # which costs more to read, so the name is compared first.
    operator = select(TaskInstance.operator).where(key.matches_in(TaskInstance))
    if session.scalar(operator) not in OWN_OPERATORS:
        return False
    tasks = task_definitions(key, session)
    return bool(tasks) and all(OWN_OPERATORS.get(task.task_type) == task.module for task in tasks)


class _StoredPath(msgspec.Struct, frozen=True):
    """An ObjectStoragePath as Airflow stores it. Its path includes the connection id."""

    path: str


class _Fields(msgspec.Struct, frozen=True):
    output_path: str | _StoredPath | None = None
    storage_conn_id: str | None = None
    share: int | float | str | None = None


def _rendered_fields(key: TaskKey, session: Any) -> _Fields | None:
    """Return the task's fields as Airflow rendered them; None if Airflow keeps none."""
    value = text_of(RenderedFields.rendered_fields, FIELDS_CHARACTERS_MAX)
    found = session.scalar(select(value).where(key.matches_in(RenderedFields)))
    if found is None:
        return None
    what = "The rendered fields"
    return decode_stored(found, _Fields, what=what, bytes_max=FIELDS_CHARACTERS_MAX)


def _read_share(rendered: object) -> int | None:
    share = arguments.read_optional_whole_number("share", rendered)
    if share is not None:
        check_whole_number("share", share, least=0, most=WORKERS_MAX - 1)
    return share
