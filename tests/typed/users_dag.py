"""The public API, as the DAG of a user with `mypy --strict` uses it.

`make types` checks this file with mypy and with pyright against the installed package, as a user's
would: by its `py.typed`, without this repository's settings. A comment `# type: ignore[code]` marks a
wrong use. Both report the comment if the use is accepted, because they warn of unused ones.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

from airflow.sdk import DAG, TaskGroup
from pydantic import BaseModel

from airflow_provider_aimlapi.core.calls.completion import Completion
from airflow_provider_aimlapi.decorators.typed import task
from airflow_provider_aimlapi.errors import (
    AccessRefused,
    AimlapiError,
    ApiError,
    ApiUnavailable,
    BudgetExhausted,
    InvalidSpec,
    RunStopped,
    SetupError,
)
from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook
from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator
from airflow_provider_aimlapi.operators.estimate import ClaudeCompletionEstimateOperator
from airflow_provider_aimlapi.operators.links import RunReportLink
from airflow_provider_aimlapi.operators.plan import ClaudeCompletionPlanOperator
from airflow_provider_aimlapi.operators.retry_policy import AimlapiRetryPolicy
from airflow_provider_aimlapi.operators.workers import claude_completion_group


class Ticket(BaseModel):
    """The form of an answer."""

    topic: str


with DAG("users_dag", start_date=datetime(2026, 1, 1, tzinfo=UTC)):
    complete = ClaudeCompletionOperator(
        task_id="complete",
        input_path="s3://lake/texts/",
        output_path="s3://lake/answers/",
        prompt="Summarise: {text}",
        system="Answer with the summary alone.",
        max_tokens=200,
        temperature=0.5,
        stop_sequences=["END"],
        thinking={"type": "enabled", "budget_tokens": 2048},
        max_cost_usd=5,
        max_rejected_rows=0.01,
        on_stall="park",
        on_existing="error",
        retry_policy=AimlapiRetryPolicy(),
        retries=3,
        retry_delay=timedelta(minutes=1),
    )
    estimate = ClaudeCompletionEstimateOperator(
        task_id="estimate",
        sample_rows=20,
        input_path="s3://lake/texts/",
        output_path="s3://lake/answers/",
        prompt="Summarise: {text}",
        execution_timeout=timedelta(hours=1),
    )
    plan = ClaudeCompletionPlanOperator(
        task_id="plan",
        workers=4,
        input_path="s3://lake/texts/",
        output_path="s3://lake/answers/",
        prompt="Summarise: {text}",
    )
    group = claude_completion_group(
        group_id="group",
        workers=4,
        input_path="s3://lake/texts/",
        output_path="s3://lake/answers/",
        prompt="Summarise: {text}",
        system="Answer with the summary alone.",
        max_cost_usd=5,
        max_truncated_rows=0.1,
        on_existing="error",
        retries=3,
        retry_delay=timedelta(minutes=1),
        pool="claude",
    )
    assert_type(group, TaskGroup)
    estimate >> complete >> group

    # Each of these uses is wrong.
    ClaudeCompletionOperator(task_id="no_prompt", input_path="in", output_path="out")  # type: ignore[call-arg]
    ClaudeCompletionOperator(task_id="no_text", input_path="in", output_path="out", prompt=1)  # type: ignore[arg-type]
    ClaudeCompletionOperator(task_id="x", input_path="in", output_path="out", prompt="", top_k=[1])  # type: ignore[arg-type]
    ClaudeCompletionPlanOperator(task_id="no_workers", prompt="{text}")  # type: ignore[call-arg]
    claude_completion_group(workers=4)  # type: ignore[call-arg]
    ClaudeCompletionOperator(task_id="x", input_path="", output_path="", prompt="", on_existing="")  # type: ignore[arg-type]
    ClaudeCompletionOperator(task_id="x", input_path="", output_path="", prompt="", on_stall="")  # type: ignore[arg-type]
    AimlapiRetryPolicy(no_such_argument=1)  # type: ignore[call-arg]


@task
def write_headline(text: str) -> str:
    """Return a headline, or nothing if the API does not answer."""
    hook = AIMLAPIHook("my_conn")
    try:
        completion = hook.complete(text, system="Write a headline.", max_tokens=20, top_p=0.9)
    except BudgetExhausted as error:
        assert_type(error, BudgetExhausted)
        return ""
    except (SetupError, RunStopped):
        raise
    except ApiUnavailable as error:
        assert_type(error.retry_after_s, float | None)
        return ""
    except AimlapiError as error:
        return str(error)
    assert_type(completion, Completion)
    assert_type(completion.text, str | None)
    assert_type(hook.complete(text, output_schema=Ticket, repairs=2), Ticket)
    assert_type(hook.complete(text, output_schema={"type": "object"}), dict[str, Any])
    return completion.text or ""


@task.claude_completion(
    output_path="s3://lake/answers/",
    prompt="Classify: {text}",
    max_tokens=20,
    on_stall="park",
    retries=3,
)
def classify() -> list[dict[str, str]]:
    """Return the records to classify."""
    return [{"text": "The parcel is late."}]


@task.claude_completion(output_path="s3://lake/answers/", prompt="Classify: {text}")
def classify_folder(day: str) -> str:
    """Return the folder of a day."""
    return f"s3://lake/texts/{day}/"


def wrong_uses_in_a_dag() -> None:
    """Use the decorator and the group in ways that must be errors."""
    group = claude_completion_group
    classify_folder("2026-01-01")
    classify_folder(1)  # type: ignore[arg-type]
    task.claude_completion(prompt="{text}")  # type: ignore[call-arg]
    task.claude_completion(output_path="/out", prompt="{text}", temprature=1)  # type: ignore[call-arg]
    task.claude_completion(output_path="/out", prompt="{text}", max_tokens=[1])  # type: ignore[arg-type]
    task.claude_completion(output_path="/out", prompt="{text}", on_existing="keep")  # type: ignore[arg-type]
    task.claude_completion(output_path="/out", prompt="{text}", input_path="/in")  # type: ignore[call-arg]
    task.claude_completion(output_path="/out", prompt="{text}")(len)  # type: ignore[type-var]
    group(group_id="", workers=4, input_path="", output_path="", prompt="", pol="")  # type: ignore[call-arg]
    group(group_id="", workers=4, input_path="", output_path="", prompt="", pool=1)  # type: ignore[arg-type]
    group(group_id="g", workers=4, output_path="/out", prompt="{a}")  # type: ignore[call-arg]
    ClaudeCompletionEstimateOperator(task_id="x", output_path="/out", prompt="{a}")  # type: ignore[call-arg]


def wrong_uses_of_the_hook(hook: AIMLAPIHook) -> None:
    """Use the hook in ways that must be errors."""
    hook.complete()  # type: ignore[call-overload]
    hook.complete(b"bytes")  # type: ignore[call-overload]
    hook.complete("text", "system by position")  # type: ignore[call-overload]
    hook.complete("text", no_such_argument=1)  # type: ignore[call-overload]
    hook.complete("text", max_tokens="200")  # type: ignore[call-overload]
    hook.complete("text", output_schema=5)  # type: ignore[call-overload]
    hook.complete("text").no_such_method()  # type: ignore[attr-defined]
    ClaudeCompletionOperator.no_such_method()  # type: ignore[attr-defined]


assert_type(RunReportLink().name, str)
assert issubclass(AccessRefused, ApiError)
assert issubclass(InvalidSpec, SetupError)
