"""A completion as server-sent events, as irregular as those of the real API.

The reason to finish, the usage and the cost come late and in several chunks. The last chunk has no
delta, some chunks have an empty id, and there is no `[DONE]`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from aimlapi_simulator.model.completion import (
    FINISH_REASONS,
    AnswerForm,
    Completion,
    meta_json,
    reasoning_json,
    usage_json,
)

_PIECE_CHARACTERS = 48
"""Twelve tokens, so that a short answer has several chunks, too."""
_EMPTY_ID_EVERY = 3
"""Small, so that every stream with three chunks has an empty id."""


def stream_events(
    completion: Completion, form: AnswerForm, *, is_joined: bool
) -> tuple[bytes, ...]:
    """Return the events of a stream, each as the bytes of a `data:` line and an empty line.

    Args:
        completion: the answer.
        form: a stream reports its cost only in `meta`, because headers leave before the first token.
        is_joined: whether usage and cost share a chunk, as in some examples.
    """
    # The order: content, then the reason to finish, then usage and cost, which repeat the reason.
    if not completion.has_choices:
        return (_encode_event(_make_chunk(completion, 0, choices=[])),)
    deltas = _list_deltas(completion)
    reason = FINISH_REASONS[form.vocabulary][completion.finish]
    chunks = [
        _make_chunk(completion, position, choices=[_make_choice(delta, None)])
        for position, delta in enumerate(deltas)
    ]
    chunks.append(
        _make_chunk(
            completion, 0, choices=[_make_choice({"role": "assistant", "content": ""}, reason)]
        )
    )
    meta = meta_json(completion, form.cost)
    late: list[dict[str, Any]] = [{"usage": usage_json(completion.usage, form)}]
    if meta is not None and is_joined:
        late[0]["meta"] = meta
    elif meta is not None:
        late.append({"meta": meta})
    for extra in late:
        chunk = _make_chunk(completion, 1, choices=[{"index": 0, "finish_reason": reason}])
        chunks.append(chunk | extra | {"id": ""})
    return tuple(map(_encode_event, chunks))


def _list_deltas(completion: Completion) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = []
    if completion.reasoning:
        deltas.append({"role": "assistant", "content": ""} | reasoning_json(completion))
    if completion.tool_calls is not None:
        calls = [{"index": 0, **call} for call in completion.tool_calls]
        deltas.append({"role": "assistant", "content": "", "tool_calls": calls})
    if completion.refusal is not None:
        deltas.append({"role": "assistant", "content": "", "refusal": completion.refusal})
    text = completion.text or ""
    pieces = [text[i : i + _PIECE_CHARACTERS] for i in range(0, len(text), _PIECE_CHARACTERS)]
    return deltas + [{"role": "assistant", "content": piece} for piece in pieces]


def _make_choice(delta: dict[str, Any], reason: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": reason}


def _make_chunk(
    completion: Completion, position: int, *, choices: list[dict[str, Any]]
) -> dict[str, Any]:
    has_id = position % _EMPTY_ID_EVERY != _EMPTY_ID_EVERY - 1
    return {
        "id": completion.completion_id if has_id else "",
        "object": "chat.completion.chunk",
        "created": completion.created_s,
        "model": completion.model,
        "choices": choices,
        "usage": None,
    }


def _encode_event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"
