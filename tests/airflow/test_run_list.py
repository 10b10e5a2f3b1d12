"""The page that lists runs, in Airflow's own API server, in process: which runs, in which order, to whom."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.airflow.conftest import token
from tests.airflow.task_tries import Tries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_database")]

MINUTES = itertools.count()
OWN_BACKEND = ("AIRFLOW__WORKERS__STATE_STORE_BACKEND", "a.backend.of.the.Workers")
PROGRESS = {
    "run_key": "ab" * 16,
    "state": "running",
    "model": "anthropic/claude-sonnet-4-6-20260218",
    "input": "s3://lake/in",
    "output": "s3://lake/out",
    "updated_us": 1_790_000_000_000_000,
    "rows": 100,
    "rows_done": 40,
    "rows_per_s": 4.5,
    "cost_nano_usd": 5_000_000,
    "attempts": [
        {"updated_us": 1_790_000_000_000_000, "cost_nano_usd": 5_000_000, "error": "what was said"}
    ],
}


@pytest.fixture
def began(run_dag: Callable[..., Any]) -> Iterator[Callable[..., str]]:
    """Return a function that starts a task which stores progress, and returns the DAG run's id."""
    from airflow.models.task_state_store import TaskStateStoreModel
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    from airflow_provider_aimlapi.operators.telemetry.progress_sinks import RUN_KEY

    def forget() -> None:
        with create_session() as session:
            session.execute(delete(TaskStateStoreModel))
            session.execute(delete(XComModel).where(XComModel.key == RUN_KEY))

    def begin(told: dict[str, Any] | None = PROGRESS, state: str = "running") -> str:
        task = Tries("patient_task")
        task.pretend(state, datetime(2026, 7, 1, tzinfo=UTC) + timedelta(minutes=next(MINUTES)))
        if told is None:
            task.announce("ab" * 16)
        else:
            task.tell(told)
        return task.run_id

    forget()
    yield begin
    forget()


def listed(reader: Any) -> list[dict[str, Any]]:
    answer = reader.get("/aimlapi/list")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    runs: list[dict[str, Any]] = answer.json()["runs"]
    return runs


def test_newest_run_comes_first_with_numbers(reader: Any, began: Callable[..., str]) -> None:
    first, second = began(), began({**PROGRESS, "rows_done": 90}, "success")
    newest, older = listed(reader)
    assert (newest["run_id"], older["run_id"]) == (second, first)
    assert (newest["dag_id"], newest["task_id"]) == ("patient_task", "complete")
    assert (newest["task_state"], newest["map_index"]) == ("success", -1)
    assert (newest["standing"]["rows_done"], newest["standing"]["rows"]) == (90, 100)
    assert older["standing"]["cost_nano_usd"] == 5_000_000


def test_list_contains_only_what_the_table_shows(reader: Any, began: Callable[..., str]) -> None:
    began()
    assert "what was said" not in reader.get("/aimlapi/list").text


