"""The state in the list, from what the run reported and what Airflow says of its task."""

from __future__ import annotations

import json

import pytest

from airflow_provider_aimlapi.plugins.listed.run_state import is_at_work, reason_of, state_of
from airflow_provider_aimlapi.plugins.listed.stored_run import decode_run


@pytest.mark.parametrize(
    ("reported", "task_state", "state", "works"),
    [
        ("running", "running", "running", True),
        ("running", "queued", "running", True),
        ("running", "failed", "killed", False),
        ("running", "success", "killed", False),
        ("running", "up_for_retry", "waits for its retry", False),
        ("running", None, "cleared", False),
        ("failed", "failed", "failed", False),
        ("failed", "running", "failed", False),
        ("failed", "up_for_retry", "waits for its retry", False),
        ("published", "success", "published", False),
        ("stopped", None, "stopped", False),
        ("parked", "up_for_reschedule", "parked", False),
        ("published", "queued", "published", True),
        (None, "running", "running", True),
        (None, "up_for_retry", "up for retry", False),
        (None, None, "none", False),
    ],
)
def test_state_follows_both_reports(
    reported: str | None, task_state: str | None, state: str, works: bool
) -> None:
    progress = {"state": reported, "model": "m", "updated_us": 1}
    run = None if reported is None else decode_run(json.dumps(progress))
    assert state_of(run, task_state) == state
    assert is_at_work(run, task_state) is works


def test_reason_is_shown_for_what_ended_early() -> None:
    progress = {"state": "failed", "model": "m", "updated_us": 1, "attempts": [{"error": "why"}]}
    run = decode_run(json.dumps(progress))
    assert reason_of(run, "failed") == "why"
    assert reason_of(run, "running") == reason_of(run, "superseded") == ""
    assert reason_of(None, "failed") == ""


@pytest.mark.parametrize(
    ("state", "fix"),
    [("killed", "Clear the task"), ("waits for its retry", "The next try continues")],
)
def test_killed_run_shows_how_it_continues(state: str, fix: str) -> None:
    """A killed process reports no reason."""
    run = decode_run(json.dumps({"state": "running", "model": "m", "updated_us": 1}))
    assert fix in reason_of(run, state)
    assert reason_of(run, "running") == ""
