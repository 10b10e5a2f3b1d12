"""How the API says what was wrong with a request: by two that it refuses, which is free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.error_messages import message_in
from airflow_provider_aimlapi.api.messages.json_values import JsonObject, as_list, as_object
from airflow_provider_aimlapi.checks.facts import Fact, settled, unsettled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_aimlapi.checks.replies import Reply

_ANSWERED = "it was answered, not refused"


def refusal_facts(replies: Mapping[str, Reply]) -> Iterator[Fact]:
    """Look at the 400 of the API itself, and at one that the model's vendor says."""
    yield _reasons("error-form", replies["invalid"])
    yield _vendor("vendor-error", replies["prefill"])


def _reasons(name: str, reply: Reply) -> Fact:
    if not reply.is_refused:
        return unsettled(name, reply.problem or _ANSWERED)
    kind = reply.answer.content_type if reply.answer else ""
    evidence = "application/problem+json" if "problem" in kind else "a body of another type"
    if _details(reply.payload):
        return settled(name, "in error.details", evidence)
    if message_in(reply.payload):
        return settled(name, "in the message", evidence)
    return unsettled(name, "the answer gives none")


def _vendor(name: str, reply: Reply) -> Fact:
    if not reply.is_refused:
        return unsettled(name, reply.problem or _ANSWERED)
    evidence = "a conversation that ends with the assistant's turn"
    if _details(reply.payload):
        return settled(name, "the API refuses by itself", evidence)
    said = message_in(reply.payload)
    if not said:
        return unsettled(name, "the answer has no message")
    is_json = '"type"' in said and "{" in said
    return settled(name, "JSON in the message" if is_json else "a sentence", evidence)


def _details(payload: JsonObject) -> bool:
    return bool(as_list(as_object(payload.get("error")).get("details")))
