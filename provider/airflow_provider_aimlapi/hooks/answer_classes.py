"""Turns a Pydantic class into a schema and a check. No other module knows Pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.core.answers.faults import Fault, shown_value
from airflow_provider_aimlapi.core.answers.schema import AnswerSchema, answer_schema
from airflow_provider_aimlapi.core.answers.schema_faults import path_of
from airflow_provider_aimlapi.core.schemas.paths import ROOT
from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    from airflow_provider_aimlapi.core.schemas.kinds import Kind

_DETAIL_CHARACTERS_MAX = 200


def is_class(value: object) -> bool:
    """Return whether a value is a Pydantic class."""
    return isinstance(value, type) and hasattr(value, "model_json_schema")


def schema_of_class(answer_class: type[BaseModel]) -> Mapping[str, Any]:
    """Return the JSON schema of a class, with the aliases as names.

    Raises:
        InvalidSpec: the class has no JSON schema.
    """
    if not is_class(answer_class):
        raise InvalidSpec(f"output_schema={answer_class.__name__} is no Pydantic class. Give one.")
    try:
        return answer_class.model_json_schema()
    except Exception as error:  # noqa: BLE001  the class may have code of its own for its schema
        raise InvalidSpec(
            f"output_schema={answer_class.__name__} has no JSON schema: {error}"
        ) from None


def typed_answers(
    value: object, objects: dict[str, object] | None = None
) -> tuple[AnswerSchema, ClassCheck | None]:
    """Return the schema of a class or of a mapping, and a class's own check.

    Args:
        objects: receives the object of each answer that the class accepts, by the answer's text.

    Raises:
        InvalidSpec: it is neither, or a column cannot hold a property.
    """
    if is_class(value):
        schema = answer_schema(schema_of_class(value))  # type: ignore[arg-type]  # it is a class
        return schema, ClassCheck(value, schema.kind, objects)  # type: ignore[arg-type]
    if not isinstance(value, Mapping):
        raise InvalidSpec(
            f"output_schema is of type {type(value).__name__}. Give a Pydantic class, a JSON schema as "
            f"a mapping, or the name of a .json file."
        )
    return answer_schema(value), None


@dataclass(frozen=True, slots=True)
class ClassCheck:
    """Checks answers with a class's own validators.

    Attributes:
        answer_class: the class.
        kind: the type of its answers, which shows the names that the model did not choose.
        objects: see `typed_answers`. None in runs, which would keep all answers in memory.
    """

    answer_class: type[BaseModel]
    kind: Kind
    objects: dict[str, object] | None = None

    def __call__(self, text: str) -> Fault | None:
        """Return what the class finds wrong with an answer that follows its schema."""
        from pydantic import ValidationError

        try:
            found = self.answer_class.model_validate_json(text)
        except ValidationError as error:
            return _fault_of(error, self)
        except (Exception, SystemExit) as error:  # noqa: BLE001  validators are the user's code
            return self._fault_of_exception(error)
        except BaseException as error:
            # Python raises Ctrl-C and Airflow's time-outs in the main thread, and nowhere else.
            if current_thread() is main_thread():
                raise
            return self._fault_of_exception(error)
        if self.objects is not None:
            self.objects[text] = found
        return None

    def _fault_of_exception(self, error: BaseException) -> Fault:
        what = f"is refused by {self.answer_class.__name__} ({type(error).__name__})"
        return Fault(ROOT, what, detail=_message_of(error))


def _fault_of(error: ValidationError, check: ClassCheck) -> Fault:
    """Return the first fault. Its message may quote the answer, so it is only a detail."""
    # The first fault is enough for a repair. Context and URL would add the user's values and
    # Pydantic's pages.
    first = error.errors(include_url=False, include_context=False)[0]
    path = path_of(first["loc"], check.kind)
    return Fault(
        path,
        f"is refused by {check.answer_class.__name__}",
        shown_value(first["input"]),
        _cut_detail(first["msg"]),
    )


def _message_of(error: BaseException) -> str:
    """Return the message of an exception of the user's own, which may have none."""
    try:
        return _cut_detail(str(error))
    except Exception:  # noqa: BLE001  its `__str__` is the user's code, too
        return ""


def _cut_detail(text: str) -> str:
    """Return the beginning of a text, without half surrogates, which no journal can hold."""
    is_short = len(text) <= _DETAIL_CHARACTERS_MAX
    shown = text if is_short else f"{text[:_DETAIL_CHARACTERS_MAX]}…"
    return shown.encode(errors="replace").decode()
