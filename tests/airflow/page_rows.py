"""Changes the rows that the run page reads, as a task, a user or an attacker may."""

from __future__ import annotations

import json
from typing import Any

OWN_BACKEND = ("AIRFLOW__WORKERS__STATE_STORE_BACKEND", "a.backend.of.the.Workers")
"""The setting with which progress lies beside the output, as it does before Airflow 3.3."""


class PageRows:
    """The rows of one task instance.

    Args:
        query: its names, as in the address of the page.
    """

    def __init__(self, query: dict[str, str]) -> None:
        self._task = {name: query[name] for name in ("dag_id", "run_id", "task_id")}
        self._task |= {"map_index": int(query.get("map_index", -1))}  # type: ignore[dict-item]

    @property
    def run_id(self) -> str:
        """The DAG run that the task instance is of."""
        return str(self._task["run_id"])

    def announce(self, value: object, key: str = "aimlapi_run_key") -> None:
        """Leave a value in XCom, as the API for tasks and the one for users store it."""
        from airflow.models.xcom import XComModel

        self.forget_xcoms()
        self._insert(XComModel, key=key, value=value, dag_run_id=self._dag_run_id())

    def forget_xcoms(self) -> None:
        """Delete all XComs of the task instance."""
        from airflow.models.xcom import XComModel

        self._delete(XComModel)

    def render(self, fields: object) -> None:
        """Keep these as the rendered fields of the task instance, and no others."""
        from airflow.models.renderedtifields import RenderedTaskInstanceFields

        self.forget_fields()
        self._insert(RenderedTaskInstanceFields, rendered_fields=fields)

    def rendered(self) -> dict[str, Any]:
        """Return the rendered fields."""
        from airflow.models.renderedtifields import RenderedTaskInstanceFields as Fields
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            found = session.scalar(select(Fields.rendered_fields).filter_by(**self._task))
        return dict(found or {})

    def forget_fields(self) -> None:
        """Delete the rendered fields, as Airflow does for older DAG runs."""
        from airflow.models.renderedtifields import RenderedTaskInstanceFields

        self._delete(RenderedTaskInstanceFields)

    def keep_state(self, text: str) -> None:
        """Keep a text in the task state store as the task's progress, whatever it is."""
        from airflow.models.task_state_store import TaskStateStoreModel

        self.forget_state()
        self._insert(
            TaskStateStoreModel, key="aimlapi_progress", value=text, dag_run_id=self._dag_run_id()
        )

    def state(self) -> dict[str, Any]:
        """Return the task's progress in the task state store."""
        from airflow.models.task_state_store import TaskStateStoreModel as State
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            found = session.scalar(select(State.value).filter_by(**self._task))
        return dict(json.loads(found or "{}"))

    def forget_state(self) -> None:
        """Delete what the task keeps in the task state store."""
        from airflow.models.task_state_store import TaskStateStoreModel

        self._delete(TaskStateStoreModel)

    def change_task(self, **columns: object) -> None:
        """Change columns of the task instance."""
        from airflow.models.taskinstance import TaskInstance
        from sqlalchemy import update

        self._execute(update(TaskInstance).filter_by(**self._task).values(**columns))

    def _dag_run_id(self) -> int:
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session
        from sqlalchemy import select

        names = {name: self._task[name] for name in ("dag_id", "run_id")}
        with create_session() as session:
            return int(session.scalar(select(DagRun.id).filter_by(**names)) or 0)

    def _insert(self, table: Any, **columns: object) -> None:
        from sqlalchemy import insert

        self._execute(insert(table).values(**self._task, **columns))

    def _delete(self, table: Any) -> None:
        from sqlalchemy import delete

        self._execute(delete(table).filter_by(**self._task))

    def _execute(self, statement: Any) -> None:
        from airflow.utils.session import create_session

        with create_session() as session:
            session.execute(statement)
