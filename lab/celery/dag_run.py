"""One DAG run, from its trigger to its end, and the results of its tasks."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.celery.rest import Rest

DAG_ID, SHARED_TASK, LAST_TASK = "shared_job", "job.complete", "job.publish"
LOOK_EVERY_S = 1.0
RUN_S_MAX = 600.0
UNFINISHED = frozenset({"queued", "running"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """When something began and ended, in seconds of the same clock."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A DAG run that is over.

    Attributes:
        state: Airflow's word. elapsed_s: of all of it. shares: of the tasks that did the work.
        tries: of these, the last try of each. summary: what the task that publishes returned.
    """

    state: str
    elapsed_s: float
    shares: tuple[Span, ...]
    tries: tuple[int, ...]
    summary: dict[str, Any]

    @property
    def at_once(self) -> int:
        """The most shares that were worked on at the same time."""
        return peak(self.shares)


def peak(spans: Sequence[Span]) -> int:
    """Count the spans at the busiest instant. A span that ends when another begins does not count."""
    changes = [(span.end_s, -1) for span in spans] + [(span.start_s, 1) for span in spans]
    most = now = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def play(rest: Rest, conf: dict[str, Any], look: Callable[[], None]) -> Ended:
    """Run the scenarios' DAG to its end.

    Args:
        conf: of the DAG run. look: called every second while it lasts.
    """
    path, run = follow(rest, DAG_ID, {"logical_date": None, "conf": conf}, look)
    shares = [task for task in tasks(rest, path, SHARED_TASK) if task["end_date"]]
    whole = _span(run)
    return Ended(
        state=str(run["state"]),
        elapsed_s=whole.end_s - whole.start_s,
        shares=tuple(map(_span, shares)),
        tries=tuple(int(share["try_number"]) for share in shares),
        summary=returned(rest, path, LAST_TASK) if run["state"] == "success" else {},
    )


def follow(
    rest: Rest, dag_id: str, asked: dict[str, Any], look: Callable[[], None] = lambda: None
) -> tuple[str, dict[str, Any]]:
    """Trigger a DAG, and wait until its run is over; one that takes too long is made to fail.

    Returns:
        The run's path in the API, and what is there.
    """
    rest.patch(f"/dags/{dag_id}", {"is_paused": False})
    made = rest.post(f"/dags/{dag_id}/dagRuns", asked)
    path = f"/dags/{dag_id}/dagRuns/{quote(made['dag_run_id'], safe='')}"
    waiting = threading.Event()
    for _ in range(int(RUN_S_MAX / LOOK_EVERY_S)):
        run = rest.get(path)
        if run["state"] not in UNFINISHED:
            return path, run
        look()
        waiting.wait(LOOK_EVERY_S)
    return path, rest.patch(path, {"state": "failed"})


def tasks(rest: Rest, path: str, task_id: str) -> list[dict[str, Any]]:
    """Return the instances of a task in a DAG run. A mapped task has several."""
    found = rest.get(f"{path}/taskInstances?limit=100")["task_instances"]
    return [task for task in found if task["task_id"] == task_id]


def returned(rest: Rest, path: str, task_id: str) -> dict[str, Any]:
    """Return a task's summary."""
    entry = rest.get(
        f"{path}/taskInstances/{task_id}/xcomEntries/return_value?deserialize=false&stringify=false"
    )
    value = entry["value"]
    found: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return found


def _span(told: dict[str, Any]) -> Span:
    start_s, end_s = (
        datetime.fromisoformat(told[name]).timestamp() for name in ("start_date", "end_date")
    )
    return Span(start_s=start_s, end_s=end_s)
