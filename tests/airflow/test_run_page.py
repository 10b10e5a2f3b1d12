"""The run page in Airflow's own API server, in process: who may see it, what it shows, what it forbids."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from aimlapi_simulator.faults.script import Fault, Script

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.airflow

HOSTILE = "<script>alert('4711')</script>"
TEXTS = [f"Text number {number}." for number in range(12)]
ADDRESSES = ("page", "progress", "report")


@pytest.fixture
def paths(lake: Any) -> dict[str, str]:
    lake.put("in/texts.parquet", {"text": TEXTS})
    return {"input_path": lake.url("in/"), "output_path": lake.url("out/"), "prompt": "{text}"}


@pytest.fixture(scope="session")
def ran() -> dict[str, str]:
    """The first test fills it in, because a task takes seconds and one is enough."""
    return {}


@pytest.fixture
def query(
    ran: dict[str, str], api: Any, paths: dict[str, str], run_task: Callable[..., Any]
) -> dict[str, str]:
    """Return the query of the page of a task that has run."""
    if not ran:
        api.follow(Script(faults=(Fault(kind="raw", status=503, body=HOSTILE, times=2),)))
        assert run_task(**paths).state == "success"
        ran |= last_task()
    return dict(ran)


def last_task() -> dict[str, str]:
    """The query that names the task instance of the newest DAG run, as its extra link has it."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        links = session.query(XComModel).filter_by(key="_link_RunReportLink")
        newest = links.order_by(XComModel.timestamp.desc()).first()
        link = XComModel.deserialize_value(newest)
    parts = urlsplit(link)
    assert parts.path == "/aimlapi/report"
    return {name: values[0] for name, values in parse_qs(parts.query).items()}


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_is_shown_without_a_login(server: Any, address: str) -> None:
    query = {"dag_id": "one_task", "run_id": "any", "task_id": "complete"}
    answer = server.get(f"/aimlapi/{address}", params=query)
    assert answer.status_code == 401
    assert "one_task" not in answer.text
    is_script = address == "progress"
    assert answer.headers["content-type"].startswith("application/json") is is_script


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_login_that_is_none_is_refused(server: Any, address: str) -> None:
    query = {"dag_id": "one_task", "run_id": "any", "task_id": "complete"}
    answer = server.get(
        f"/aimlapi/{address}", params=query, headers={"Authorization": "Bearer x.y.z"}
    )
    assert answer.status_code in {401, 403}


@pytest.mark.parametrize("address", ADDRESSES)
def test_users_without_the_right_see_no_run(server: Any, address: str) -> None:
    """Airflow's own rule decides: here a user without a role, who may read nothing."""
    query = {"dag_id": "one_task", "run_id": "any", "task_id": "complete"}
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    nobody = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="eve", role=None))
    answer = server.get(
        f"/aimlapi/{address}", params=query, headers={"Authorization": f"Bearer {nobody}"}
    )
    assert answer.status_code == 403


def test_the_progress_is_that_of_the_task(reader: Any, query: dict[str, str]) -> None:
    answer = reader.get("/aimlapi/progress", params=query)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["state"], told["rows_done"]) == ("published", len(TEXTS))
    assert told["attempts"][0]["rows"] == len(TEXTS)
    assert {error["status"]: error["count"] for error in told["errors"]} == {503: 2}
    assert answer.headers["cache-control"] == "no-store"
    assert "never-to-be-seen" not in answer.text


def test_unmapped_tasks_are_found_by_airflows_address(reader: Any, query: dict[str, str]) -> None:
    answer = reader.get("/aimlapi/progress", params={**query, "map_index": "{MAP_INDEX}"})
    assert answer.status_code == 200


def test_the_report_is_served_as_a_stranger(reader: Any, query: dict[str, str]) -> None:
    answer = reader.get("/aimlapi/report", params=query)
    assert answer.status_code == 200
    assert "sandbox allow-scripts;" in answer.headers["content-security-policy"]
    assert HOSTILE not in answer.text
    (data,) = re.findall(r'id="progress">(.*?)</script>', answer.text)
    assert json.loads(data)["rows"] == len(TEXTS)


def test_the_page_allows_no_script_but_its_own(reader: Any, query: dict[str, str]) -> None:
    answer = reader.get("/aimlapi/page", params=query)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    for name in re.findall(r'"(files/[^"]+)"', answer.text):
        file = reader.get(f"/aimlapi/{name}")
        assert file.status_code == 200
        assert file.headers["x-content-type-options"] == "nosniff"
        assert file.headers["content-type"].split(";")[0] in {"text/css", "text/javascript"}


@pytest.mark.parametrize(
    "name", ["page.html", "..%2Freport.py", "__init__.py", "uPlot.LICENSE", "no.css"]
)
def test_no_other_file_is_served(server: Any, name: str) -> None:
    assert server.get(f"/aimlapi/files/{name}").status_code == 404


def test_tasks_without_a_run_are_no_error(reader: Any) -> None:
    query = {"dag_id": "none", "run_id": "none", "task_id": "none"}
    answer = reader.get("/aimlapi/progress", params=query)
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("No page yet.")


@pytest.mark.parametrize("named", ["dag_id", "run_id", "task_id"])
def test_no_name_holds_a_nul(reader: Any, named: str) -> None:
    query = {"dag_id": "one_task", "run_id": "any", "task_id": "complete"}
    answer = reader.get("/aimlapi/progress", params={**query, named: "a\x00b"})
    assert answer.status_code == 422


@pytest.mark.parametrize("missing", ["dag_id", "run_id", "task_id"])
def test_no_name_may_be_left_out(reader: Any, missing: str) -> None:
    query = {"dag_id": "one_task", "run_id": "any", "task_id": "complete"}
    answer = reader.get("/aimlapi/progress", params={**query, missing: ""})
    assert answer.status_code in {403, 422}


def test_airflow_lists_the_tab_for_task_instances(reader: Any) -> None:
    found = {plugin["name"]: plugin for plugin in reader.get("/api/v2/plugins").json()["plugins"]}
    views = {view["url_route"]: view for view in found["aimlapi"]["external_views"]}
    view = views["aimlapi_run"]
    assert view["destination"] == "task_instance"
    assert view["href"].startswith("aimlapi/page?dag_id={DAG_ID}&")
    (app,) = found["aimlapi"]["fastapi_apps"]
    assert app["url_prefix"] == "/aimlapi"
