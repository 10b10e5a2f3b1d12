"""Few-shot examples: pairs of a row's values and the answer to it, as turns before each row's prompt.

They are checked twice. `read_examples` checks what a DAG contains, without the input's columns.
`example_turns` fills the prompt's template, once the columns are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.calls.json_types import JsonObject
from airflow_provider_aimlapi.core.calls.message import ExampleTurn
from airflow_provider_aimlapi.core.calls.request import is_json
from airflow_provider_aimlapi.core.prompts.template import placeholders_in
from airflow_provider_aimlapi.core.texts.nearest import nearest_name
from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.prompts.template import PromptTemplate

ExampleAnswer = str | JsonObject
"""A text, or with a schema an object. `core.answers.typed_examples` makes texts of both."""
Example = tuple[Mapping[str, str], ExampleAnswer]
"""The values of a row by column, and the answer to it."""
TextExample = tuple[Mapping[str, str], str]

PROMPT = "prompt"
"""The name of the only value of an example that has a whole prompt."""
_FORM = 'give a list of pairs, such as [({"body": "…"}, "…")]'


def read_examples(examples: object) -> tuple[Example, ...]:
    """Return the examples with their values as texts.

    Raises:
        InvalidSpec: they have another form, or a value or an answer is of another type.
    """
    if not isinstance(examples, (list, tuple)):
        raise InvalidSpec(f"examples: {_FORM}.")
    return tuple(_read_example(number, example) for number, example in enumerate(examples))


def check_examples(examples: Sequence[Example], prompt: str) -> None:
    """Check before the input is read that each example has the values that the prompt needs.

    Raises:
        InvalidSpec: a value is missing, or the prompt does not use it.
    """
    certain, possible = placeholders_in(prompt)
    for number, (values, _) in enumerate(examples):
        _check_complete(number, values, certain)
        for name in values:
            if name not in possible:
                near = nearest_name(name, possible)
                advice = f" Did you mean '{near}'?" if near is not None else " Leave it out."
                raise InvalidSpec(
                    f"examples[{number}] has a value for '{name}', but the prompt does not use "
                    f"{{{name}}}.{advice}"
                )


def example_turns(
    examples: Sequence[TextExample], template: PromptTemplate
) -> tuple[ExampleTurn, ...]:
    """Return the turns: each example's prompt is filled as a row's is.

    Raises:
        InvalidSpec: an example has no value for a column that the prompt uses.
    """
    fill = template.filler_for(columns := tuple(dict.fromkeys(template.columns)))
    turns: list[ExampleTurn] = []
    for number, (values, answer) in enumerate(examples):
        _check_complete(number, values, columns)
        prompt = "".join(fill([values[column] for column in columns]))
        turns.append(ExampleTurn(prompt, answer))
    return tuple(turns)


def read_pairs(examples: Sequence[tuple[str, ExampleAnswer]]) -> tuple[Example, ...]:
    """Return pairs of a whole prompt and an answer as examples whose only value is the prompt.

    Raises:
        InvalidSpec: they have another form.
    """
    return tuple(_read_pair(number, example) for number, example in enumerate(examples))


def _read_pair(number: int, example: object) -> Example:
    if not isinstance(example, (list, tuple)) or len(example) != 2:  # noqa: PLR2004  a pair
        raise InvalidSpec(f"examples[{number}] must be a pair: a prompt, and the answer to it.")
    prompt, answer = example
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidSpec(f"examples[{number}] must begin with a prompt that is not empty.")
    return {PROMPT: prompt}, _read_answer(number, answer)


def _read_example(number: int, example: object) -> Example:
    if not isinstance(example, (list, tuple)) or len(example) != 2:  # noqa: PLR2004  a pair
        raise InvalidSpec(f"examples[{number}] is no pair: {_FORM}.")
    values, answer = example
    if not isinstance(values, Mapping):
        raise InvalidSpec(f"examples[{number}] does not begin with a row's values: {_FORM}.")
    texts = {str(name): _text_of_value(number, name, value) for name, value in values.items()}
    return texts, _read_answer(number, answer)


def _read_answer(number: int, answer: object) -> ExampleAnswer:
    if isinstance(answer, str) and answer.strip():
        return answer
    if not isinstance(answer, Mapping) or not is_json(answer):
        raise InvalidSpec(
            f"examples[{number}]: the answer must be a text that is not empty, or an object of JSON."
        )
    # A copy, because the caller may change its own.
    copied: JsonObject = msgspec.json.decode(msgspec.json.encode(answer, enc_hook=dict))
    return copied


def _text_of_value(number: int, name: object, value: object) -> str:
    """Return a value as the prompt shows it."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
    if not isinstance(value, str) and not is_number:
        raise InvalidSpec(
            f"examples[{number}]: the value of {str(name)!r} must be a text or a number. Write "
            f"another value as the text that the prompt should show."
        )
    return str(value)


def _check_complete(number: int, values: Mapping[str, str], columns: Sequence[str]) -> None:
    for column in columns:
        if column not in values:
            raise InvalidSpec(
                f"examples[{number}] has no value for '{column}', which the prompt uses."
            )
