"""A DAG with a wrong argument, written as a plain value, does not load. Templates are left to the task."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator
from airflow_provider_aimlapi.operators.estimate import ClaudeCompletionEstimateOperator
from airflow_provider_aimlapi.operators.plan import ClaudeCompletionPlanOperator
from airflow_provider_aimlapi.operators.workers import claude_completion_group

USUAL: dict[str, Any] = {"input_path": "/in", "output_path": "/out", "prompt": "{text}"}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"temperature": 1.7}, "temperature=1.7"),
    ({"on_existing": "overwrite"}, "on_existing='overwrite': give 'replace' or 'error'"),
    ({"on_truncated": "grow"}, "on_truncated='grow': give 'keep' or 'raise'"),
    ({"on_stall": "wait"}, "on_stall='wait': give 'fail' or 'park'"),
    ({"park_timeout_s": 0}, "park_timeout_s=0: give a number of seconds above 0"),
    ({"input_path": "lake/in"}, "input_path='lake/in' is neither a URL"),
    ({"output_path": "out"}, "output_path='out' is neither a URL"),
    ({"output_path": "/out/*"}, "output_path contains one of"),
    ({"input_path": "ftp://host/in"}, "input_path: ftp:// is not allowed"),
    ({"input_path": ""}, "input_path is empty"),
    ({"prompt": " "}, "prompt=' ': give a text"),
    ({"prompt": 1}, "prompt=1: give a text"),
    ({"output_column": ""}, "output_column='': give a text"),
    ({"aimlapi_conn_id": None}, "aimlapi_conn_id=None: give a text"),
    ({"max_concurrency": 0}, "max_concurrency=0"),
    ({"max_attempts": 101}, "max_attempts=101"),
    ({"requests_per_minute": "600/min"}, "requests_per_minute='600/min': give a whole number"),
    ({"tokens_per_minute": -5}, "tokens_per_minute=-5"),
    ({"request_timeout_s": "soon"}, "request_timeout_s='soon': give a number"),
    ({"stall_timeout_s": -1}, "stall_timeout_s=-1"),
    ({"max_cost_usd": "5 USD"}, "max_cost_usd='5 USD': give a number"),
    ({"max_cost_usd": 0}, "max_cost_usd=0"),
    ({"max_rejected_rows": 1.0}, "max_rejected_rows=1.0: give None"),
    ({"max_truncated_rows": "1.0"}, "max_truncated_rows=1.0: give None"),
    ({"max_truncated_rows": "10%"}, "max_truncated_rows='10%': give a number"),
    ({"limit_rows": 0}, "limit_rows=0"),
    ({"ask_once": "perhaps"}, "ask_once='perhaps': give True or False"),
    ({"constant_prompt": "perhaps"}, "constant_prompt='perhaps': give True or False"),
    ({"retry_rejected": 1}, "retry_rejected=1: give True or False"),
    ({"check_arrival": None}, "check_arrival=None: give True or False"),
    ({"cache_prompt": True}, "cache_prompt=True: give 'auto' or 'never'"),
]


@pytest.mark.parametrize(("arguments", "sentence"), WRONG)
def test_a_wrong_plain_value_is_refused_at_parsing(
    arguments: dict[str, Any], sentence: str
) -> None:
    """In each form of the operator that a DAG may have."""
    values = USUAL | arguments
    with pytest.raises(InvalidSpec, match=f"^{sentence.replace('*', '.')}".replace("%", ".")):
        ClaudeCompletionOperator(task_id="ask", **values)
    with pytest.raises(InvalidSpec):
        ClaudeCompletionEstimateOperator(task_id="ask", **values)
    with pytest.raises(InvalidSpec):
        ClaudeCompletionPlanOperator(task_id="ask", workers=2, **values)


def test_the_decorator_and_the_group_refuse_as_well() -> None:
    from airflow.sdk import DAG, task

    with DAG("wrong", schedule=None):
        with pytest.raises(InvalidSpec, match="on_existing"):
            claude_completion_group(group_id="g", workers=2, on_existing="keep", **USUAL)  # type: ignore[arg-type]

        @task.claude_completion(output_path="out", prompt="{text}")
        def texts() -> str:
            return "/in"

        with pytest.raises(InvalidSpec, match="output_path='out'"):
            texts()


@pytest.mark.parametrize(
    ("kind", "arguments", "sentence"),
    [
        (ClaudeCompletionOperator, {"share": 64}, "share=64"),
        (ClaudeCompletionEstimateOperator, {"sample_rows": 1_001}, "sample_rows=1001"),
        (ClaudeCompletionEstimateOperator, {"answer_tokens": 0}, "answer_tokens=0"),
        (ClaudeCompletionPlanOperator, {"workers": 65}, "workers=65"),
        (ClaudeCompletionPlanOperator, {"workers": "many"}, "workers='many'"),
    ],
)
def test_arguments_of_single_operators_are_checked(
    kind: Any, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidSpec, match=f"^{sentence}"):
        kind(task_id="ask", **USUAL, **arguments)


@pytest.mark.parametrize("name", sorted({name for wrong, _ in WRONG for name in wrong}))
@pytest.mark.parametrize("template", ["{{ params.x }}", "{% if a %}x{% endif %}"])
def test_a_template_is_left_to_the_task(name: str, template: str) -> None:
    operator = ClaudeCompletionOperator(task_id="ask", **(USUAL | {name: template}))
    assert getattr(operator, name) == template


def test_results_of_other_tasks_are_left_to_the_task() -> None:
    from airflow.sdk import DAG, ObjectStoragePath

    with DAG("results", schedule=None):
        first = ClaudeCompletionOperator(task_id="first", **USUAL)
        path: Any = ObjectStoragePath("s3://aws_default@lake/out/")
        second = ClaudeCompletionOperator(
            task_id="second", **(USUAL | {"input_path": first.output, "output_path": path})
        )
    assert second.upstream_task_ids == {"first"}
