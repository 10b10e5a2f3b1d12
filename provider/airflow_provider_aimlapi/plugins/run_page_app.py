"""The web application of the run page and the list, in Airflow's API server. It changes nothing.

Airflow does not check the rights of callers of a mounted application. So each address that shows a
run checks whether the caller may read its DAG. The bundled files are the same for all callers.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Literal

import msgspec
from airflow.api_fastapi.core_api.security import GetUserDep  # noqa: TC002  FastAPI reads it
from airflow.utils.session import create_session
from fastapi import Depends, FastAPI, HTTPException, Query, Response

from airflow_provider_aimlapi.core.reporting.run_progress import RunProgress, encode_progress
from airflow_provider_aimlapi.page.report import (
    LIVE_POLICY,
    MEDIA_TYPES,
    SERVED_FILES,
    list_page,
    live_page,
    page_file,
    render_report,
)
from airflow_provider_aimlapi.plugins.access import (
    Name,
    dags_open_to,
    readable,
    reader_of_dag,
)
from airflow_provider_aimlapi.plugins.listed.run_row import DecodedRuns
from airflow_provider_aimlapi.plugins.progress_unreadable import ProgressUnreadable
from airflow_provider_aimlapi.plugins.run_list import Column, ListQuery, list_runs
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
    return app


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


def _find_progress(task: Annotated[TaskKey, Depends(_read_task_key)]) -> RunProgress:
    """Return the task's progress.

    Raises:
        HTTPException: there is none, or it cannot be read; the detail is for the page.
    """
    try:
        progress = task_progress(task)
    except ProgressUnreadable as error:
        raise HTTPException(error.status, str(error), PRIVATE) from None
    if progress is None:
        raise HTTPException(404, NOT_YET, PRIVATE)
    return progress


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
            dags_open_to(user), lambda dag_ids: readable(dag_ids, user), session, _DECODED, query
        )
    return Response(msgspec.json.encode(runs), media_type="application/json", headers=PRIVATE)


def _html_response(page: str) -> Response:
    return Response(
        page,
        media_type="text/html; charset=utf-8",
        headers={**PRIVATE, "Content-Security-Policy": LIVE_POLICY},
    )


def _serve_page(_key: Annotated[TaskKey, Depends(_read_task_key)]) -> Response:
    return _html_response(live_page())


def _serve_progress(progress: Annotated[RunProgress, Depends(_find_progress)]) -> Response:
    return Response(encode_progress(progress), media_type="application/json", headers=PRIVATE)


def _serve_report(progress: Annotated[RunProgress, Depends(_find_progress)]) -> Response:
    # A run key that was decoded is 32 hexadecimal digits, see `core.durable.bounds.RunKey`.
    return Response(
        render_report(progress),
        media_type="text/html; charset=utf-8",
        headers={
            **PRIVATE,
            "Content-Security-Policy": REPORT_POLICY,
            "Content-Disposition": f'inline; filename="run-{progress.run_key[:12]}.html"',
        },
    )
