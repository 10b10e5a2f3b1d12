"""The arguments of a `CompletionSpec`. Those that a DAG contains as plain values are checked early."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_aimlapi.core.calls.examples import Example, check_examples, read_examples
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.operators import arguments

_READERS: Mapping[str, Any] = {
    "model": arguments.read_text,
    "max_tokens": arguments.read_optional_whole_number,
    "temperature": arguments.read_optional_number,
    "top_p": arguments.read_optional_number,
    "top_k": arguments.read_optional_whole_number,
    "stop_sequences": arguments.read_texts,
    "thinking": arguments.read_thinking,
}
"""The function that reads each argument, called with the argument's name and value."""
COMPLETION_ARGUMENTS = tuple(_READERS)


def completion_of(values: Mapping[str, object]) -> CompletionSpec:
    """Return the model and its parameters. A parameter without a value is not sent.

    Raises:
        InvalidSpec: an argument is wrong, or the model's dialect lacks it.
    """
    return CompletionSpec(**{name: read(name, values.get(name)) for name, read in _READERS.items()})


def examples_of(value: object) -> tuple[Example, ...]:
    """Return the few-shot examples as texts.

    Raises:
        InvalidSpec: they have another form.
    """
    value = arguments.none_if_empty(value)
    return () if value is None else read_examples(value)


def check_written(operator: object) -> None:
    """Check the arguments that the DAG contains as plain values, without those that a task renders.

    Raises:
        InvalidSpec: as `completion_of`.
    """
    # Airflow builds the operator of a mapped task again in the task, which then checks everything.
    if getattr(operator, "_BaseOperator__from_mapped", False):
        return
    _check_examples(operator)
    values = {name: getattr(operator, name) for name in COMPLETION_ARGUMENTS}
    written = {name: value for name, value in values.items() if _is_written(value)}
    # Without its model no parameter can be checked, because the model's dialect sets the ranges.
    if "model" in written:
        completion_of(written)


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
