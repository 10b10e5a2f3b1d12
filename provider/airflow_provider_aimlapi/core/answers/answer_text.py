"""The text of a typed answer: the arguments of the tool that it calls, or else its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.calls.answer_form import TOOL_NAME

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.completion import Completion


def with_answer_text(completion: Completion) -> Completion:
    """Return an answer whose text is what the schema describes, however it was sent."""
    if not completion.tool_calls:
        return completion
    return msgspec.structs.replace(completion, text=_arguments_of_calls(completion), tool_calls=())


def _arguments_of_calls(completion: Completion) -> str:
    """Return the arguments of the calls. Two calls that differ leave open which of them is meant."""
    ours = [call for call in completion.tool_calls if call.name == TOOL_NAME]
    # Without a call of ours, all calls count, because a gateway may rename the tool.
    calls = ours or completion.tool_calls
    return "\n".join(dict.fromkeys(call.arguments_json for call in calls))
