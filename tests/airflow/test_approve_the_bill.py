"""The DAG that needs an approval, run as it is. The approval comes through Airflow's API."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.airflow

EXAMPLES = Path(__file__).parents[2] / "dags_examples"
ROWS = 60
PATIENCE_S = 120.0
POLL_S = 0.1


class Person:
    """Waits until there is something to decide, reads it, and answers."""

    def __init__(self) -> None:
        self._never = threading.Event()
        self.read = ""

    def answer(self, dag_id: str, choice: str) -> None:
        try:
            self._answer(dag_id, choice)
        except BaseException:
            while not has_ended_runs(dag_id):  # else the run would wait for ever
                self._never.wait(POLL_S)
            raise

    def _answer(self, dag_id: str, choice: str) -> None:
        waited_s = 0.0
        while (task := waiting_task(dag_id)) is None:
            assert waited_s < PATIENCE_S, "nobody was asked"
            self._never.wait(POLL_S)
            waited_s += POLL_S
        self.read = respond(task, choice)


def waiting_task(dag_id: str) -> Any:
    """The task of a DAG that waits for a person."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        query = select(TaskInstance).filter_by(dag_id=dag_id, state="awaiting_input")
        task = session.scalars(query).first()
        session.expunge_all()
        return task


def respond(task: Any, choice: str) -> str:
    """Record an answer as Airflow's API does, which resumes the task; what the person was shown.

    Its routes are not imported for this: that costs many seconds.
    """
    from airflow.models.hitl import HITLDetail
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.trigger import handle_event_submit
    from airflow.triggers.base import TriggerEvent
    from airflow.utils.session import create_session

    with create_session() as session:
        detail = session.get_one(HITLDetail, task.id)
        assert choice in detail.options
        detail.responded_by = {"id": "ada", "name": "Ada"}
        detail.responded_at = datetime.now(UTC)  # noqa: TID251  a person's clock
        detail.chosen_options = [choice]
        handle_event_submit(
            TriggerEvent(detail.as_resume_event_payload()),  # type: ignore[no-untyped-call]
            task_instance=session.get_one(TaskInstance, task.id),
            session=session,
        )
        return f"{detail.subject}\n{detail.body}"


def has_ended_runs(dag_id: str) -> bool:
    """End the runs of a DAG; False while there is none."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        ended = session.execute(
            update(DagRun).where(DagRun.dag_id == dag_id).values(state="failed")
        )
        return bool(ended.rowcount)  # type: ignore[attr-defined]


@pytest.fixture
def person(airflow_database: None) -> Person:
    return Person()


@pytest.fixture
def documents(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_EXAMPLE_INPUT", lake.url("documents"))
    monkeypatch.setenv("AIMLAPI_EXAMPLE_HEADLINES", lake.url("headlines"))
    columns = {
        "president": [*["Grant"] * (ROWS - 1), None],
        "year": list(range(1800, 1800 + ROWS)),
        "text": [f"Speech {n}. " + "Fellow citizens of the Senate. " * n for n in range(ROWS)],
    }
    lake.put("documents/ds=2026-01-02/a.parquet", columns)


@pytest.fixture
def run_with(
    person: Person, api: Any, documents: None
) -> Callable[[str, int], dict[str, tuple[str, Any]]]:
    """Runs the DAG for a day while the person answers; states and return values by task."""

    def run(choice: str, hour: int) -> dict[str, tuple[str, Any]]:
        from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

        bag = DagBag(EXAMPLES / "approve_the_bill.py", bundle_name="examples")
        assert bag.import_errors == {}
        sync_bag_to_db(bag, "examples", None)
        with ThreadPoolExecutor(1) as pool:
            answered = pool.submit(person.answer, "approve_the_bill", choice)
            day = datetime(2026, 1, 2, hour, tzinfo=UTC)
            dag_run = bag.dags["approve_the_bill"].test(logical_date=day)
            answered.result()
        return {
            instance.task_id: (str(instance.state), _returned(instance))
            for instance in dag_run.get_task_instances()
        }

    return run


def _returned(instance: Any) -> Any:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        query = select(XComModel).filter_by(
            run_id=instance.run_id, task_id=instance.task_id, key="return_value"
        )
        row = session.scalars(query).first()
        return row.value if row is not None else None


def test_approved_run_does_not_pay_the_sample_again(
    run_with: Callable[..., Any], person: Person, api: Any, lake: Any
) -> None:
    """The run has the sample's run key, so it finds the answers."""
    tasks = run_with("Approve", 0)

    assert {name: state for name, (state, _) in tasks.items()} == dict.fromkeys(
        ("estimate", "approve", "write_headlines"), "success"
    )
    estimate, summary = tasks["estimate"][1], tasks["write_headlines"][1]
    assert estimate["words"] in person.read
    assert "2026-01-02" in person.read
    assert estimate["sample_rows"] == 20
    assert estimate["run_key"] == summary["run_key"]
    assert summary["reused"] == 20
    assert summary["requests"] == estimate["rows_to_ask"] == ROWS - 1 - 20
    assert api.paid_calls == ROWS - 1
    billed = api.simulator.ledger.total_usd
    assert estimate["sample_usd"] + estimate["cost_usd"] == pytest.approx(billed, rel=0.1)
    assert lake.names("headlines/ds=2026-01-02")


def test_what_a_person_rejects_is_not_run(
    run_with: Callable[..., Any], person: Person, api: Any, lake: Any
) -> None:
    tasks = run_with("Reject", 1)

    assert tasks["approve"][0] == "success"
    assert tasks["write_headlines"][0] == "skipped"
    assert api.paid_calls == 20
    names = lake.names("headlines")
    assert [name for name in names if "/_aimlapi/" not in name] == []
