"""Run by a cell's Python after its DAG: what the run page finds of its tasks, and where it looked."""

from __future__ import annotations

import json
import os
import sys

os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"  # as in Airflow's API server


def main() -> None:
    """Print it as JSON; a task without its progress ends this with a traceback."""
    # First, as in the API server.
    from airflow.api_fastapi.app import create_app  # noqa: F401
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from airflow_provider_aimlapi.plugins.task_key import TaskKey
    from airflow_provider_aimlapi.plugins.task_progress import task_progress
    from airflow_provider_aimlapi.plugins.task_state import page_reads_task_state

    with create_session() as session:
        run_id = str(session.scalar(select(DagRun.run_id).filter_by(dag_id="matrix_probe")))
    rows = {}
    for task_id in ("complete", "records"):
        key = TaskKey(dag_id="matrix_probe", run_id=run_id, task_id=task_id, map_index=-1)
        progress = task_progress(key)
        if progress is None or progress.state != "published":
            raise AssertionError(f"the page of {task_id} shows no published run: {progress}")
        rows[task_id] = progress.rows_done
    found = {"rows": rows, "reads_state_store": page_reads_task_state()}
    sys.stdout.write("\n" + json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
