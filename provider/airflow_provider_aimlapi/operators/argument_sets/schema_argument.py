"""The argument `output_schema`: a Pydantic class, a mapping, or the name of a .json file beside the DAG."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.core.schemas.json_copies import without_twins
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.operators import arguments
from airflow_provider_aimlapi.operators.airflow_errors import airflow_error
from airflow_provider_aimlapi.operators.rendering import source_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import BaseOperator

    from airflow_provider_aimlapi.core.answers.schema import AnswerSchema
    from airflow_provider_aimlapi.core.answers.validation import ClassCheck
    from airflow_provider_aimlapi.core.prompts.examples import Example

_FILE_NAME = re.compile(r"[^\n{}]+\.json", re.IGNORECASE)


def class_of(value: object) -> Any | None:
    """Return a Pydantic class; None for anything else."""
    return value if isinstance(value, type) else None


def plain_schema(value: object) -> object:
    """Return the schema of a class, which Airflow can store and Jinja can render; else the value.

    Raises:
        InvalidSpec: the class has no schema.
    """
    answer_class = class_of(value)
    if answer_class is None:
        return value
    from airflow_provider_aimlapi.hooks.answer_classes import schema_of_class

    return schema_of_class(answer_class)


def schema_file(operator: BaseOperator, value: object) -> Mapping[str, Any] | None:
    """Return the content of the .json file that a text names; None for anything else.

    Raises:
        AirflowFailException: the file has no JSON object. A retry would fail in the same way.
    """
    if not isinstance(value, str) or not _FILE_NAME.fullmatch(value.strip()):
        return None
    text = source_of(operator, value.strip())
    if text is None:
        return None
    try:
        found = _parsed_schema(text, value.strip())
    except InvalidSpec as error:
        raise airflow_error(error) from None
    if not isinstance(found, Mapping):
        raise airflow_error(InvalidSpec(f"output_schema: {value.strip()} contains no JSON object."))
    return found


def read_schema(
    value: object, answer_class: Any | None
) -> tuple[AnswerSchema | None, ClassCheck | None]:
    """Return the schema of a task's answers, and a class's own check.

    Args:
        value: as Jinja rendered it.
        answer_class: the class that the schema was made of.

    Raises:
        InvalidSpec: it is no schema, or a column cannot hold a property.
    """
    value = arguments.none_if_empty(value)
    if value is None:
        return None, None
    if isinstance(value, str):
        value = _read_text(value.strip())
    if not isinstance(value, Mapping):
        raise InvalidSpec(
            f"output_schema is of type {type(value).__name__}. Give a Pydantic class, a JSON schema as "
            f"a mapping, or the name of a .json file."
        )
    from airflow_provider_aimlapi.core.answers.schema import answer_schema
    from airflow_provider_aimlapi.hooks.answer_classes import ClassCheck

    schema = answer_schema(value)
    return schema, None if answer_class is None else ClassCheck(answer_class, schema.kind)


def check_typed_examples(
    examples: Sequence[Example], schema: AnswerSchema | None, check_class: ClassCheck | None
) -> None:
    """Refuse an example whose answer does not follow the schema, or is an object without one.

    Raises:
        InvalidSpec: there is one.
    """
    from airflow_provider_aimlapi.core.answers.typed_examples import typed_examples
    from airflow_provider_aimlapi.core.answers.validation import AnswerValidator

    typed_examples(examples, AnswerValidator(schema, check_class) if schema else None)


def _read_text(text: str) -> object:
    if text.startswith("{"):
        return _parsed_schema(text, "the text")
    raise InvalidSpec(
        f"output_schema={text!r} is no schema. If it is the name of a .json file, there is no such "
        f"file beside the DAG or in the DAG's template_searchpath."
    )


def _parsed_schema(text: str, name: str) -> object:
    try:
        # Some editors begin a file with a byte order mark.
        return json.loads(text.removeprefix("\ufeff"), object_pairs_hook=without_twins)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
        raise InvalidSpec(f"output_schema: {name} is not JSON: {reason}.") from None
