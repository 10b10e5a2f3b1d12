"""The arguments that make a `CompletionSpec`, checked when a DAG is read as far as they are known."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.operators import arguments

COMPLETION_ARGUMENTS = (
    "model",
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "thinking",
)


def completion_of(given: Mapping[str, object]) -> CompletionSpec:
    """Return the model and its parameters; an argument that is not given is not sent.

    Raises:
        InvalidSpec: an argument is wrong, or the model's dialect lacks it.
    """
    return CompletionSpec(
        model=arguments.text("model", given["model"]),
        max_tokens=arguments.optional_whole_number("max_tokens", given.get("max_tokens")),
        temperature=arguments.optional_number("temperature", given.get("temperature")),
        top_p=arguments.optional_number("top_p", given.get("top_p")),
        top_k=arguments.optional_whole_number("top_k", given.get("top_k")),
        stop_sequences=arguments.texts("stop_sequences", given.get("stop_sequences")),
        thinking=arguments.thinking(given.get("thinking")),
    )


def check_written(operator: object) -> None:
    """Check the arguments that are written in the DAG; those that a task renders are left out.

    Airflow makes the operator of a mapped task anew in the task, which checks all of them.

    Raises:
        InvalidSpec: as `completion_of`. A templated model is checked by the task alone.
    """
    if getattr(operator, "_BaseOperator__from_mapped", False):
        return
    given = {name: getattr(operator, name) for name in COMPLETION_ARGUMENTS}
    written = {name: value for name, value in given.items() if _is_written(value)}
    if "model" in written:
        completion_of(written)


def _is_written(value: object) -> bool:
    """Return whether a value is what it will be in the task: no template, no result of a task."""
    if isinstance(value, str):
        return "{{" not in value and "{%" not in value
    if isinstance(value, Mapping):
        return all(map(_is_written, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_is_written, value))
    return value is None or isinstance(value, (int, float))
