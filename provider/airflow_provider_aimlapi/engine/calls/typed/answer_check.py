"""Check an answer against its schema, in a thread of its own if the user's own code runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.answers.answer_text import with_answer_text
from airflow_provider_aimlapi.core.answers.faults import Fault, Invalid
from airflow_provider_aimlapi.core.answers.typed_completions import (
    as_typed_answer,
    as_untyped_answer,
)
from airflow_provider_aimlapi.core.schemas.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aimlapi.core.answers.faults import Valid
    from airflow_provider_aimlapi.core.answers.validation import AnswerValidator
    from airflow_provider_aimlapi.core.calls.completion import Completion
    from airflow_provider_aimlapi.engine.runtime.clock import Clock

CLASS_CHECK_S_MAX = 60.0
"""A class's validators may ask a database. Without a limit, one that never returns would hold the run,
and its answer, which is paid for, would never be journaled: each attempt would pay for it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCheck:
    """Checks the answers of a run, or of single calls.

    Attributes:
        validator: checks one answer.
        clock: runs a check in a thread.
        class_check_s_max: the most seconds that a class's own validators may take.
    """

    validator: AnswerValidator
    clock: Clock
    class_check_s_max: float = CLASS_CHECK_S_MAX

    async def check_completion(
        self, completion: Completion, cells: Mapping[str, str] | None
    ) -> Completion:
        """Return an answer as the columns hold it: with the text of a valid one, or as invalid.

        Args:
            cells: the text of each column that the answer may quote.
        """
        completion = with_answer_text(completion)
        if completion.status != "ok":
            return as_untyped_answer(completion)
        if self.validator.runs_user_code:
            return as_typed_answer(completion, await self._checked_aside(completion.text, cells))
        return as_typed_answer(completion, self.validator.check_answer(completion.text, cells))

    async def _checked_aside(
        self, text: str | None, cells: Mapping[str, str] | None
    ) -> Valid | Invalid:
        """Return the result of a check that may never return. Its thread is then left behind."""
        check = self.clock.aside(partial(self.validator.check_answer, text, cells))
        done, _ = await asyncio.wait((check,), timeout=self.class_check_s_max)
        if done:
            return check.result()
        limit = f"{self.class_check_s_max:g} seconds"
        return Invalid((Fault(ROOT, f"was not checked by the class's validators within {limit}"),))
