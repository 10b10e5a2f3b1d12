"""Answers as the API gives them, to be changed by tests."""

from __future__ import annotations

import copy
import json
from typing import Any

from airflow_provider_aimlapi.answer import Answer

PLAIN: dict[str, Any] = {
    "id": "msg_01YB",
    "object": "chat.completion",
    "model": "claude-sonnet-4-6",
    "created": 1772199635,
    "choices": [
        {
            "index": 0,
            "finish_reason": "end_turn",
            "logprobs": None,
            "message": {"role": "assistant", "content": "Hi!", "reasoning_content": ""},
        }
    ],
    "usage": {"prompt_tokens": 16, "completion_tokens": 264, "total_tokens": 280},
    "meta": {"usage": {"credits_used": 10421}},
}


def plain(**changes: Any) -> dict[str, Any]:
    """A fresh copy of PLAIN with top-level fields changed."""
    return {**copy.deepcopy(PLAIN), **changes}


def with_message(finish_reason: Any = "end_turn", **message: Any) -> dict[str, Any]:
    """A fresh copy of PLAIN whose only choice holds this message."""
    whole = {"role": "assistant", "content": "Hi!", **message}
    return plain(choices=[{"index": 0, "finish_reason": finish_reason, "message": whole}])


def answer_of(payload: Any, **fields: Any) -> Answer:
    """A 200 with this value as its JSON."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Answer(**{"status": 200, "content_type": "application/json", "body": body, **fields})


def stream_of(*chunks: Any, **fields: Any) -> Answer:
    """A 200 whose events hold these values as JSON."""
    events = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    return answer_of(events, **{"content_type": "text/event-stream", **fields})


def delta(finish_reason: str | None = None, **fields: Any) -> dict[str, Any]:
    """A chunk with a delta of these fields."""
    choice = {"index": 0, "delta": fields, "finish_reason": finish_reason}
    return {"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}
