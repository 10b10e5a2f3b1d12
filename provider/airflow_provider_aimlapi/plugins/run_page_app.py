"""The web application of the run page and the list, in Airflow's API server. It changes nothing.

Airflow does not check the rights of callers of a mounted application. So each address that shows a
run checks whether the caller may read its DAG. The bundled files are the same for all callers.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Literal, NamedTuple

import msgspec
from airflow.api_fastapi.core_api.security import GetUserDep  # noqa: TC002  FastAPI reads it
from airflow.utils.session import create_session
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from airflow_provider_aimlapi.core.reporting.run_progress import RunProgress  # noqa: TC001  FastAPI reads it
from airflow_provider_aimlapi.core.reporting.task_facts import TaskFacts  # noqa: TC001
from airflow_provider_aimlapi.page.report import (
    LIVE_POLICY,
    MEDIA_TYPES,
    SERVED_FILES,
    list_page,
    live_page,
    notice_page,
    page_file,
    render_report,
)
from airflow_provider_aimlapi.plugins.access import (
    Name,
    dags_open_to,
    readable_dag_ids,
    reader_of_dag,
)
from airflow_provider_aimlapi.plugins.listed.run_row import DecodedRuns
from airflow_provider_aimlapi.plugins.progress_unreadable import ProgressUnreadable
from airflow_provider_aimlapi.plugins.run_list import Column, ListQuery, list_runs
from airflow_provider_aimlapi.plugins.task_facts import read_task_facts, wall_time
from airflow_provider_aimlapi.plugins.task_key import TaskKey
from airflow_provider_aimlapi.plugins.task_progress import task_progress

PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
REPORT_POLICY = "sandbox allow-scripts; frame-ancestors 'self'"
"""Added to the report's own policy: its script runs in an origin of its own, without this session."""
FILE_AGE_S = 3600
"""Browsers keep the bundled files this long. After an upgrade of the provider they may show old ones."""
MAP_INDEX_DIGITS_MAX = 9
PAGES_MAX = 1_000
FilterText = Annotated[str, Query(max_length=200)]
_DECODED = DecodedRuns()
PAGES = frozenset({"page", "report", "runs"})
"""The addresses that people open. Scripts request the others."""
REFUSALS = {
    401: (
        "Log in to Airflow",
        "You are not logged in, or your session has ended. Log in, then load this page again.",
    ),
    403: (
        "You may not see this page",
        "The runs of a DAG are shown to users who may read the XComs of the DAG.",
    ),
    422: (
        "This address names no task",
        "Open the page from the tab of a task instance, or from the list of runs.",
    ),
}
NOT_YET = (
    "No page yet. A ClaudeCompletionOperator stores progress after it has read its input, and other "
    "tasks never do. The progress of an older run may have been cleared."
)


def run_page_app() -> FastAPI:
    """Return the application. Its addresses are relative to the mount."""
    app = FastAPI(title="AI/ML API run page", docs_url=None, redoc_url=None, openapi_url=None)
    app.get("/files/{name}")(_serve_file)
    app.get("/runs")(_serve_list_page)
    app.get("/list")(_serve_list)
    may_read = [Depends(reader_of_dag)]
    app.get("/page", dependencies=may_read)(_serve_page)
    app.get("/progress", dependencies=may_read)(_serve_progress)
    app.get("/report", dependencies=may_read)(_serve_report)
    app.exception_handler(HTTPException)(_explain_refusal)
    app.exception_handler(RequestValidationError)(_explain_refusal)
    return app


async def _explain_refusal(request: Request, error: Exception) -> Response:
    """Answer a person with a page, and a script with JSON."""
    status = error.status_code if isinstance(error, HTTPException) else 422
    detail = error.detail if isinstance(error, HTTPException) else "The address names no task."
    if PurePosixPath(request.url.path).name not in PAGES:
        return JSONResponse({"detail": detail}, status, PRIVATE)
    title, text = REFUSALS.get(status, ("The run cannot be shown", str(detail)))
    return _html_response(notice_page(title=title, text=text), status)


