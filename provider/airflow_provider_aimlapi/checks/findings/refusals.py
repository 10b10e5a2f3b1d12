"""Finds out from two refused calls, which are free, how the API explains a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.error_messages import message_in
from airflow_provider_aimlapi.api.messages.json_values import JsonObject, as_list, as_object
from airflow_provider_aimlapi.checks.facts import Fact, open_fact, settled_fact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_aimlapi.checks.replies import Reply

_ANSWERED = "the call was answered, not refused"


def refusal_facts(replies: Mapping[str, Reply]) -> Iterator[Fact]:
    """Yield the facts about a 400 of the API itself, and about one of the model's vendor."""
    yield _reasons_fact("error-form", replies["invalid"])
    yield _vendor_fact("vendor-error", replies["prefill"])


def _reasons_fact(name: str, reply: Reply) -> Fact:
    if not reply.is_refused:
        return open_fact(name, reply.problem or _ANSWERED)
    kind = reply.answer.content_type if reply.answer else ""
    detail = "application/problem+json" if "problem" in kind else "a body of another type"
    if _has_details(reply.payload):
        return settled_fact(name, "in error.details", detail)
    if message_in(reply.payload):
        return settled_fact(name, "in the message", detail)
    return open_fact(name, "the answer gives no reason")


def _vendor_fact(name: str, reply: Reply) -> Fact:
    if not reply.is_refused:
        return open_fact(name, reply.problem or _ANSWERED)
    detail = "a conversation that ends with the assistant's turn"
    if _has_details(reply.payload):
        return settled_fact(name, "the API refuses by itself", detail)
    message = message_in(reply.payload)
    if not message:
        return open_fact(name, "the answer has no message")
    is_json = '"type"' in message and "{" in message
    return settled_fact(name, "JSON in the message" if is_json else "a sentence", detail)


def _has_details(payload: JsonObject) -> bool:
    return bool(as_list(as_object(payload.get("error")).get("details")))
