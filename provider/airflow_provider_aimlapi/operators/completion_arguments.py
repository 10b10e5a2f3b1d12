"""The arguments of a `CompletionSpec`: how each is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.core.prompts.examples import Example, read_examples
from airflow_provider_aimlapi.operators import arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

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
