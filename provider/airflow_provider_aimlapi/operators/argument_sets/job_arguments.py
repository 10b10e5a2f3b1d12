"""The arguments of a `Job`: how each is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from airflow_provider_aimlapi.core.texts.setting_ranges import OnExisting, OnTruncated
from airflow_provider_aimlapi.operators import arguments
from airflow_provider_aimlapi.operators.argument_sets.path_arguments import open_path, open_paths
from airflow_provider_aimlapi.operators.argument_sets.schema_argument import read_schema
from airflow_provider_aimlapi.operators.completion_arguments import (
    COMPLETION_ARGUMENTS,
    completion_of,
    examples_of,
)

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
    from airflow_provider_aimlapi.engine.job import Job


def job_of(operator: Any, endpoint: Endpoint) -> Job:
    """Return the job of an operator whose arguments are rendered.

    Raises:
        InvalidSpec: an argument is wrong. Others: as `path_arguments.open_path`.
    """
    from airflow_provider_aimlapi.engine.job import Job

    asks_once = arguments.read_flag("ask_once", operator.ask_once)
    schema, check_class = read_schema(operator.output_schema, operator.answer_class)
    return Job(
        completion=completion_of({name: getattr(operator, name) for name in COMPLETION_ARGUMENTS}),
        prompt=arguments.read_text("prompt", operator.prompt),
        system=arguments.read_optional_text("system", operator.system),
        examples=examples_of(operator.examples),
        schema=schema,
        check_class=check_class,
        repairs=arguments.read_whole_number("repairs", operator.repairs),
        on_truncated=arguments.read_word(
            "on_truncated", operator.on_truncated, get_args(OnTruncated)
        ),
        output_column=arguments.read_optional_text("output_column", operator.output_column),
        limit_rows=arguments.read_optional_whole_number("limit_rows", operator.limit_rows),
        constant_prompt=arguments.read_flag("constant_prompt", operator.constant_prompt),
        endpoint=endpoint,
        input=open_path(operator, "input_path"),
        output=open_path(operator, "output_path"),
        ask_once=asks_once,
        # By default, rows that are sent separately take no answers: equal rows would take the same.
        reuse_from=open_paths(operator, "reuse_from") if asks_once or operator.reuse_from else None,
        on_existing=arguments.read_word("on_existing", operator.on_existing, get_args(OnExisting)),
    )
