"""Tools in both vendors' forms, and parts of messages that only newer models accept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.simulator.conftest import LATEST, PROMPT, SONNET, Playground

SCHEMA = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "share": {"type": "number"},
        "is_good": {"type": "boolean"},
        "inner": {"properties": {"n": {"type": "integer"}, "nothing": {"type": "null"}}},
    },
}
OPENAI = {"type": "function", "function": {"name": "keep", "parameters": SCHEMA}}
ANTHROPIC = {"name": "keep", "input_schema": SCHEMA}


@pytest.mark.parametrize("tool", [OPENAI, ANTHROPIC], ids=["openai", "anthropic"])
@pytest.mark.parametrize(
    "choice",
    [
        {"type": "any"},
        {"type": "tool", "name": "keep"},
        {"type": "function", "function": {"name": "keep"}},
        "required",
    ],
    ids=str,
)
async def test_both_kinds_of_tools_and_all_kinds_of_demands(
    play: Playground, tool: dict[str, Any], choice: Any
) -> None:
    answer = await play.ask(model=LATEST, tools=[tool], tool_choice=choice)
    (call,) = answer.json()["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == "keep"
    given = json.loads(call["function"]["arguments"])
    assert given == {
        "text": given["text"],
        "share": 0.0,
        "is_good": True,
        "inner": {"n": 0, "nothing": None},
    }


@pytest.mark.parametrize("choice", [None, {"type": "auto"}, {"type": "none"}], ids=str)
async def test_without_a_demand_the_model_just_answers(play: Playground, choice: Any) -> None:
    answer = await play.ask(tools=[ANTHROPIC], tool_choice=choice)
    message = answer.json()["choices"][0]["message"]
    assert "tool_calls" not in message
    assert message["content"]


async def test_a_vendors_own_tool_is_known_by_its_type(play: Playground) -> None:
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    assert (await play.ask(model=LATEST, tools=tools)).status_code == 200


@pytest.mark.parametrize("model", [SONNET, LATEST])
@pytest.mark.parametrize(
    "tool", [{}, {"name": "keep"}, {"input_schema": SCHEMA}, {"type": "function"}, {"type": 7}]
)
async def test_a_tool_that_is_none_is_refused(
    play: Playground, model: str, tool: dict[str, Any]
) -> None:
    answer = await play.ask(model=model, tools=[tool])
    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["path"] == "tools"


@pytest.mark.parametrize("model", [SONNET, LATEST])
async def test_an_assistant_of_openais_kind_may_have_said_nothing(
    play: Playground, model: str
) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "keep", "arguments": "{}"}}
    turns: list[dict[str, Any]] = [
        {"role": "user", "content": PROMPT},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "kept"},
    ]
    assert (await play.ask(model=model, messages=turns)).status_code == 200
