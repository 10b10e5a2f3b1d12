"""A message of two whole texts; the template makes those of several parts."""

from __future__ import annotations

import json

import pytest

from airflow_provider_aimlapi.api.messages.wire import RequestEncoder
from airflow_provider_aimlapi.core.calls.message import Message, message_of
from airflow_provider_aimlapi.core.calls.request import CompletionSpec

MODEL = "anthropic/claude-sonnet-4-6-20260218"


def test_whole_texts_become_one_part_each() -> None:
    assert message_of("Hello", "Be brief.") == (("Hello",), ("Be brief.",))


@pytest.mark.parametrize(("system", "parts"), [(None, None), ("", ("",))])
def test_an_empty_system_text_is_not_a_missing_one(
    system: str | None, parts: tuple[str, ...] | None
) -> None:
    assert message_of("Hello", system).system == parts


def test_parts_are_sent_as_one_text() -> None:
    encoder = RequestEncoder(CompletionSpec(model=MODEL))
    divided = Message(("Is ", '"a"', "", " a letter?"), ("Be ", "brief."))
    body = encoder.encode_request(divided)
    assert body == encoder.encode_request(message_of('Is "a" a letter?', "Be brief."))
    assert json.loads(body)["messages"][-1]["content"] == 'Is "a" a letter?'