def test_runs_beside_outputs_are_listed_without_numbers(
    reader: Any, began: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = began(None)
    assert listed(reader) == []  # nothing but the task state store is looked at where there is one
    monkeypatch.setenv(*OWN_BACKEND)
    (run,) = listed(reader)
    assert (run["run_id"], run["standing"], run["task_state"]) == (run_id, None, "running")


@pytest.mark.parametrize("told", [{"of": "another version"}, {"state": 7}])
def test_a_run_that_cannot_be_read_hides_no_other(
    reader: Any, began: Callable[..., str], told: dict[str, Any]
) -> None:
    began(told)
    began()
    assert [run["standing"] is None for run in listed(reader)] == [False, True]


def test_the_list_has_an_end(began: Callable[..., str]) -> None:
    from airflow.utils.session import create_session

    from airflow_provider_aimlapi.plugins.listed.run_row import DecodedRuns
    from airflow_provider_aimlapi.plugins.run_list import list_runs

    _, second, third = began(), began(), began()
    decoded = DecodedRuns()
    with create_session() as session:
        found = list_runs({"patient_task"}, lambda dag_ids: dag_ids, session, decoded, runs_max=2)
        assert [run.run_id for run in found.runs] == [third, second]
        assert (found.listed, found.runs_max) == (2, 2)
        forbidden = list_runs({"patient_task"}, lambda _: set(), session, decoded)
        assert (forbidden.runs, forbidden.paid_nano_usd, forbidden.states) == ([], 0, {})
        assert list_runs({"another"}, lambda dag_ids: dag_ids, session, decoded).runs == []


def test_reason_of_a_failure_is_listed(reader: Any, began: Callable[..., str]) -> None:
    began({**PROGRESS, "state": "failed"}, "failed")
    began({**PROGRESS, "attempts": []}, "failed")
    killed, failed = listed(reader)
    assert (failed["state"], failed["reason"]) == ("failed", "what was said")
    assert killed["state"] == "killed"
    assert "Airflow ended the task" in killed["reason"]


def test_filter_sort_and_pages(
    reader: Any, began: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_provider_aimlapi.plugins import run_list

    monkeypatch.setattr(run_list, "PAGE_RUNS", 2)
    costs = (3, 1, 2)
    run_ids = [
        began(
            {**PROGRESS, "run_key": f"{cost:032x}", "attempts": [], "cost_nano_usd": cost * 10**9},
            "success" if cost == 1 else "running",
        )
        for cost in costs
    ]

    def found(**query: object) -> tuple[list[str], dict[str, Any]]:
        answer = reader.get("/aimlapi/list", params=query)
        assert answer.status_code == 200
        return [run["run_id"] for run in answer.json()["runs"]], answer.json()

    first, second, third = run_ids
    assert found()[0] == [third, second]
    names, second_page = found(page=2)
    assert (names, second_page["pages"], second_page["found"]) == ([first], 2, 3)
    assert found(page=99)[1]["page"] == 2
    assert found(sort="cost")[0] == [first, third]
    assert found(sort="cost", order="rising")[0] == [second, third]
    assert found(text=f"patient {second}")[0] == [second]
    assert found(text="patient nothing")[0] == []
    names, killed = found(state="killed")
    assert names == [second]
    assert (killed["paid_nano_usd"], killed["found"], killed["listed"]) == (10**9, 1, 3)
    assert killed["states"] == {"killed": 1, "running": 2}
    assert found()[1]["paid_nano_usd"] == 6 * 10**9


@pytest.mark.parametrize(
    "query", ["sort=nothing", "order=up", "page=0", "page=x", f"text={'x' * 201}"]
)
def test_bad_query_is_refused(reader: Any, query: str) -> None:
    assert reader.get(f"/aimlapi/list?{query}").status_code == 422


def test_changed_progress_is_read_again(reader: Any, began: Callable[..., str]) -> None:
    """Each stored progress is decoded once, until it changes."""
    from tests.airflow.task_tries import Tries

    task = Tries("patient_task")
    for done in (10, 90):
        task.tell({**PROGRESS, "rows_done": done})
        for _ in range(2):
            (run,) = listed(reader)
            assert run["standing"]["rows_done"] == done


def test_without_a_run_the_list_is_empty(reader: Any, began: Callable[..., str]) -> None:
    assert listed(reader) == []


@pytest.mark.parametrize("address", ["runs", "list"])
def test_nothing_is_shown_without_a_login(server: Any, address: str) -> None:
    assert server.get(f"/aimlapi/{address}").status_code == 401
    bad = server.get(f"/aimlapi/{address}", headers={"Authorization": "Bearer x.y.z"})
    assert bad.status_code in {401, 403}


def test_users_without_dags_see_no_run(server: Any, began: Callable[..., str]) -> None:
    began()
    answer = server.get("/aimlapi/list", headers={"Authorization": f"Bearer {token(None)}"})
    assert (answer.status_code, answer.json()["runs"]) == (200, [])


def test_the_page_allows_no_script_but_its_own(reader: Any) -> None:
    answer = reader.get("/aimlapi/runs")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    for name in re.findall(r'"(files/[^"]+)"', answer.text):
        assert reader.get(f"/aimlapi/{name}").status_code == 200


def test_airflow_has_it_in_its_navigation(reader: Any) -> None:
    found = {plugin["name"]: plugin for plugin in reader.get("/api/v2/plugins").json()["plugins"]}
    views = {view["url_route"]: view for view in found["aimlapi"]["external_views"]}
    page = views["aimlapi_runs"]
    assert (page["destination"], page["href"]) == ("nav", "aimlapi/runs")
