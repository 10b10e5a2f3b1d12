"""The operator's arguments, listed once by its signature: every other list agrees with it."""

from __future__ import annotations

import inspect
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator
from airflow_provider_aimlapi.operators.parking import parking_of_task
from airflow_provider_aimlapi.operators.rendering import NOT_RENDERED
from airflow_provider_aimlapi.operators.retry_policy import AimlapiRetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = [
    name
    for name, parameter in inspect.signature(ClaudeCompletionOperator).parameters.items()
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY
]
OTHER_VALUES: dict[str, object] = {
    "prompt": "Translate {text}",
    "system": "Be brief.",
    "model": "anthropic/claude-sonnet-4.6",
    "max_tokens": "512",
    "temperature": "0.5",
    "top_p": "0.9",
    "top_k": "5",
    "stop_sequences": ["END"],
    "thinking": {"type": "disabled"},
    "examples": [({"text": "Hallo"}, '{"a": "Hello"}')],
    "on_truncated": "raise",
    "output_schema": {"type": "object", "properties": {"a": {"type": "string"}}},
    "repairs": "2",
    "output_column": "answer",
    "aimlapi_conn_id": "another",
    "max_concurrency": "8",
    "requests_per_minute": "60",
    "tokens_per_minute": "6000",
    "max_attempts": "3",
    "request_timeout_s": "30",
    "stall_timeout_s": "60",
    "on_stall": "park",
    "max_cost_usd": "5",
    "max_rejected_rows": "10",
    "max_truncated_rows": "0.2",
    "limit_rows": "20",
    "constant_prompt": "True",
    "on_existing": "error",
    "ask_once": "False",
    "reuse_from": None,
    "retry_rejected": "True",
    "check_arrival": "False",
    "cache_prompt": "never",
    "share": "3",
}


class Instance:
    """A task instance that was never parked."""

    def get_first_reschedule_date(self, _context: object) -> None:
        return None


def effect(operator: Any) -> list[object]:
    """All that an operator hands on: the job, the settings, the parking, the share."""
    context: Any = {"ti": Instance()}
    return [
        operator._build_job(),
        operator._build_settings(),
        parking_of_task(
            context, on_stall=operator.on_stall, park_timeout_s=operator.park_timeout_s
        ),
        operator.share,
        operator.retry_policy,
    ]


@pytest.fixture
def build(tmp_path: Path, connect: Callable[..., str]) -> Callable[..., Any]:
    """Build an operator whose connections exist."""
    connect("aimlapi_default", conn_type="aimlapi", password="sk-1")
    connect("another", conn_type="aimlapi", password="sk-2")
    usual = {"input_path": str(tmp_path), "output_path": str(tmp_path / "out"), "prompt": "{text}"}
    return lambda **values: ClaudeCompletionOperator(task_id="t", **(usual | values))


def test_template_fields_are_the_signature() -> None:
    """The exceptions are the ones that the reference page names."""
    assert NOT_RENDERED - {"self"} == {"stop_sequences", "retry_policy"}
    rendered = [name for name in NAMES if name not in NOT_RENDERED]
    assert list(ClaudeCompletionOperator.template_fields) == rendered


def test_the_docstring_lists_the_signature_in_order() -> None:
    text = inspect.cleandoc(ClaudeCompletionOperator.__doc__ or "")
    arguments = text.partition("Args:\n")[2].partition("\nReturns:")[0]
    listed = re.findall(r"^ {4}(\w+): ", arguments, re.MULTILINE)
    assert listed == NAMES


def test_each_argument_becomes_an_attribute(build: Callable[..., Any]) -> None:
    values = {
        **OTHER_VALUES,
        "examples": [({"text": "Hallo"}, {"a": "Hello"})],
    }  # as the schema has it
    operator = build(**values)
    assert {name: getattr(operator, name) for name in values} == values


@pytest.mark.parametrize("name", NAMES)
def test_each_argument_changes_what_runs(
    name: str, build: Callable[..., Any], connect: Callable[..., str], tmp_path: Path
) -> None:
    """An argument that no list hands on would be accepted and ignored."""
    changes: dict[str, Any] = {name: OTHER_VALUES.get(name)}
    before: dict[str, Any] = {}
    match name:
        case "input_path" | "output_path":
            changes = {name: str(tmp_path / "elsewhere")}
        case "storage_conn_id":
            connect("s3", conn_type="aws", extra='{"endpoint_url": "http://127.0.0.1:1"}')
            before = {"output_path": "s3://lake/out"}
            changes = {name: "s3"}
        case "park_timeout_s":
            before = {"on_stall": "park"}
            changes = {name: "60"}
        case "retry_policy":
            changes = {name: AimlapiRetryPolicy(api_delay=timedelta(seconds=1))}
        case _:
            pass  # OTHER_VALUES has it
    assert effect(build(**before)) != effect(build(**before, **changes))