def _read_task_key(dag_id: Name, run_id: Name, task_id: Name, map_index: str = "") -> TaskKey:
    """Return the task instance of a request."""
    # Airflow leaves `{MAP_INDEX}` in the address of a task that is not mapped.
    is_number = map_index.isdecimal() and len(map_index) <= MAP_INDEX_DIGITS_MAX
    return TaskKey(
        dag_id=dag_id,
        run_id=run_id,
        task_id=task_id,
        map_index=int(map_index) if is_number else -1,
    )


class _Shown(NamedTuple):
    """What the page of a task shows. `progress` is None if the task has stored none."""

    progress: RunProgress | None
    task: TaskFacts


def _find_shown(key: Annotated[TaskKey, Depends(_read_task_key)]) -> _Shown:
    """Return the task's progress, and what Airflow knows about the task.

    Raises:
        HTTPException: the progress cannot be read; the detail is for the page.
    """
    try:
        progress = task_progress(key)
    except ProgressUnreadable as error:
        raise HTTPException(error.status, str(error), PRIVATE) from None
    with create_session() as session:
        return _Shown(progress, read_task_facts(key, session, wall_time()))


def _serve_file(name: str) -> Response:
    if name not in SERVED_FILES:
        raise HTTPException(404)
    return Response(
        page_file(name),
        media_type=MEDIA_TYPES[PurePosixPath(name).suffix],
        headers={
            "Cache-Control": f"max-age={FILE_AGE_S}",
            "Content-Security-Policy": "default-src 'none'",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _serve_list_page(_user: GetUserDep) -> Response:
    return _html_response(list_page())


def _read_list_query(
    text: FilterText = "",
    state: FilterText = "",
    sort: Column = "start",
    order: Literal["rising", "falling"] = "falling",
    page: Annotated[int, Query(ge=1, le=PAGES_MAX)] = 1,
) -> ListQuery:
    """Return what a request for the list wants."""
    return ListQuery(text=text, state=state, column=sort, is_rising=order == "rising", page=page)


def _serve_list(
    user: GetUserDep, query: Annotated[ListQuery, Depends(_read_list_query)]
) -> Response:
    # The cache holds what tasks have stored, without regard to users. `list_runs` checks the rights to
    # each DAG before it sums or returns anything of it.
    with create_session() as session:
        runs = list_runs(
            dags_open_to(user),
            lambda dag_ids: readable_dag_ids(dag_ids, user),
            session,
            _DECODED,
            query,
        )
    return Response(msgspec.json.encode(runs), media_type="application/json", headers=PRIVATE)


def _html_response(page: str, status: int = 200) -> Response:
    return Response(
        page,
        status,
        media_type="text/html; charset=utf-8",
        headers={**PRIVATE, "Content-Security-Policy": LIVE_POLICY},
    )


def _serve_page(_key: Annotated[TaskKey, Depends(_read_task_key)]) -> Response:
    return _html_response(live_page())


def _serve_progress(shown: Annotated[_Shown, Depends(_find_shown)]) -> Response:
    progress, task = shown
    found = {"detail": NOT_YET} if progress is None else msgspec.structs.asdict(progress)
    return Response(
        msgspec.json.encode({**found, "task": task}),
        404 if progress is None else 200,
        media_type="application/json",
        headers=PRIVATE,
    )


def _serve_report(shown: Annotated[_Shown, Depends(_find_shown)]) -> Response:
    progress, task = shown
    if progress is None:
        return _html_response(notice_page(task=task), 404)
    # A run key that was decoded is 32 hexadecimal digits, see `core.durable.bounds.RunKey`.
    name = (progress.run_key or "without-key")[:12]
    return Response(
        render_report(progress, task=task),
        media_type="text/html; charset=utf-8",
        headers={
            **PRIVATE,
            "Content-Security-Policy": REPORT_POLICY,
            "Content-Disposition": f'inline; filename="run-{name}.html"',
        },
    )
