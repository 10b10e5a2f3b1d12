"""The types of arguments that are passed on as `**arguments`, for type checkers and editors.

A test compares the names and types with the operator's signature, and those of a task with Airflow's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Required, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
    from datetime import datetime, timedelta

    from airflow.providers.common.compat.sdk import (
        DAG,
        ObjectStoragePath,
        RetryPolicy,
        TaskGroup,
    )
    from pydantic import BaseModel

    from airflow_provider_aimlapi.core.texts.setting_ranges import Caching, OnExisting, OnTruncated
    from airflow_provider_aimlapi.operators.parking import OnStall

    OneOrMore = Callable[..., Any] | Collection[Callable[..., Any]]


class TaskArguments(TypedDict, total=False):
    """The arguments that each Airflow operator has, without `task_id` and `retry_policy`."""

    owner: str
    email: str | Sequence[str] | None
    email_on_retry: bool
    email_on_failure: bool
    retries: int | None
    retry_delay: timedelta | float
    retry_exponential_backoff: float
    max_retry_delay: timedelta | float | None
    start_date: datetime | None
    end_date: datetime | None
    depends_on_past: bool
    ignore_first_depends_on_past: bool
    wait_for_past_depends_before_skipping: bool
    wait_for_downstream: bool
    dag: DAG | None
    params: MutableMapping[str, Any] | None
    default_args: dict[str, Any] | None
    priority_weight: int
    weight_rule: Any
    queue: str
    pool: str | None
    pool_slots: int
    sla: timedelta | None
    execution_timeout: timedelta | None
    on_execute_callback: OneOrMore | None
    on_failure_callback: OneOrMore | None
    on_success_callback: OneOrMore | None
    on_retry_callback: OneOrMore | None
    on_skipped_callback: OneOrMore | None
    pre_execute: Callable[..., Any] | None
    post_execute: Callable[..., Any] | None
    trigger_rule: str
    resources: dict[str, Any] | None
    run_as_user: str | None
    map_index_template: str | None
    max_active_tis_per_dag: int | None
    max_active_tis_per_dagrun: int | None
    executor: str | None
    executor_config: dict[str, Any] | None
    do_xcom_push: bool
    multiple_outputs: bool
    inlets: Any
    task_group: TaskGroup | None
    doc: str | None
    doc_md: str | None
    doc_json: str | None
    doc_yaml: str | None
    doc_rst: str | None
    task_display_name: str | None
    logger_name: str | None
    allow_nested_operators: bool
    render_template_as_native_obj: bool | None


class CompletionArguments(TaskArguments, total=False):
    """The arguments of `ClaudeCompletionOperator`, without `input_path` and `share`."""

    output_path: Required[str | ObjectStoragePath]
    prompt: Required[str]
    system: str | None
    model: str
    max_tokens: int | str | None
    temperature: float | str | None
    top_p: float | str | None
    top_k: int | str | None
    stop_sequences: Sequence[str] | None
    thinking: Mapping[str, Any] | None
    examples: Sequence[tuple[Mapping[str, Any], str | Mapping[str, Any]]] | None
    on_truncated: OnTruncated
    output_schema: type[BaseModel] | Mapping[str, Any] | str | None
    repairs: int | str
    output_column: str | None
    aimlapi_conn_id: str
    storage_conn_id: str | None
    max_concurrency: int | str
    requests_per_minute: int | str | None
    tokens_per_minute: int | str | None
    max_attempts: int | str
    request_timeout_s: float | str
    stall_timeout_s: float | str
    on_stall: OnStall
    park_timeout_s: float | str
    max_cost_usd: float | str | None
    max_rejected_rows: float | str | None
    max_truncated_rows: float | str | None
    limit_rows: int | str | None
    constant_prompt: bool | str
    on_existing: OnExisting
    ask_once: bool | str
    reuse_from: Sequence[str | ObjectStoragePath] | None
    retry_rejected: bool | str
    check_arrival: bool | str
    cache_prompt: Caching
    retry_policy: RetryPolicy | None


class GroupArguments(CompletionArguments, total=False):
    """The arguments of `claude_completion_group` that its three tasks get."""

    input_path: Required[str | ObjectStoragePath]


class OperatorArguments(GroupArguments, total=False):
    """All arguments of `ClaudeCompletionOperator`."""

    task_id: Required[str]
    outlets: Any
    share: int | str | None


class DecoratedArguments(CompletionArguments, total=False):
    """The arguments of `@task.claude_completion`."""

    task_id: str
    outlets: Any
    share: int | str | None
