"""An answer as the columns hold it: with the text of a valid one, or with the reason of an invalid one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.answers.faults import Invalid
from airflow_provider_aimlapi.core.calls.completion import Reason, as_invalid_answer

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.answers.faults import Valid
    from airflow_provider_aimlapi.core.calls.completion import Completion


def as_typed_answer(completion: Completion, result: Valid | Invalid) -> Completion:
    """Return an answer whose text was checked. Its columns have values only if it is valid."""
    if isinstance(result, Invalid):
        return as_invalid_answer(completion, Reason(result.shown_fault, result.in_full))
    return msgspec.structs.replace(completion, text=result.text)


def as_untyped_answer(completion: Completion) -> Completion:
    """Return an answer that was cut off or refused, and so is not checked. Its text is kept as `raw`."""
    return msgspec.structs.replace(completion, text=None, raw=completion.text)
