"""Answers as the vendor documents them, and the bytes around them. Knows no client of ours."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_aimlapi.answer import Answer

JSON = "application/json"
PROBLEM = "application/problem+json"
EVENTS = "text/event-stream"
HTML = "text/html"
TEXT = "Hi! I'm Claude."
CREDITS_USED = 10421
COST_NANO_USD = 5_210_500
"""10,421 credits at 2,000,000 credits for a dollar."""


def documented(**changes: Any) -> dict[str, Any]:
    """The documented answer of Sonnet 4.6; `changes` replace its top-level fields."""
    answer = {
        "id": "msg_01YB",
        "object": "chat.completion",
        "model": "claude-sonnet-4-6",
        "created": 1772199635,
        "choices": [choice()],
        "usage": {"prompt_tokens": 16, "completion_tokens": 264, "total_tokens": 280},
        "meta": {"usage": {"credits_used": CREDITS_USED}},
    }
    return answer | changes


def choice(finish_reason: str | None = "end_turn", **message: Any) -> dict[str, Any]:
    """The documented choice; `message` replaces or adds fields of its message."""
    spoken = {"role": "assistant", "content": TEXT, "reasoning_content": ""}
    return {
        "index": 0,
        "finish_reason": finish_reason,
        "logprobs": None,
        "message": spoken | message,
    }


def answer(body: object, **headers: Any) -> Answer:
    """An answer of 200 with this body: bytes as they are, anything else as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields: dict[str, Any] = {"status": 200, "content_type": JSON, "body": raw}
    return Answer(**(fields | headers))


def legacy_envelope(status: int, message: str, *, as_text: bool) -> dict[str, Any]:
    """The documented error body, whose `statusCode` is a string or a number."""
    return {
        "message": message,
        "path": "/v1/chat/completions",
        "requestId": "req-in-envelope",
        "statusCode": str(status) if as_text else status,
        "timestamp": "2026-08-30T10:00:00.000Z",
    }


def live_envelope(status: int, message: str) -> dict[str, Any]:
    """The error body that a probe of the live API met."""
    return {
        "title": "Error",
        "status": status,
        "message": message,
        "instance": "/v1/chat/completions",
        "requestId": "req-in-envelope",
        "timestamp": "2026-08-30T10:00:00.000Z",
        "error": {"name": "Error", "message": message},
    }


def chunk(
    delta: dict[str, Any] | None, *, finish_reason: str | None = None, **fields: Any
) -> dict[str, Any]:
    """One chunk of a stream; without a `delta` when that is None."""
    said: dict[str, Any] = {"index": 0, "finish_reason": finish_reason}
    if delta is not None:
        said["delta"] = delta
    return {
        "id": "",
        "object": "chat.completion.chunk",
        "created": 1772199635,
        "model": "claude-sonnet-4-6",
        "choices": [said],
        "usage": None,
    } | fields


def spoken(content: str) -> dict[str, Any]:
    """A chunk that carries a piece of the text."""
    return chunk({"role": "assistant", "content": content})


def documented_stream() -> list[dict[str, Any]]:
    """As documented: empty ids, usage and cost in different late chunks, no delta in the last."""
    usage = {"prompt_tokens": 16, "completion_tokens": 264, "total_tokens": 280}
    return [
        chunk({"role": "assistant", "content": "Hi! "}, id="msg_01YB"),
        spoken("I'm "),
        spoken("Claude."),
        chunk({"role": "assistant", "content": ""}, finish_reason="end_turn"),
        chunk({"role": "assistant", "content": ""}, finish_reason="end_turn", usage=usage),
        chunk(
            None,
            finish_reason="end_turn",
            meta={"usage": {"credits_used": CREDITS_USED, "usd_spent": 0.0052105}},
        ),
    ]


def events(chunks: list[dict[str, Any]], *, line_end: str = "\n", last: str = "") -> bytes:
    """The chunks as server-sent events; `last` is one more data line, such as "[DONE]"."""
    data = [json.dumps(part, ensure_ascii=False) for part in chunks] + ([last] if last else [])
    return "".join(f"data: {line}{line_end}{line_end}" for line in data).encode()


def stream(chunks: list[dict[str, Any]], **headers: Any) -> Answer:
    """An answer of 200 that is an event stream of these chunks."""
    return answer(events(chunks), content_type=EVENTS, **headers)
