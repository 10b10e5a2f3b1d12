"""Answers that follow a schema, in each form of a request, and the faults against it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from aimlapi_simulator import Fault, Gateway, Script
from aimlapi_simulator.model.typed_answers import SPOILS, quote_from, sample_value
from tests.simulator.conftest import DOTTED, PROMPT, SONNET, Playground

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "topic": {"type": "string", "enum": ["fire", "harbour"]},
        "urgency": {"type": "integer", "minimum": 1, "maximum": 5},
        "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "year": {"type": ["integer", "null"]},
        "day": {"type": "string", "format": "date"},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2},
        "more": {
            "anyOf": [{"type": "null"}, {"type": "object", "additionalProperties": {"const": 1}}]
        },
        "quote": {"type": "string", "quote_of": "body"},
    },
    "required": ["topic", "urgency", "share", "tags", "quote"],
    "additionalProperties": False,
}
VALID = Draft202012Validator(SCHEMA)
TOOL = {"name": "record", "input_schema": SCHEMA}
FORMS: dict[str, dict[str, Any]] = {
    "tool": {"model": SONNET, "tools": [TOOL], "tool_choice": {"type": "tool", "name": "record"}},
    "format": {
        "model": DOTTED,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "record", "schema": SCHEMA},
        },
    },
    "system": {
        "model": SONNET,
        "system": f"Answer in JSON: {json.dumps(SCHEMA)} and nothing else.",
    },
}
LENIENT = ("typed-fences", "typed-prose", "typed-as-text")


def test_a_choice_that_the_quote_names_is_taken() -> None:
    topics = {"enum": ["fire", "harbour", "other"]}
    assert sample_value(topics, "any text", "The Harbour is closed.") == "harbour"
    found = {sample_value(topics, f"text {number}", "It is closed.") for number in range(20)}
    assert found == {"fire", "harbour", "other"}


def text_of(answer: Any) -> str:
    message = answer.json()["choices"][0]["message"]
    calls = message.get("tool_calls")
    if calls is None:
        return str(message["content"])
    return "\n".join(call["function"]["arguments"] for call in calls)


@pytest.mark.parametrize("form", FORMS)
async def test_an_answer_follows_the_schema(play: Playground, form: str) -> None:
    value = json.loads(text_of(await play.ask(**FORMS[form])))
    VALID.validate(value)
    assert value["quote"] in PROMPT


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", SPOILS)
async def test_a_fault_spoils_an_answer(play: Playground, form: str, kind: str) -> None:
    play.sim.follow(Script(faults=(Fault(kind=kind),)))
    text = text_of(await play.ask(max_tokens=20_000, **FORMS[form]))
    assert kind in LENIENT or not is_valid(text)
    assert kind not in LENIENT or "harbour" in text


def is_valid(text: str) -> bool:
    """Whether a strict reader accepts it; Python's own takes NaN, and the last of two names."""
    if text.count('"topic"') > 1 or "NaN" in text:
        return False
    try:
        return bool(VALID.is_valid(json.loads(text)))
    except (ValueError, RecursionError):
        return False


async def test_text_beside_a_tool_call_is_kept_apart(play: Playground) -> None:
    play.sim.follow(Script(faults=(Fault(kind="typed-beside"),)))
    message = (await play.ask(**FORMS["tool"])).json()["choices"][0]["message"]
    assert message["content"]
    VALID.validate(json.loads(message["tool_calls"][0]["function"]["arguments"]))


async def test_two_calls_of_one_tool_differ(play: Playground) -> None:
    play.sim.follow(Script(faults=(Fault(kind="typed-two"),)))
    message = (await play.ask(**FORMS["tool"])).json()["choices"][0]["message"]
    first, second = (call["function"]["arguments"] for call in message["tool_calls"])
    assert first != second


async def test_a_refused_field_is_a_400(play: Playground) -> None:
    gateway = Gateway(refuses=("tools",))
    play.sim.follow(Script(gateway=gateway))
    assert (await play.ask(**FORMS["tool"])).status_code == 400
    assert (await play.ask(**FORMS["system"])).status_code == 200
    assert len(play.sim.ledger.billed) == 1


@pytest.mark.parametrize("text", ["a", "b", "some longer text", ""])
def test_samples_differ_by_text_and_stay_valid(text: str) -> None:
    VALID.validate(sample_value(SCHEMA, text, quote_from(PROMPT)))
