"""Replies as a live API might give them, made by hand."""

from __future__ import annotations

from typing import Any

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.api.messages.completion_reading import read_completion
from airflow_provider_aimlapi.checks.plan import (
    Call,
    first_calls,
    last_calls,
    marked_calls,
    middle_calls,
)
from airflow_provider_aimlapi.checks.replies import Reply

ALL = [*first_calls(), *middle_calls(), *last_calls(), *marked_calls("nonce", 4.0)]
CALLS: dict[str, Call] = {call.name: call for call in ALL}


def reply(name: str, text: str, *, usd: float | None = None, **usage: Any) -> Reply:
    """The answer to a call, with these token counts."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "finish_reason": "end_turn", "message": message}
    payload: dict[str, Any] = {"id": "msg_1", "choices": [choice], "usage": usage}
    if usd is not None:
        payload["meta"] = {"usage": {"usd_spent": usd}}
    answer = Answer(status=200)
    return Reply(
        call=CALLS[name],
        client_request_id=f"check-nonce:{name}",
        answer=answer,
        payload=payload,
        completion=read_completion(answer, payload),
    )


def refused(name: str, status: int) -> Reply:
    """A call that was answered with an error."""
    return Reply(
        call=CALLS[name],
        client_request_id=f"check-nonce:{name}",
        answer=Answer(status=status),
        problem=f"HTTP {status}",
    )
