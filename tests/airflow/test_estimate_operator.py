"""Estimates inside a real Airflow: as a task, and by the operator's method."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.airflow.conftest import BUNDLES

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.airflow

TEXTS = [f"Text number {number}." for number in range(30)]
DAYS = itertools.count()


@pytest.fixture
def paths(lake: Any) -> dict[str, str]:
    lake.put("in/ds=2026-01-01/texts.parquet", {"text": TEXTS})
    return {
        "input_path": lake.url("in/ds={{ ds }}/"),
        "output_path": lake.url("out/ds={{ ds }}/"),
        "prompt": "On {{ ds }}: {text}",
    }


@pytest.fixture
def estimates(
    airflow_database: None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Callable[..., tuple[dict[str, Any], str]]:
    """Runs both tasks; what they returned, by task, and all that was logged."""

    def run(**arguments: object) -> tuple[dict[str, Any], str]:
        from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session
        from sqlalchemy import select

        monkeypatch.setenv("AIMLAPI_TEST_ARGUMENTS", json.dumps(arguments))
        capfd.readouterr()
        bag = DagBag(BUNDLES["tests"] / "two_tasks.py", bundle_name="tests")
        assert bag.import_errors == {}
        sync_bag_to_db(bag, "tests", None)
        day = datetime(2026, 1, 1, next(DAYS), tzinfo=UTC)
        dag_run = bag.dags["two_tasks"].test(logical_date=day)
        with create_session() as session:
            query = select(XComModel).filter_by(run_id=dag_run.run_id, key="return_value")
            found = {one.task_id: one.value for one in session.scalars(query)}
        return found, "".join(capfd.readouterr())

    return run


def test_task_and_method_estimate_the_same_for_free(
    api: Any, lake: Any, paths: dict[str, str], estimates: Callable[..., Any]
) -> None:
    found, output = estimates(**paths)
    assert found["estimate"] == found["within_a_task"]
    assert found["estimate"]["rows_to_ask"] == len(TEXTS)
    assert found["estimate"]["cost_usd_least"] < found["estimate"]["cost_usd_most"]
    assert found["estimate"]["words"] in output
    assert api.completions == []
    assert lake.names("out") == []
    assert "never-to-be-seen" not in output


def test_task_and_method_measure_a_templated_sample(
    api: Any, paths: dict[str, str], estimates: Callable[..., Any]
) -> None:
    found, _ = estimates(**paths, sample_rows="{{ 10 }}", answer_tokens="{{ none }}")
    assert api.paid_calls == 10
    assert found["estimate"]["sample_rows"] == 10
    assert found["within_a_task"]["rows_decided"] == 10
    assert found["within_a_task"]["cost_usd"] == found["estimate"]["cost_usd"]
    assert found["estimate"]["sample_usd"] == pytest.approx(api.simulator.ledger.total_usd)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"sample_rows": "{{ 'many' }}"}, "sample_rows='many': give a whole number"),
        ({"sample_rows": "{{ -1 }}"}, "sample_rows=-1: give a whole number from 0 to 1,000"),
        ({"answer_tokens": 5_000}, "answer_tokens=5000 is more than max_tokens=1024 allows"),
        ({"prompt": "{txet}"}, "Did you mean {text}?"),
    ],
)
def test_wrong_arguments_fail_before_any_call(
    api: Any,
    paths: dict[str, str],
    estimates: Callable[..., Any],
    arguments: dict[str, Any],
    sentence: str,
) -> None:
    found, output = estimates(**{**paths, **arguments})
    assert found == {}
    assert sentence in output
    assert api.completions == []
