"""What the run page shows of Airflow's task: its state, its next try, an early failure, a way back."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.airflow.page_rows import OWN_BACKEND, PageRows
from tests.airflow.task_tries import Tries
from tests.airflow.test_page_beside_output import newest_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.airflow

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
END = NOW - timedelta(seconds=20)
FOREIGN = "what-a-foreign-error-says"


def us(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6)


@pytest.fixture(scope="module")
def query(airflow_database: None) -> dict[str, str]:
    """Requests the page of a task of ours that has not begun a run."""
    return {"dag_id": "patient_task", "run_id": Tries("patient_task").run_id, "task_id": "complete"}


@pytest.fixture
def rows(query: dict[str, str]) -> Iterator[PageRows]:
    rows = PageRows(query)
    yield rows
    rows.forget_state()
    rows.change_task(state=None, end_date=None, last_heartbeat_at=None, retry_delay_override=None)


def facts_of(query: dict[str, str]) -> Any:
    from airflow.utils.session import create_session

    from airflow_provider_aimlapi.plugins.task_facts import read_task_facts
    from airflow_provider_aimlapi.plugins.task_key import TaskKey

    names = {name: query[name] for name in ("dag_id", "run_id", "task_id")}
    with create_session() as session:
        return read_task_facts(TaskKey(**names, map_index=-1), session, NOW)


def test_next_try_follows_the_retry_delay(query: dict[str, str], rows: PageRows) -> None:
    """A killed attempt leaves no delay of its own: the definition's counts, which is 300 seconds."""
    rows.change_task(state="up_for_retry", end_date=END)
    facts = facts_of(query)
    assert facts.next_try_us == us(END + timedelta(seconds=300))
    assert facts.wait_s == 40.0
    rows.change_task(retry_delay_override=45.0)
    assert facts_of(query).next_try_us == us(END + timedelta(seconds=45))
    rows.change_task(state="failed")
    assert facts_of(query).next_try_us is None


def test_silent_worker_shows_when_airflow_ends_the_try(
    query: dict[str, str], rows: PageRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT", "200")
    rows.change_task(state="running", last_heartbeat_at=NOW - timedelta(seconds=10))
    assert facts_of(query).ends_try_us is None
    heard = NOW - timedelta(seconds=40)
    rows.change_task(last_heartbeat_at=heard)
    assert facts_of(query).ends_try_us == us(heard + timedelta(seconds=210))


@pytest.mark.parametrize(
    ("operator", "is_ours"),
    [("ClaudeCompletionPlanOperator", True), ("BashOperator", False), (None, None)],
)
def test_page_knows_whose_task_it_is(
    query: dict[str, str], rows: PageRows, operator: str | None, is_ours: bool | None
) -> None:
    rows.change_task(operator=operator)
    assert facts_of(query).is_ours is is_ours
    rows.change_task(operator="ClaudeCompletionOperator")
    assert facts_of(query).is_ours is True


def test_report_without_a_run_is_a_page(
    reader: Any, query: dict[str, str], rows: PageRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.change_task(state="failed")
    answer = reader.get("/aimlapi/report", params=query)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "unsafe" not in answer.headers["content-security-policy"]
    (data,) = re.findall(r'id="task-data">(.*?)</script>', answer.text)
    assert json.loads(data)["state"] == "failed"
    monkeypatch.setenv(*OWN_BACKEND)
    rows.announce("ab" * 16)
    rows.render({"output_path": "no://scheme"})
    answer = reader.get("/aimlapi/report", params=query)
    assert answer.status_code == 502
    assert "API server's log" in answer.text
    rows.forget_xcoms()
    rows.forget_fields()


FAILURES: dict[str, tuple[dict[str, Any], str]] = {
    "no input": ({}, "no Parquet file"),
    "a wrong argument": ({"max_tokens": "{{ 'many' }}"}, "max_tokens"),
    "an unknown column": ({"prompt": "{nothing}"}, "nothing"),
    "a template that fails": ({"prompt": "{{ nothing.at.all }}"}, "braces"),
    "a template that raises": (
        {"prompt": "{{ macros.datetime.strptime('" + FOREIGN + "', '%Y') }}"},
        "ValueError",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_failure_before_the_first_call_has_a_page(
    reader: Any, api: Any, lake: Any, run_task: Callable[..., Any], case: str
) -> None:
    changes, words = FAILURES[case]
    if case != "no input":
        lake.put("in/texts.parquet", {"text": ["one"]})
    paths = {"input_path": lake.url("in/"), "output_path": lake.url("out/"), "prompt": "{text}"}
    assert run_task(**{**paths, **changes}).state == "failed"
    answer = reader.get("/aimlapi/progress", params=newest_task())
    assert answer.status_code == 200
    told = answer.json()
    assert (told["state"], told["run_key"], told["task"]["state"]) == ("failed", None, "failed")
    assert words in told["attempts"][-1]["error"]
    assert FOREIGN not in answer.text
    listed = reader.get("/aimlapi/list").json()["runs"]
    assert [run["task_state"] for run in listed if run["run_id"] == told["task"]["run_id"]]
    report = reader.get("/aimlapi/report", params=newest_task())
    assert (report.status_code, report.headers["content-type"][:9]) == (200, "text/html")


def test_reports_name_the_task_and_the_way_back(
    reader: Any,
    api: Any,
    lake: Any,
    run_task: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/air/")
    lake.put("in/texts.parquet", {"text": ["one"]})
    paths = {"input_path": lake.url("in/"), "output_path": lake.url("out/"), "prompt": "{text}"}
    assert run_task(**paths).state == "success"
    task = newest_task()
    (report,) = [name for name in lake.names("out") if name.endswith("report.html")]
    served = reader.get("/aimlapi/report", params=task).text
    for html in (lake.read(report).decode(), served):
        (data,) = re.findall(r'id="task-data">(.*?)</script>', html)
        facts = json.loads(data)
        assert (facts["dag_id"], facts["run_id"], facts["task_id"]) == tuple(task.values())
        assert facts["address"].startswith("https://airflow.example/air/dags/one_task/runs/")
        assert facts["address"].endswith("/tasks/complete")
        assert facts["logical_date_us"] > us(datetime(2026, 1, 1, tzinfo=UTC)) - 1


@pytest.mark.parametrize(("value", "has_tab"), [(None, True), ("False", False)])
def test_tab_can_be_switched_off(
    airflow_database: None, monkeypatch: pytest.MonkeyPatch, value: str | None, has_tab: bool
) -> None:
    from airflow_provider_aimlapi.plugins import run_page

    if value is not None:
        monkeypatch.setenv("AIRFLOW__AIMLAPI__TASK_TAB", value)
    routes = [view["url_route"] for view in run_page.shown_views()]
    assert routes == [*(["aimlapi_run"] if has_tab else []), "aimlapi_runs"]
