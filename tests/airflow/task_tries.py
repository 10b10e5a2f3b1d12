"""Starts a task again and again as a scheduler would, without waiting for the time that it is due at."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

DAYS = itertools.count()
FIRST_DAY = datetime(2026, 6, 1, tzinfo=UTC)


class Tries:
    """The one task of a DAG of the tests' own, in a DAG run of its own.

    Attributes:
        run_id: of its DAG run.
        error: what the last start raised.
    """

    def __init__(self, dag_id: str) -> None:
        self.error: BaseException | None = None
        self._dag_id = dag_id
        self.run_id, self._task = _new_run(dag_id, FIRST_DAY + timedelta(days=next(DAYS)))

    def start(self) -> str:
        """Start it once, as a worker does, and return its state afterwards."""
        from airflow.sdk.api.datamodels._generated import TaskInstance
        from airflow.sdk.execution_time.supervisor import run_task_in_process

        instance = self._queued()
        sdk = TaskInstance(
            id=instance.id,
            task_id=instance.task_id,
            dag_id=instance.dag_id,
            run_id=instance.run_id,
            try_number=instance.try_number,
            map_index=-1,
            dag_version_id=instance.dag_version_id,
        )
        result = run_task_in_process(ti=sdk, task=self._task)
        self.error = result.error
        return str(self._instance().state)

    @property
    def try_number(self) -> int:
        return int(self._instance().try_number)

    def parked(self) -> tuple[datetime, timedelta]:
        """Until when the task is parked, and for how long, by Airflow's record."""
        from airflow.utils.session import create_session

        with create_session() as session:
            newest = self._put_off(session)
            return newest.reschedule_date, newest.reschedule_date - newest.end_date

    def let_time_pass(self) -> None:
        """As if it were later: the date until which the task is parked lies in the past."""
        from airflow.utils.session import create_session

        with create_session() as session:
            self._put_off(session).reschedule_date = FIRST_DAY - timedelta(days=365)

    def is_due(self) -> bool:
        """Whether the scheduler would start it now."""
        from airflow.models.serialized_dag import SerializedDagModel
        from airflow.utils.session import create_session

        with create_session() as session:
            instance = self._instance(session)
            dag: Any = SerializedDagModel.get_dag(self._dag_id, session=session)
            instance.task = dag.get_task(instance.task_id)
            return bool(instance.are_dependencies_met(session=session))

    def progress(self) -> dict[str, Any]:
        """Return the progress that its page shows."""
        from airflow.state import get_state_backend

        from airflow_provider_aimlapi.operators.telemetry.progress_sinks import STATE_KEY

        stored = get_state_backend().get(self._scope(), STATE_KEY)
        return dict(json.loads(stored or "{}"))

    def tell(self, progress: dict[str, Any]) -> None:
        """Keep this as its progress, as a run does."""
        from airflow.state import get_state_backend

        from airflow_provider_aimlapi.operators.telemetry.progress_sinks import STATE_KEY

        get_state_backend().set(self._scope(), STATE_KEY, json.dumps(progress))

    def announce(self, run_key: object) -> None:
        """Announce a run key, as a run does before Airflow 3.3, or anything else in its place."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        from airflow_provider_aimlapi.operators.telemetry.progress_sinks import RUN_KEY

        with create_session() as session:
            XComModel.set(
                key=RUN_KEY,
                value=run_key,
                serialize=False,  # as the API for tasks stores it
                dag_id=self._dag_id,
                task_id=self._task.task_id,
                run_id=self.run_id,
                session=session,
            )

    def pretend(self, state: str, began: datetime) -> None:
        """Have Airflow believe that the task began then, and is in this state."""
        from airflow.utils.session import create_session

        with create_session() as session:
            instance = self._instance(session)
            instance.state, instance.start_date = state, began

    def _scope(self) -> Any:
        from airflow.state import TaskScope

        return TaskScope(dag_id=self._dag_id, run_id=self.run_id, task_id=self._task.task_id)

    def _put_off(self, session: Any) -> Any:
        from airflow.models.taskreschedule import TaskReschedule

        query = TaskReschedule.stmt_for_task_instance(self._instance(), descending=True)
        return session.scalars(query).first()

    def _queued(self) -> Any:
        from airflow.utils.session import create_session

        with create_session() as session:
            instance = self._instance(session)
            instance.try_number = max(1, instance.try_number)
            instance.set_state("queued", session=session)
        return self._instance()

    def _instance(self, session: Any = None) -> Any:
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.session import create_session
        from sqlalchemy import select

        query = select(TaskInstance).filter_by(dag_id=self._dag_id, run_id=self.run_id)
        if session is not None:
            return session.scalars(query).one()
        with create_session() as own:
            instance = own.scalars(query).one()
            own.expunge_all()
            return instance


def _new_run(dag_id: str, day: datetime) -> tuple[str, Any]:
    """A DAG run of a DAG that Airflow knows, and its task."""
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    from tests.airflow.conftest import BUNDLES

    bag = DagBag(BUNDLES["tests"] / f"{dag_id}.py", bundle_name="tests")
    sync_bag_to_db(bag, "tests", None)
    run_id = f"tries-{day.date()}"
    with create_session() as session:
        dag: Any = SerializedDagModel.get_dag(dag_id, session=session)
        dag.create_dagrun(
            run_id=run_id,
            logical_date=day,
            data_interval=(day, day),
            run_after=day,
            run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.TEST,
            state=DagRunState.RUNNING,
            session=session,
        )
    (task,) = bag.dags[dag_id].tasks
    return run_id, task
