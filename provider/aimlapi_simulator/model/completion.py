"""One answer of a model, from the request to JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from aimlapi_simulator.model.answers import whole_answer
from aimlapi_simulator.model.typed_answers import (
    SPOILS,
    encode_value,
    quote_from,
    sample_value,
    spoil_json,
)
from aimlapi_simulator.pricing import (
    CHARACTERS_PER_TOKEN,
    Usage,
    credits_for,
    tokens_in,
    usd_of,
)

if TYPE_CHECKING:
    from aimlapi_simulator.faults.kinds import CostForm, TextForm, Twist
    from aimlapi_simulator.model.prompt_cache import Cached
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
BESIDE = "I record the answer."
REFUSAL = "I can't help with that request."


class AnswerForm(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The form of one answer. `faults.script.Forms` describes each field."""

    vocabulary: Vocabulary
    cost: CostForm
    has_parts: bool = False
    has_null_beside_tools: bool = False
    is_cached_beside: bool = False
    is_reasoning_beside: bool = False


class Completion(msgspec.Struct, kw_only=True, gc=False):
    """A model's answer, and its cost.

    Attributes:
        is_superset: whether it is answered in the style of OpenAI and OpenRouter.
    """

    is_superset: bool

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


def compose_answer(
    chat: ChatRequest,
    twist: Twist,
    *,
    completion_id: str,
    now_s: float,
    cached: Cached,
    text_form: TextForm = "excerpt",
) -> Completion:
    """Answer a request, with the twist of its fault.

    1. The text, or JSON if the request has an answer schema, is cut to `max_tokens`.
    2. A forced tool gets JSON with that text as its arguments.
    3. The twist changes the result.
    4. The usage is computed last, because the twist changes the number of tokens.
    """
    whole = whole_answer(chat.requested_model, chat.system, chat.prompt, text_form)
    if chat.answer_schema is not None:
        whole = _json_for(chat.answer_schema, whole, chat, twist)
    text, finish = _cut_text(whole, chat)
    tool_calls = None
    if chat.forced_tool is not None:
        name, schema = chat.forced_tool.name, chat.forced_tool.input_schema
        arguments, is_whole = _cut_off(_json_for(schema, text, chat, twist), chat.max_tokens)
        text, finish = BESIDE if twist == "typed-beside" else "", "tool" if is_whole else "length"
        calls = arguments.split("\n") if twist == "typed-two" else [arguments]
        tool_calls = [_tool_call(completion_id, name, one) for one in calls]
    if twist == "truncated":
        text, finish = text[: len(text) // 2], "length"
    elif twist == "refusal":
        text, finish = "", "refusal"
    elif twist == "broken-tool-call":
        arguments = '{"summary": "' + text[:20]
        text, finish, tool_calls = "", "tool", [_tool_call(completion_id, "answer", arguments)]
    reasoning = f"The text begins with: {chat.prompt[:80]}" if chat.is_thinking else ""
    usage = _count_usage(chat, text, tool_calls, reasoning, cached)
    is_superset = chat.dialect == "superset"
    return Completion(
        is_superset=is_superset,
        completion_id=f"gen-{completion_id}" if is_superset else f"msg_{completion_id}",
        created_s=int(now_s),
        model=chat.model.upstream,
        text=None if twist == "null-content" else text,
        finish=finish,
        reasoning=reasoning if chat.is_reasoning_shown else "",
        refusal=REFUSAL if twist == "refusal" else None,
        tool_calls=tool_calls,
        has_choices=twist != "no-choices",
        usage=usage,
        credits=credits_for(usage, chat.model.price),
    )


def _cut_text(whole: str, chat: ChatRequest) -> tuple[str, Finish]:
    """Cut at `max_tokens` and at the first stop sequence."""
    text = whole[: chat.max_tokens * CHARACTERS_PER_TOKEN]
    if chat.stop_sequences:
        ends = [end for stop in chat.stop_sequences if stop and (end := text.find(stop)) >= 0]
        if ends:
            return text[: min(ends)], "stop"
    return text, "end" if len(text) == len(whole) else "length"


def _json_for(schema: dict[str, Any], text: str, chat: ChatRequest, twist: Twist) -> str:
    value = sample_value(schema, text, quote_from(chat.prompt))
    if twist in SPOILS and isinstance(value, dict):
        return spoil_json(twist, schema, value)
    # Text beside an answer is text around it, if the answer is a text.
    is_beside = twist == "typed-beside" and chat.forced_tool is None
    return f"{BESIDE}\n{encode_value(value)}" if is_beside else encode_value(value)


def _cut_off(arguments: str, max_tokens: int) -> tuple[str, bool]:
    """Cut a tool's arguments at `max_tokens`, and return whether they are whole."""
    kept = arguments[: max_tokens * CHARACTERS_PER_TOKEN]
    return kept, len(kept) == len(arguments)


def _tool_call(completion_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {
        "id": f"toolu_{completion_id}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _count_usage(
    chat: ChatRequest,
    text: str,
    tool_calls: list[dict[str, Any]] | None,
    reasoning: str,
    cached: Cached,
) -> Usage:
    # The tokens of a tool call are those of its arguments, because the text beside it is empty.
    generated = text if tool_calls is None else tool_calls[0]["function"]["arguments"]
    reasoning_tokens = tokens_in(reasoning) if reasoning else 0
    return Usage(
        prompt=chat.prompt_tokens,
        completion=tokens_in(generated) + reasoning_tokens,
        cached=cached.read,
        reasoning=reasoning_tokens,
        written=cached.written,
        written_1h=cached.written_1h,
    )


def completion_json(completion: Completion, form: AnswerForm) -> dict[str, Any]:
    """Return the body of an answer that is no stream."""
    # The superset dialect also has the vendor's own word for the reason to finish.
    choice: dict[str, Any] = {
        "index": 0,
        "finish_reason": FINISH_REASONS[form.vocabulary][completion.finish],
        "logprobs": None,
        "message": _message_json(completion, form),
    }
    if completion.is_superset:
        choice["native_finish_reason"] = FINISH_REASONS["anthropic"][completion.finish]
    body: dict[str, Any] = {
        "id": completion.completion_id,
        "object": "chat.completion",
        "model": completion.model,
        "created": completion.created_s,
        "choices": [choice] if completion.has_choices else [],
        "usage": usage_json(completion.usage, form),
    }
    meta = meta_json(completion, form.cost)
    if meta is not None:
        body["meta"] = meta
    return body


def _message_json(completion: Completion, form: AnswerForm) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": _content_json(completion, form)}
    message |= reasoning_json(completion)
    if completion.refusal is not None:
        message["refusal"] = completion.refusal
    if completion.tool_calls is not None:
        message["tool_calls"] = completion.tool_calls
    return message


def _content_json(completion: Completion, form: AnswerForm) -> str | list[dict[str, str]] | None:
    text = completion.text
    if completion.tool_calls is not None and form.has_null_beside_tools:
        return None
    return [{"type": "text", "text": text}] if form.has_parts and text is not None else text


def reasoning_json(completion: Completion) -> dict[str, Any]:
    """Return the reasoning, under the names of the completion's dialect."""
    reasoning = completion.reasoning
    if not completion.is_superset:
        return {"reasoning_content": reasoning}
    if not reasoning:
        return {}
    details = [{"type": "reasoning.text", "text": reasoning, "format": "anthropic-claude-v1"}]
    return {"reasoning": reasoning, "reasoning_details": details}


def usage_json(usage: Usage, form: AnswerForm) -> dict[str, Any]:
    """Return the token counts. Details are left out where they are 0."""
    # The API's documents disagree on whether the sums include cached and reasoning tokens.
    prompt, completion = usage.prompt, usage.completion
    if form.is_cached_beside:
        prompt -= usage.cached + usage.written
    if form.is_reasoning_beside:
        completion -= usage.reasoning
    body: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if usage.cached or usage.written:
        details = {"cached_tokens": usage.cached, "cache_write_tokens": usage.written}
        body["prompt_tokens_details"] = details
    if usage.reasoning:
        body["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return body


def meta_json(completion: Completion, cost: CostForm) -> dict[str, Any] | None:
    """Return the cost as the body reports it, or None if the form has none there."""
    if cost in ("header", "nowhere"):
        return None
    if cost == "credits":
        return {"usage": {"credits_used": completion.credits}}
    usd_spent = usd_of(completion.credits)
    return {"usage": {"credits_used": completion.credits, "usd_spent": usd_spent}}
