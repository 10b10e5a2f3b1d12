"""Attacks on the pages, in process: what tasks and users store never opens, breaks or shows anything.

The long form, against a real api-server with two users and two teams, is in `tests/attacks`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.airflow.conftest import token
from tests.airflow.page_rows import OWN_BACKEND, PageRows
from tests.airflow.task_tries import Tries
from tests.fakes.canary import Canary, canary
from tests.fakes.hostile_locations import (
    NO_RUN_KEYS,
    RUN_KEY,
    hostile_locations,
    nested,
    shapes_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.airflow

SECRET = "what-the-canary-holds"
PROGRESS: dict[str, Any] = {
    "run_key": RUN_KEY,
    "state": "running",
    "model": SECRET,
    "input": "s3://lake/in",
    "output": "s3://lake/out",
    "manifest": "",
    "report": "",
    "updated_us": 1_790_000_000_000_000,
    "rows": 100,
}
XCOM_KEYS = ("aimlapi_run_key", "aimlapi_progress_place")
BACKENDS = ("state store", "storage")


@pytest.fixture(scope="module")
def query(airflow_database: None) -> dict[str, str]:
    """Requests the page of a task of ours that has not begun a run."""
    return {"dag_id": "patient_task", "run_id": Tries("patient_task").run_id, "task_id": "complete"}


@pytest.fixture
def rows(query: dict[str, str]) -> Iterator[PageRows]:
    rows = PageRows(query)
    yield rows
    for forget in (rows.forget_xcoms, rows.forget_fields, rows.forget_state):
        forget()


class Caged(NamedTuple):
    """The locations that no page may reach.

    Attributes:
        bird: a port.
        folder: holds a progress object of another task.
    """

    bird: Canary
    folder: Path


@pytest.fixture
def caged(connect: Callable[..., str], tmp_path: Path) -> Iterator[Caged]:
    file = tmp_path / "_aimlapi" / RUN_KEY / "progress.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(PROGRESS))
    with canary() as bird:
        store = {"endpoint_url": f"http://127.0.0.1:{bird.port}"}
        connect("canary_store", conn_type="aws", extra=store)
        yield Caged(bird, tmp_path)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "storage":
        monkeypatch.setenv(*OWN_BACKEND)
    return str(request.param)


@pytest.fixture
def ask(reader: Any, query: dict[str, str]) -> Callable[[], dict[str, Any]]:
    """Return the answers of all addresses about the task."""

    def ask() -> dict[str, Any]:
        addresses = ("progress", "report", "page", "list")
        return {name: reader.get(f"/aimlapi/{name}", params=query) for name in addresses}

    return ask


@pytest.mark.parametrize("key", XCOM_KEYS)
def test_no_xcom_opens_a_location(
    reader: Any, query: dict[str, str], rows: PageRows, backend: str, caged: Caged, key: str
) -> None:
    for turn, location in enumerate(hostile_locations(caged.bird.port, str(caged.folder))):
        shapes = shapes_of(location)  # each in turn; `tests/attacks` tries all of each
        rows.announce(shapes[turn % len(shapes)], key)
        answer = reader.get("/aimlapi/progress", params=query)
        assert (answer.status_code, SECRET in answer.text) == (404, False)
    assert caged.bird.connections == 0


@pytest.mark.parametrize("value", NO_RUN_KEYS, ids=lambda value: repr(value)[:40])
def test_no_other_value_is_taken_for_a_run_key(
    ask: Callable[[], dict[str, Any]],
    rows: PageRows,
    caged: Caged,
    monkeypatch: pytest.MonkeyPatch,
    value: object,
) -> None:
    monkeypatch.setenv(*OWN_BACKEND)
    rows.render({"output_path": str(caged.folder)})
    rows.announce(RUN_KEY)
    assert ask()["progress"].status_code == 200
    rows.announce(value)
    answers = ask()
    assert (answers["progress"].status_code, answers["list"].status_code) == (404, 200)


def test_no_rendered_field_opens_a_refused_location(
    ask: Callable[[], dict[str, Any]],
    rows: PageRows,
    caged: Caged,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where the author of a DAG takes its output path from a parameter of the DAG run."""
    monkeypatch.setenv(*OWN_BACKEND)
    rows.announce(RUN_KEY)
    locations = hostile_locations(caged.bird.port, "/none")
    # A connection that the task's own definition names is the author's to use.
    for location in (each for each in locations if "canary_store" not in each):
        rows.render({"output_path": location})
        answer = ask()["progress"]
        assert answer.status_code in {404, 502}
        assert answer.json()["detail"].startswith(("No page yet.", "The run's progress"))
    assert caged.bird.connections == 0


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", nested(), '{"a": ' + nested() + "}"])
def test_no_stored_state_breaks_a_page(
    ask: Callable[[], dict[str, Any]], rows: PageRows, text: str
) -> None:
    rows.keep_state(text)
    answers = ask()
    assert (answers["progress"].status_code, answers["list"].status_code) == (502, 200)
    listed = [run for run in answers["list"].json()["runs"] if run["run_id"] == rows.run_id]
    assert [run["standing"] for run in listed] == [None]


