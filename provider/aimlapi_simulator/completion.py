"""One answer of a model, from the request to JSON; no HTTP, no connection, no accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from aimlapi_simulator.answers import whole_answer
from aimlapi_simulator.pricing import (
    CHARACTERS_PER_TOKEN,
    Usage,
    credits_for,
    tokens_in,
    usd_of,
)
from aimlapi_simulator.schema.tools import sample_input

if TYPE_CHECKING:
    from aimlapi_simulator.faults import CostForm, Twist
    from aimlapi_simulator.schema.chat_request import ChatRequest

Finish = Literal["end", "length", "stop", "tool", "refusal"]
Vocabulary = Literal["anthropic", "openai"]

FINISH_REASONS: dict[Vocabulary, dict[Finish, str]] = {
    "anthropic": {
        "end": "end_turn",
        "length": "max_tokens",
        "stop": "stop_sequence",
        "tool": "tool_use",
        "refusal": "refusal",
    },
    "openai": {
        "end": "stop",
        "length": "length",
        "stop": "stop",
        "tool": "tool_calls",
        "refusal": "content_filter",
    },
}
REFUSAL = "I can't help with that request."


class Completion(msgspec.Struct, kw_only=True, gc=False):
    """What the model said, and what it costs."""

    completion_id: str
    created_s: int
    model: str
    text: str | None
    finish: Finish
    reasoning: str
    refusal: str | None
    tool_calls: list[dict[str, Any]] | None
    has_choices: bool
    usage: Usage
    credits: int


def compose(
    chat: ChatRequest, twist: Twist, *, completion_id: str, now_s: float, cached_tokens: int
) -> Completion:
    """Answer a request, with a twist if a fault asks for one."""
    whole = whole_answer(chat.requested_model, chat.system, chat.prompt)
    text, finish = _cut(whole, chat)
    tool_calls = None
    if chat.forced_tool is not None:
        tool = chat.forced_tool
        arguments = msgspec.json.encode(sample_input(tool.input_schema, text)).decode()
        text, finish, tool_calls = "", "tool", [_tool_call(completion_id, tool.name, arguments)]
    if twist == "truncated":
        text, finish = text[: len(text) // 2], "length"
    elif twist == "refusal":
        text, finish = "", "refusal"
    elif twist == "broken-tool-call":
        arguments = '{"summary": "' + text[:20]
        text, finish, tool_calls = "", "tool", [_tool_call(completion_id, "answer", arguments)]
    reasoning = f"The text begins with: {chat.prompt[:80]}" if chat.is_thinking else ""
    usage = _usage(chat, text, tool_calls, reasoning, cached_tokens)
    return Completion(
        completion_id=completion_id,
        created_s=int(now_s),
        model=chat.model.upstream,
        text=None if twist == "null-content" else text,
        finish=finish,
        reasoning=reasoning,
        refusal=REFUSAL if twist == "refusal" else None,
        tool_calls=tool_calls,
        has_choices=twist != "no-choices",
        usage=usage,
        credits=credits_for(usage, chat.model.price),
    )


def _cut(whole: str, chat: ChatRequest) -> tuple[str, Finish]:
    """Cut at `max_tokens` and at the first stop sequence."""
    text = whole[: chat.max_tokens * CHARACTERS_PER_TOKEN]
    if chat.stop_sequences:
        ends = [end for stop in chat.stop_sequences if stop and (end := text.find(stop)) >= 0]
        if ends:
            return text[: min(ends)], "stop"
    return text, "end" if len(text) == len(whole) else "length"


def _tool_call(completion_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {
        "id": f"toolu_{completion_id}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _usage(
    chat: ChatRequest,
    text: str,
    tool_calls: list[dict[str, Any]] | None,
    reasoning: str,
    cached_tokens: int,
) -> Usage:
    said = text if tool_calls is None else tool_calls[0]["function"]["arguments"]
    reasoning_tokens = tokens_in(reasoning) if reasoning else 0
    return Usage(
        prompt=chat.prompt_tokens,
        completion=tokens_in(said) + reasoning_tokens,
        cached=cached_tokens,
        reasoning=reasoning_tokens,
    )


def completion_json(
    completion: Completion, vocabulary: Vocabulary, cost: CostForm
) -> dict[str, Any]:
    """The body of an answer that is no stream."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": completion.text,
        "reasoning_content": completion.reasoning,
    }
    if completion.refusal is not None:
        message["refusal"] = completion.refusal
    if completion.tool_calls is not None:
        message["tool_calls"] = completion.tool_calls
    choice = {
        "index": 0,
        "finish_reason": FINISH_REASONS[vocabulary][completion.finish],
        "logprobs": None,
        "message": message,
    }
    body: dict[str, Any] = {
        "id": completion.completion_id,
        "object": "chat.completion",
        "model": completion.model,
        "created": completion.created_s,
        "choices": [choice] if completion.has_choices else [],
        "usage": usage_json(completion.usage),
    }
    meta = meta_json(completion, cost)
    if meta is not None:
        body["meta"] = meta
    return body


def usage_json(usage: Usage) -> dict[str, Any]:
    """Token counts; details only where there is something to tell."""
    body: dict[str, Any] = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
    }
    if usage.cached:
        body["prompt_tokens_details"] = {"cached_tokens": usage.cached}
    if usage.reasoning:
        body["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return body


def meta_json(completion: Completion, cost: CostForm) -> dict[str, Any] | None:
    """What the answer's body says about its price, if it says anything."""
    if cost in ("header", "nowhere"):
        return None
    if cost == "credits":
        return {"usage": {"credits_used": completion.credits}}
    usd_spent = usd_of(completion.credits)
    return {"usage": {"credits_used": completion.credits, "usd_spent": usd_spent}}
