"""Decides which state the list shows: what a run reported, corrected by Airflow's state of its task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.reporting.run_progress import ENDED

if TYPE_CHECKING:
    from airflow_provider_aimlapi.plugins.listed.stored_run import StoredRun

ALIVE = frozenset({"running", "queued", "scheduled", "restarting"})
"""Airflow's states of a task that works, or will soon."""
EXPLAINED = frozenset({"failed", "killed", "stopped", "parked", "waits for its retry"})
"""The states whose reason the list shows. An attempt that was overtaken has nothing to explain."""
UNREPORTED = {
    "killed": "Airflow ended the task while its run was at work. Clear the task to continue.",
    "waits for its retry": "The attempt ended without a report. The next try continues the run.",
}
"""The reasons of runs that could not report their end."""


def state_of(run: StoredRun | None, task_state: str | None) -> str:
    """Return the state to show."""
    # 1. Without progress, Airflow's state is all that is known.
    # 2. A run that reports work while Airflow has ended its task was killed; if Airflow has no state
    #    for the task, it was cleared.
    # 3. A failed or killed run whose task will retry waits.
    # 4. Otherwise the run's own state counts.
    if run is None:
        return (task_state or "none").replace("_", " ")
    reported = run.standing.state
    is_over = reported not in ENDED and task_state not in ALIVE
    if is_over and task_state is None:
        return "cleared"
    if task_state == "up_for_retry" and (is_over or reported == "failed"):
        return "waits for its retry"
    return "killed" if is_over else reported


def is_at_work(run: StoredRun | None, task_state: str | None) -> bool:
    """Return whether the run works, or will soon."""
    if task_state not in ALIVE:
        return False
    return run is None or run.standing.state not in ENDED or task_state != "running"


def reason_of(run: StoredRun | None, state: str) -> str:
    """Return why the run ended early; "" if it did not."""
    if run is None or state not in EXPLAINED:
        return ""
    return run.reason or UNREPORTED.get(state, "")
