"""Check each answer of a run against its schema, in a thread if the user's own code runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.answers.answer_text import with_answer_text
from airflow_provider_aimlapi.core.answers.typed_completions import typed, untyped

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.answers.validation import AnswerValidator
    from airflow_provider_aimlapi.core.calls.completion import Completion
    from airflow_provider_aimlapi.engine.row import Row
    from airflow_provider_aimlapi.engine.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCheck:
    """Checks the answers of a run.

    Attributes:
        validator: checks one answer.
        clock: runs a check in a thread.
    """

    validator: AnswerValidator
    clock: Clock

    async def typed(self, row: Row, completion: Completion) -> Completion:
        """Return an answer as the columns hold it: with the text of a valid one, or as invalid."""
        completion = with_answer_text(completion)
        if completion.status != "ok":
            return untyped(completion)
        validate = self.validator.validate
        if self.validator.runs_user_code:
            result = await self.clock.in_thread(validate, completion.text, row.cells)
        else:
            result = validate(completion.text, row.cells)
        return typed(completion, result)
