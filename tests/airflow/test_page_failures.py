"""A run that fails after its first call: the log, the page and the list show one error, with its fix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator.faults.script import Account, Fault, Script
from tests.airflow.test_page_beside_output import newest_task

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.airflow

VISIBLE_CHARACTERS = 110
"""Airflow's log view cuts longer lines."""
FAILURES: dict[str, tuple[Script, dict[str, Any], str]] = {
    "a wrong key": (
        Script(account=Account(key="another-key")),
        {},
        "AccessRefused: Put a valid key",
    ),
    "an unknown model": (
        Script(faults=(Fault(kind="404"),)),
        {},
        "AccessRefused: Check the model's id",
    ),
    "a small budget": (Script(), {"max_cost_usd": 0.02}, "BudgetExhausted: Raise max_cost_usd"),
    "only rejections": (
        Script(faults=(Fault(kind="400"),)),
        {},
        "TooManyRejections: Correct the prompt, the model or its parameters",
    ),
    "a truncated answer": (
        Script(),
        {"max_truncated_rows": 0, "max_tokens": 1},
        "TooManyTruncations: Raise max_truncated_rows",
    ),
    "an outage": (
        Script(faults=(Fault(kind="503"),)),
        {"stall_timeout_s": 2},
        "ApiUnavailable: A retry of the task continues from here",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_log_page_and_list_show_one_error(
    api: Any, lake: Any, run_task: Callable[..., Any], reader: Any, case: str
) -> None:
    script, arguments, beginning = FAILURES[case]
    api.follow(script)
    lake.put("in/texts.parquet", {"text": [f"The printer is on fire, {n}." for n in range(40)]})
    paths = {"input_path": lake.url("in/"), "output_path": lake.url("out/"), "prompt": "{text}"}
    run = run_task(**paths, **arguments)
    assert run.state == "failed"
    assert run.output.count(beginning) == run.tries, "each try logs its error once"
    (line, *_) = (line for line in run.output.splitlines() if beginning in line)
    raised = line.removeprefix("airflow.sdk.exceptions.")
    assert raised.index(beginning) + len(beginning) <= VISIBLE_CHARACTERS
    told = reader.get("/aimlapi/progress", params=newest_task()).json()
    assert told["state"] == "failed"
    assert told["attempts"][-1]["error"].startswith(beginning)
    (listed,) = [
        one
        for one in reader.get("/aimlapi/list").json()["runs"]
        if one["run_id"] == newest_task()["run_id"]
    ]
    assert listed["reason"].startswith(beginning)
