"""Checks the arguments that a DAG contains as plain values, as soon as Airflow parses the DAG.

A value that Jinja renders, or that another task returns, is checked in the task. So is the text of a
prompt, because it may name a file. Nothing here opens a connection or a path.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, get_args

from airflow_provider_aimlapi.core.marks.prompt_order import order_hint
from airflow_provider_aimlapi.core.prompts.examples import check_examples
from airflow_provider_aimlapi.core.schemas.refusal import NEEDS_SCHEMA
from airflow_provider_aimlapi.core.texts.setting_ranges import (
    OnExisting,
    OnTruncated,
    check_settings,
)
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.operators import arguments
from airflow_provider_aimlapi.operators.argument_sets.path_arguments import read_path, read_paths
from airflow_provider_aimlapi.operators.argument_sets.run_arguments import RUN_READERS
from airflow_provider_aimlapi.operators.argument_sets.schema_argument import (
    check_typed_examples,
    read_schema,
)
from airflow_provider_aimlapi.operators.completion_arguments import (
    COMPLETION_ARGUMENTS,
    completion_of,
    examples_of,
)
from airflow_provider_aimlapi.operators.parking import OnStall, read_park_timeout_s


def _read_not_blank(name: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise InvalidSpec(f"{name}={value!r}: give a text that is not empty.")


def _read_optional_not_blank(name: str, value: object) -> None:
    if value is not None:
        _read_not_blank(name, value)


def _read_on_existing(name: str, value: object) -> None:
    arguments.read_word(name, value, get_args(OnExisting))


def _read_on_truncated(name: str, value: object) -> None:
    arguments.read_word(name, value, get_args(OnTruncated))


def _read_on_stall(name: str, value: object) -> None:
    arguments.read_word(name, value, get_args(OnStall))


_OTHERS: Mapping[str, Callable[[str, object], object]] = {
    "input_path": read_path,
    "output_path": read_path,
    "reuse_from": read_paths,
    "prompt": _read_not_blank,
    "output_column": _read_optional_not_blank,
    "repairs": arguments.read_whole_number,
    "aimlapi_conn_id": _read_not_blank,
    "limit_rows": arguments.read_optional_whole_number,
    "constant_prompt": arguments.read_flag,
    "ask_once": arguments.read_flag,
    "on_existing": _read_on_existing,
    "on_truncated": _read_on_truncated,
    "on_stall": _read_on_stall,
    "park_timeout_s": read_park_timeout_s,
    "share": arguments.read_optional_whole_number,
    "sample_rows": arguments.read_whole_number,
    "answer_tokens": arguments.read_optional_whole_number,
    "workers": arguments.read_whole_number,
}
"""What reads each argument that is none of the model's. It raises InvalidSpec for a wrong value."""


def check_written(operator: object, *more: str) -> None:
    """Check an operator's arguments, without those that a task renders.

    Args:
        more: the arguments that this operator has besides those of `ClaudeCompletionOperator`.

    Raises:
        InvalidSpec: an argument is wrong.
    """
    # Airflow builds the operator of a mapped task again in the task, which then checks everything.
    if getattr(operator, "_BaseOperator__from_mapped", False):
        return
    if not more:
        _check_examples(operator)
        check_schema(operator)
    readers: Mapping[str, Any] = {**RUN_READERS, **_OTHERS}
    names = more or (*COMPLETION_ARGUMENTS, *readers)
    written = {
        name: value
        for name in names
        if hasattr(operator, name) and _is_written(value := getattr(operator, name))
    }
    # Without its model no parameter can be checked, because the model's dialect sets the ranges.
    if "model" in written:
        completion_of(written)
    check_settings(
        {name: readers[name](name, value) for name, value in written.items() if name in readers}
    )


def check_files(operator: Any) -> None:
    """Check what files have added to an operator's arguments, and warn of an expensive prompt.

    Raises:
        InvalidSpec: as `check_schema`.
    """
    check_schema(operator)
    texts = (operator.prompt, operator.system or "", operator.model)
    if operator.cache_prompt == "auto" and all(
        isinstance(text, str) and _is_written(text) for text in texts
    ):
        hint = order_hint(*texts)
        if hint is not None:
            warnings.warn(f"{operator.task_id}: {hint}", UserWarning, stacklevel=2)


def check_schema(operator: object) -> None:
    """Check a schema that is a plain value, the answers of examples, and what needs a schema.

    Raises:
        InvalidSpec: a column cannot hold a property, or the answer of an example is wrong.
    """
    schema, column = (getattr(operator, name) for name in ("output_schema", "output_column"))
    if schema is None and column is None:
        raise InvalidSpec(NEEDS_SCHEMA)
    # A text is the name of a file, which is read later, or a template.
    if isinstance(schema, str) or not _is_written(schema):
        return
    found, check_class = read_schema(schema, getattr(operator, "answer_class", None))
    examples = getattr(operator, "examples", None)
    if examples and _is_written(examples):
        check_typed_examples(examples_of(examples), found, check_class)


def _check_examples(operator: object) -> None:
    """Check examples that are plain values, and compare them with a prompt that is one."""
    prompt, examples = (getattr(operator, name) for name in ("prompt", "examples"))
    if not _is_written(examples):
        return
    read = examples_of(examples)
    # The text of a prompt file is not known here. A job checks its examples again.
    if isinstance(prompt, str) and _is_written(prompt) and not arguments.may_name_file(prompt):
        check_examples(read, prompt)


def _is_written(value: object) -> bool:
    """Return whether a value stays as it is in the task: no template, and no result of a task."""
    if isinstance(value, str):
        return "{{" not in value and "{%" not in value
    if isinstance(value, Mapping):
        return all(map(_is_written, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_is_written, value))
    return value is None or isinstance(value, (int, float))
