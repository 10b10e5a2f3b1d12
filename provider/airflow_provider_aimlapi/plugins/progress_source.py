"""Names a progress object beside an output, and whose connections open it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressSource:
    """A progress object beside an output.

    Attributes:
        team: the DAG's, where Airflow has teams; its connections are used.
        output_path, storage_conn_id: as rendered for the task.
        share: None for the whole run.
    """

    dag_id: str
    team: str | None
    output_path: str
    storage_conn_id: str | None
    run_key: str
    share: int | None
