"""The examples as docker-compose.yml ships them: its lake, its pool, its two workers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from lab.celery.dag_run import follow, returned, tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.celery.rest import Rest
    from lab.celery.site import Site

DAY, ROWS = "2026-01-02", 220
WORKERS = 2
PUBLISHING = {"summarise_documents": "summarise", "summarise_on_workers": "summarise.publish"}
"""By DAG, the task whose summary is the run's."""
SHARED = ("summarise_on_workers", "summarise.complete")
POOL = "aimlapi"


def play_examples(site: Site) -> Iterator[str]:
    """Follow the instructions in the file's first lines; yield the violations in the results."""
    if opened := site.rest.open_without_login():
        yield f"without a login, Airflow does what it is asked to by {opened}"
    if (said := site.redis_says_without_password()) != "NOAUTH Authentication required.":
        yield f"without a password, Redis says {said}"
    site.run_once("fill-lake")
    site.set_workers(WORKERS)
    for dag_id, task_id in PUBLISHING.items():
        path, run = follow(site.rest, dag_id, {"logical_date": f"{DAY}T00:00:00Z"})
        if run["state"] != "success":
            yield f"{dag_id} ended as {run['state']}"
            continue
        summary = returned(site.rest, path, task_id)
        if (summary["rows"], summary["ok"]) != (ROWS, ROWS):
            yield f"{dag_id} told of {summary['ok']} rows of {summary['rows']}, not of {ROWS}"
        if dag_id == SHARED[0]:
            yield from _shares_violations(site.rest, path)
        yield from _page_violations(site.rest, dag_id, run["dag_run_id"], task_id)


def _shares_violations(rest: Rest, path: str) -> Iterator[str]:
    shares = tasks(rest, path, SHARED[1])
    if len(shares) < WORKERS or {share["pool"] for share in shares} != {POOL}:
        yield f"there are {len(shares)} shares in the pools {[share['pool'] for share in shares]}"


def _page_violations(rest: Rest, dag_id: str, run_id: str, task_id: str) -> Iterator[str]:
    """Return the violations in what the run page in Airflow's server shows of the run."""
    query = urlencode({"dag_id": dag_id, "run_id": run_id, "task_id": task_id})
    try:
        progress = rest.get(f"/progress?{query}", below="/aimlapi")
    except OSError as error:
        yield f"the run page of {dag_id} has nothing to show: {error}"
        return
    if progress["rows"] != ROWS:
        yield f"the run page of {dag_id} shows {progress['rows']} rows"
