"""Checks answers against a schema. It reads them leniently and accepts only what the columns can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.answers.faults import Fault, Invalid, Valid, shown_value
from airflow_provider_aimlapi.core.answers.lenient_json import find_object
from airflow_provider_aimlapi.core.answers.misfits import Misfit
from airflow_provider_aimlapi.core.answers.normal_values import normalizer_of
from airflow_provider_aimlapi.core.answers.schema_faults import path_of, schema_faults
from airflow_provider_aimlapi.core.answers.schema_validator import validator_of

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.answers.schema import AnswerSchema

ClassCheck = Callable[[str], Fault | None]
"""Checks the JSON of an answer that follows the schema. It raises nothing, and may block."""


class AnswerValidator:
    """Checks answers against one schema.

    Attributes:
        schema: the schema.
        runs_user_code: whether a check may block, because a class's own validators run. Then call
            `check_answer` in a thread.
    """

    def __init__(self, schema: AnswerSchema, check_class: ClassCheck | None = None) -> None:
        self.schema = schema
        self.runs_user_code = check_class is not None
        self._validator = validator_of(dict(schema.value))
        self._normalize = normalizer_of(schema.kind)
        self._check_class = check_class

    def check_answer(self, text: str | None, cells: Mapping[str, str] | None) -> Valid | Invalid:
        """Check an answer.

        Args:
            text: the answer's text, or a tool call's arguments.
            cells: the text of the cell of each column in the schema's `quoted_columns`. None: quotes
                are not checked, because the attempt that received the answer has checked them.
        """
        value = find_object(text)
        if isinstance(value, Fault):
            return Invalid((value,))
        # The schema comes first, because its faults say most. What it accepts, a column may still
        # be unable to hold. A class's own validators come last: they may expect the right types.
        if not self._follows_schema(value):
            faults = schema_faults(self._validator, value, self.schema.kind)
            return Invalid(faults or (Fault("$", "does not follow the schema"),))
        try:
            normal = self._normalize(value, cells)
        except Misfit as misfit:
            path = path_of(reversed(misfit.steps), self.schema.kind)
            return Invalid((Fault(path, misfit.expectation, shown_value(misfit.value)),))
        found = msgspec.json.encode(normal).decode()
        fault = self._check_class(found) if self._check_class else None
        return Valid(found) if fault is None else Invalid((fault,))

    def is_storable(self, text: str) -> bool:
        """Return whether the columns can hold a stored text, and `check_answer` might have returned it.

        Others may be able to write where an answer is stored. The schema's limits are not applied again,
        because they are about the answer as it came.
        """
        try:
            value = msgspec.json.decode(text)
            return msgspec.json.encode(self._normalize(value, None)).decode() == text
        except (msgspec.MsgspecError, Misfit, ValueError, RecursionError):
            return False

    def has_quotes_of(self, text: str, cells: Mapping[str, str]) -> bool:
        """Return whether a valid answer quotes only what stands in these cells."""
        try:
            self._normalize(msgspec.json.decode(text), cells)
        except Misfit:
            return False
        return True

    def _follows_schema(self, value: object) -> bool:
        try:
            return self._validator.is_valid(value)
        except (ValueError, RecursionError):  # nested too deeply for the library
            return False
