"""Finds out whether a forced tool is called, and whether `response_format` returns JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.json_values import Unreadable, as_object, decode_json
from airflow_provider_aimlapi.checks.facts import Fact, open_fact, settled_fact
from airflow_provider_aimlapi.checks.findings.answer_form import known_reason
from airflow_provider_aimlapi.checks.plan import FIELD
from airflow_provider_aimlapi.checks.replies import without_answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_aimlapi.checks.replies import Reply

CALLS = ("tool-dated", "tool-dotted")


def tool_facts(replies: Mapping[str, Reply]) -> Iterator[Fact]:
    """Yield the facts about the calls that force a tool, and about the one that requests JSON."""
    for name in CALLS:
        yield _tool_fact(name, replies[name])
    yield _content_fact([replies[name] for name in CALLS])
    yield _response_format_fact("response-format", replies["response-format"])


def _tool_fact(name: str, reply: Reply) -> Fact:
    completion = reply.completion
    if completion is None:
        return without_answer(name, reply)
    reason = f"finish reason {known_reason(reply.finish_reason)}"
    if not completion.tool_calls:
        return settled_fact(name, "no effect", f"an answer without a call; {reason}")
    if completion.status == "truncated":
        return settled_fact(name, "called, cut off", reason)
    call = completion.tool_calls[0]
    form = "valid JSON" if call.is_valid_json else "no valid JSON"
    return settled_fact(name, "called", f"{reason}; the arguments are {form}")


def _content_fact(replies: list[Reply]) -> Fact:
    name = "tool-content"
    called = [reply for reply in replies if reply.completion and reply.completion.tool_calls]
    if not called:
        return open_fact(name, "no tool was called")
    kinds = sorted({_kind_of(reply.first_message.get("content")) for reply in called})
    return settled_fact(name, " and ".join(kinds), f"{len(called)} answers")


def _kind_of(content: object) -> str:
    if content is None:
        return "null"
    if not content:
        return "empty"
    return "text" if isinstance(content, str) else "parts"


def _response_format_fact(name: str, reply: Reply) -> Fact:
    if reply.completion is None:
        return without_answer(name, reply)
    text = reply.completion.text or ""
    inner = text[text.find("{") : text.rfind("}") + 1]
    try:
        is_json = isinstance(as_object(decode_json(inner)).get(FIELD), str)
    except Unreadable:
        is_json = False
    if not is_json:
        return settled_fact(name, "no effect", "the answer is no JSON of the schema")
    if inner != text.strip():
        return settled_fact(name, "JSON in a text", "the answer has text around JSON of the schema")
    return settled_fact(name, "JSON", "the answer is JSON of the schema")
