"""The judge before the trial: the converted schemas refuse what the API refuses, and no more."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft7Validator

from tests.contract import published, samples
from tests.contract.published import SONNET_4_6, SONNET_LATEST, complaints


def request(model: str = SONNET_4_6, **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "Hello"}]} | fields


TOOL = {"name": "look_up", "input_schema": {"type": "object", "properties": {"id": {}}}}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"system": "Be brief.", "stream": True, "max_tokens": 10, "stop_sequences": ["END"]},
        {"temperature": 0, "top_p": 1.0, "top_k": 3, "metadata": {"team": "support"}},
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "look_up"}},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]},
    ],
)
def test_requests_as_documented_are_valid(fields):
    assert complaints(published.request_validator(SONNET_4_6), request(**fields)) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [{"role": "system", "content": "Be brief."}]},
        {"messages": [{"role": "user", "content": "Hello", "name": "Ann"}]},
        {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
        {"messages": [{"role": "user", "content": None}]},
        {"max_completion_tokens": 10},
        {"system": ["Be brief."]},
        {"system": None},
        {"temperature": 2},
        {"thinking": {"type": "adaptive"}},
        {"thinking": {"type": "enabled", "budget_tokens": 1023}},
        {"thinking": {"type": "enabled", "budget_tokens": 1024, "effort": "high"}},
        {"metadata": {"tries": 3}},
        {"tools": [{"type": "auto"}]},
        {"tool_choice": TOOL},
        {"model": SONNET_LATEST},
    ],
)
def test_requests_that_the_api_refuses_are_invalid(fields):
    assert complaints(published.request_validator(SONNET_4_6), request(**fields)) != []


@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
def test_newer_models_know_no_sampling_parameters(name):
    validator = published.request_validator(SONNET_LATEST)
    assert complaints(validator, request(SONNET_LATEST)) == []
    assert complaints(validator, request(SONNET_LATEST, **{name: 1})) != []


@pytest.mark.parametrize("model", [SONNET_4_6, SONNET_LATEST])
def test_null_is_allowed_just_where_the_document_says_nullable(model):
    validator = published.answer_validator(model)
    assert complaints(validator, samples.documented(meta=None)) == []
    assert complaints(validator, samples.documented(choices=[samples.choice(refusal=None)])) == []
    assert complaints(validator, samples.documented(usage=None)) != []


def test_documented_answer_contradicts_its_schema_where_we_fixed_it():
    as_published = published.json_schema(published.published_answer(SONNET_4_6), is_strict=False)
    found = complaints(Draft7Validator(as_published), samples.documented())

    assert sorted(line.split(":")[0] for line in found) == [
        "$.choices[0].finish_reason",
        "$.meta",
    ]
    assert complaints(published.answer_validator(SONNET_4_6), samples.documented()) == []


def test_published_document_still_swaps_tools_and_tool_choice():
    fields = published.published_request(SONNET_4_6)["properties"]
    assert "input_schema" in fields["tool_choice"]["properties"]
    assert fields["tools"]["items"]["anyOf"][0]["properties"]["type"]["enum"] == ["auto"]
