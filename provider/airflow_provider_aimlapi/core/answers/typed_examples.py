"""Few-shot examples whose answers must follow the schema, as a row's answer must."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.answers.faults import Invalid
from airflow_provider_aimlapi.core.calls.message import ExampleTurn
from airflow_provider_aimlapi.core.prompts.examples import PROMPT
from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_aimlapi.core.answers.validation import AnswerValidator
    from airflow_provider_aimlapi.core.prompts.examples import Example, ExampleAnswer, TextExample


def typed_examples(
    examples: Sequence[Example], validator: AnswerValidator | None
) -> tuple[TextExample, ...]:
    """Return the examples with each answer as a text: with a schema, in the form of valid answers.

    Raises:
        InvalidSpec: an answer does not follow the schema, or is no text although there is none.
    """
    return tuple(
        (values, _text_of_answer(number, values, answer, validator))
        for number, (values, answer) in enumerate(examples)
    )


def typed_turns(
    pairs: Sequence[Example], validator: AnswerValidator | None
) -> tuple[ExampleTurn, ...]:
    """Return the turns of examples with whole prompts; see `core.prompts.examples.read_pairs`.

    Raises:
        InvalidSpec: as `typed_examples`. An answer may quote the whole prompt.
    """
    quoted = () if validator is None else validator.schema.quoted_columns
    examples = [(dict.fromkeys(quoted, values[PROMPT]), answer) for values, answer in pairs]
    texts = [text for _, text in typed_examples(examples, validator)]
    prompts = [values[PROMPT] for values, _ in pairs]
    return tuple(map(ExampleTurn, prompts, texts))


def _text_of_answer(
    number: int,
    values: Mapping[str, str],
    answer: ExampleAnswer,
    validator: AnswerValidator | None,
) -> str:
    if validator is None:
        if isinstance(answer, str):
            return answer
        raise InvalidSpec(
            f"examples[{number}]: the answer must be a text. For an object, set output_schema."
        )
    text = (
        answer if isinstance(answer, str) else msgspec.json.encode(answer, enc_hook=dict).decode()
    )
    # A column that only the system text uses has no value here, so nothing can be quoted from it.
    quoted = validator.schema.quoted_columns
    result = validator.check_answer(text, values if set(quoted) <= values.keys() else None)
    if isinstance(result, Invalid):
        raise InvalidSpec(
            f"examples[{number}]: the answer does not follow output_schema. {result.in_full}. Correct "
            f"the example or the schema."
        )
    return result.text
