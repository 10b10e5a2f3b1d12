"""The response to a finished call, with the effect of its fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from aimlapi_simulator.endpoints.fault_answer import apply_delivery, replace_answer
from aimlapi_simulator.http.message import JSON, Response
from aimlapi_simulator.model.completion import AnswerForm, Completion, Vocabulary, completion_json
from aimlapi_simulator.model.stream import stream_events
from aimlapi_simulator.pricing import usd_text

if TYPE_CHECKING:
    from aimlapi_simulator.endpoints.call import Call
    from aimlapi_simulator.faults.kinds import CostForm
    from aimlapi_simulator.schema.chat_request import ChatRequest
    from aimlapi_simulator.state import State

_COST_FORMS: tuple[CostForm, ...] = ("both", "header", "meta", "credits", "nowhere")
_VOCABULARIES: tuple[Vocabulary, ...] = ("anthropic", "openai")
ANTHROPIC_WORDS = frozenset({"classic", "closed"})
"""Dialects whose documented answers have Anthropic's reasons to finish."""
_encode = msgspec.json.Encoder().encode


def render_answer(call: Call, state: State) -> Response:
    """Return the answer to a call, with the effect of its fault."""
    effect, fault = call.effect, call.fault
    if fault is None:
        return _render_completion(call, state)
    response = replace_answer(
        effect, fault, state, path=call.request.path, request_id=call.request_id
    )
    if response is None:
        response = _render_completion(call, state)
    accepted = call.request.headers.get(b"accept-encoding", b"")
    apply_delivery(response, effect, fault, accepts_gzip=b"gzip" in accepted)
    return response


def _render_completion(call: Call, state: State) -> Response:
    chat, completion = call.chat, call.completion
    assert chat is not None  # noqa: S101 - for the type checker, as the next one
    assert completion is not None  # noqa: S101 - only refusals come without one
    form = _choose_form(call, chat, state)
    if chat.is_stream:
        return _render_stream(call, completion, form, state)
    body = _encode(completion_json(completion, form))
    if call.effect.body == "invalid-json":
        body = body[: len(body) * 2 // 3]
    headers = cost_headers(completion.credits) if form.cost in ("both", "header") else ""
    return Response(status=call.effect.status, content_type=JSON, headers=headers, body=body)


def _choose_form(call: Call, chat: ChatRequest, state: State) -> AnswerForm:
    # A seeded form depends on the prompt, so that a repeated call gets the same form.
    forms = state.script.forms
    content, beside_tools = forms.content, forms.tool_content
    if content == "seeded":
        content = state.pick_option(("text", "parts"), "content", call.prompt_sha256)
    if beside_tools == "seeded":
        beside_tools = state.pick_option(("empty", "null"), "tool-content", call.prompt_sha256)
    return AnswerForm(
        vocabulary=_choose_vocabulary(call, chat, state),
        cost=call.effect.cost or _choose_cost_form(call, state),
        has_parts=content == "parts",
        has_null_beside_tools=beside_tools == "null",
        is_cached_beside=forms.cached_tokens == "beside",
        is_reasoning_beside=forms.reasoning_tokens == "beside",
    )


def _render_stream(call: Call, completion: Completion, form: AnswerForm, state: State) -> Response:
    # Examples of the API have usage and cost in one chunk or in two.
    is_joined = state.pick_option((True, False), "late-chunks", call.prompt_sha256)
    events = stream_events(completion, form, is_joined=is_joined)
    if call.effect.body == "invalid-json":
        events = (*events[:-1], events[-1][: len(events[-1]) // 2] + b"\n\n")
    elif call.effect.delivery == "stop-early":
        events = events[: max(1, len(events) // 2)]
    return Response(
        status=call.effect.status,
        content_type="text/event-stream",
        headers="cache-control: no-cache\r\n",
        events=events,
        interval_s=state.script.stream_interval_s,
    )


def _choose_vocabulary(call: Call, chat: ChatRequest, state: State) -> Vocabulary:
    form = state.script.forms.finish_reasons
    if form == "model":
        return "anthropic" if chat.dialect in ANTHROPIC_WORDS else "openai"
    if form == "seeded":
        return state.pick_option(_VOCABULARIES, "finish", call.prompt_sha256)
    return form


def _choose_cost_form(call: Call, state: State) -> CostForm:
    form = state.script.forms.cost
    if form != "seeded":
        return form
    return state.pick_option(_COST_FORMS, "cost", call.prompt_sha256)


def cost_headers(credits_used: int) -> str:
    """Return the two header lines with the cost of an answer that is no stream."""
    return (
        f"x-aimlapi-credits-used: {credits_used}\r\n"
        f"x-aimlapi-usd-spent: {usd_text(credits_used)}\r\n"
    )
