"""What the run page and the report know about the Airflow task that works on a run. No I/O."""

from __future__ import annotations

from urllib.parse import quote

import msgspec


class TaskFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A task instance. A report knows only its names and its address.

    Attributes:
        dag_id, run_id, task_id: identify the task instance.
        map_index: -1 for a task that is not mapped.
        logical_date_us: microseconds since 1970, UTC; None for a DAG run without a logical date.
        address: the task's page in Airflow. It is empty if Airflow's own address is not configured.
        is_ours: whether a task of its operator may have a run; None if that is not known.
        state: Airflow's state; None before the task is scheduled, and in a report.
        try_number: the newest try.
        tries: the most tries.
        began_us: the start of the newest try; None if it has not started.
        next_try_us: the start of the next try, if Airflow waits for one.
        ends_try_us: when Airflow ends this try at the latest, because its worker does not respond.
        wait_s: how long the next try waits at most, until the right of a killed one to pay has lapsed.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    logical_date_us: int | None = None
    address: str = ""
    is_ours: bool | None = None
    state: str | None = None
    try_number: int = 0
    tries: int = 0
    began_us: int | None = None
    next_try_us: int | None = None
    ends_try_us: int | None = None
    wait_s: float = 0.0

    def with_address(self, server: str) -> TaskFacts:
        """Return the facts with the address of the task's page.

        Args:
            server: Airflow's own address, without a slash at its end.
        """
        dag, run, task = (quote(one, safe="") for one in (self.dag_id, self.run_id, self.task_id))
        path = f"{server}/dags/{dag}/runs/{run}/tasks/{task}"
        mapped = "" if self.map_index < 0 else f"/mapped/{self.map_index}"
        return msgspec.structs.replace(self, address=path + mapped)
