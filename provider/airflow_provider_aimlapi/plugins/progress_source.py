"""Identifies a progress object beside an output, and the team whose connections open it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressSource:
    """A progress object beside an output.

    Attributes:
        dag_id: the DAG of the task.
        team: the DAG's team, whose connections are used; None if Airflow has no teams.
        output_path: as rendered for the task.
        storage_conn_id: as rendered for the task; None if the task names no connection.
        run_key: the run that the progress is about.
        share: the share's number; None for the whole run.
    """

    dag_id: str
    team: str | None
    output_path: str
    storage_conn_id: str | None
    run_key: str
    share: int | None