@pytest.mark.parametrize(
    "change",
    [
        {"unknown": json.loads("[" * 400 + "]" * 400)},
        {"model": "m" * 200_000},
        {"padding": "p" * 20_000_000},
    ],
    ids=["nested", "long", "huge"],
)
def test_state_beyond_a_limit_shows_no_numbers(
    ask: Callable[[], dict[str, Any]], rows: PageRows, change: dict[str, Any]
) -> None:
    text = json.dumps({**PROGRESS, **change})
    rows.keep_state(text.replace("[" * 400 + "]" * 400, nested()))
    answers = ask()
    assert (answers["progress"].status_code, answers["report"].status_code) == (502, 502)
    assert answers["list"].json()["runs"][0]["standing"] is None


@pytest.mark.parametrize("number", ["-1", "1e308", str(10**30), str(2**63), "1e999", "NaN"])
@pytest.mark.parametrize(
    "field", ["rows", "rows_done", "updated_us", "cost_nano_usd", "rows_per_s", "expected_left_s"]
)
def test_no_stored_number_breaks_a_page(
    ask: Callable[[], dict[str, Any]], rows: PageRows, field: str, number: str
) -> None:
    text = json.dumps({**PROGRESS, field: "NUMBER"})
    rows.keep_state(text.replace('"NUMBER"', number))
    answers = ask()
    assert (answers["progress"].status_code, answers["report"].status_code) == (502, 502)
    assert answers["list"].status_code == 200
    assert answers["list"].json()["runs"][0]["standing"] is None


@pytest.mark.parametrize("run_key", [key for key in NO_RUN_KEYS if isinstance(key, str)])
def test_no_stored_run_key_reaches_a_header(
    ask: Callable[[], dict[str, Any]], rows: PageRows, run_key: str
) -> None:
    rows.keep_state(json.dumps({**PROGRESS, "run_key": run_key}))
    answers = ask()
    assert {answers["progress"].status_code, answers["report"].status_code} == {502}
    assert "content-disposition" not in answers["report"].headers


def test_valid_state_is_shown_in_spite_of_all_that(
    ask: Callable[[], dict[str, Any]], rows: PageRows
) -> None:
    rows.keep_state(json.dumps(PROGRESS))
    answers = ask()
    assert {answer.status_code for answer in answers.values()} == {200}
    disposition = answers["report"].headers["content-disposition"]
    assert disposition == f'inline; filename="run-{RUN_KEY[:12]}.html"'


def test_nothing_else_in_the_database_breaks_a_page(
    ask: Callable[[], dict[str, Any]], rows: PageRows, monkeypatch: pytest.MonkeyPatch, caged: Caged
) -> None:
    """Rendered fields come from a task, which may send what it likes."""
    monkeypatch.setenv(*OWN_BACKEND)
    rows.announce(RUN_KEY)
    deep: Any = json.loads("[" * 400 + "]" * 400)
    odd: tuple[object, ...] = (
        [],
        None,
        7,
        {"output_path": 7},
        {"output_path": [str(caged.folder)]},
        {"output_path": str(caged.folder), "storage_conn_id": {}},
        {"output_path": str(caged.folder), "prompt": "p" * 2_000_000},
        {
            "output_path": {"path": str(caged.folder), "kwargs": {"x": deep}, "conn_id": deep},
            "share": deep,
        },
    )
    for fields in odd:
        rows.render(fields)
        assert ask()["progress"].status_code in {404, 502}


@pytest.mark.parametrize("address", ["page", "progress", "report"])
def test_user_without_the_right_is_refused_first(
    server: Any, rows: PageRows, query: dict[str, str], backend: str, caged: Caged, address: str
) -> None:
    rows.announce(RUN_KEY)
    rows.render({"output_path": str(caged.folder)})
    rows.keep_state(json.dumps(PROGRESS))
    headers = {"Authorization": f"Bearer {token(None)}"}
    answer = server.get(f"/aimlapi/{address}", params=query, headers=headers)
    assert (answer.status_code, SECRET in answer.text) == (403, False)


def test_xcoms_of_other_tasks_fill_no_list(
    reader: Any, rows: PageRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(*OWN_BACKEND)
    rows.announce(RUN_KEY)
    found = reader.get("/aimlapi/list").json()["runs"]
    rows.change_task(operator="BashOperator")
    assert len(reader.get("/aimlapi/list").json()["runs"]) == len(found) - 1
    rows.change_task(operator="ClaudeCompletionOperator")
