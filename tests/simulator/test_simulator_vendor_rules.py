"""Bodies that fit the schema but that the vendor refuses, and how its errors are passed on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aimlapi_simulator import Cache, Forms, Gateway, Script
from aimlapi_simulator.catalogue import BY_ID
from tests.simulator.conftest import DOTTED, PROMPT, SONNET, Playground, Start

TOOL = {"name": "keep", "input_schema": {"type": "object"}}
FORCED: dict[str, Any] = {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "keep"}}
PREFILLED: dict[str, Any] = {
    "messages": [{"role": "user", "content": PROMPT}, {"role": "assistant", "content": "{"}]
}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4096}
OFF: dict[str, Any] = {"thinking": {"type": "disabled"}}
ADAPTIVE: dict[str, Any] = {"thinking": {"type": "adaptive"}}
OLD, NEW, FIVE, FAMILY = (
    "claude-sonnet-4-5",
    "claude-opus-4-8",
    "claude-sonnet-5",
    "claude-haiku-5.5",
)

REFUSED = [
    (SONNET, PREFILLED, "prefill"),
    (DOTTED, PREFILLED, "prefill"),
    (FIVE, PREFILLED, "prefill"),
    (SONNET, FORCED | THINKING, "Thinking may not be enabled"),
    (DOTTED, FORCED | {"reasoning_effort": "low"}, "Thinking may not be enabled"),
    (FIVE, FORCED, "Thinking may not be enabled"),
    (FAMILY, FORCED, "forcing tool use"),
    (FAMILY, FORCED | {"reasoning_effort": "none"}, "forcing tool use"),
    (NEW, THINKING, "'enabled' is not supported"),
    (FIVE, THINKING, "'enabled' is not supported"),
    (FAMILY, THINKING, "'enabled' is not supported"),
    (FAMILY, OFF, "'disabled' is not supported"),
    (OLD, ADAPTIVE, "'adaptive' is not supported"),
    *((model, {"temperature": 0.5}, "temperature") for model in (NEW, FIVE, FAMILY)),
    (FIVE, {"top_p": 0.5}, "top_p"),
    (FIVE, {"top_k": 5}, "top_k"),
    ("anthropic/claude-opus-4.7", {"temperature": 0.5}, "temperature"),
]
ACCEPTED = [
    (OLD, PREFILLED),
    ("anthropic/claude-sonnet-4.5", PREFILLED),
    (SONNET, FORCED),
    (SONNET, FORCED | OFF),
    (FIVE, FORCED | OFF),
    (NEW, FORCED),
    (NEW, ADAPTIVE),
    (SONNET, THINKING),
    (SONNET, ADAPTIVE),
    (FAMILY, ADAPTIVE),
    (FAMILY, {"reasoning_effort": "max"}),
    (FAMILY, {"tools": [TOOL], "tool_choice": {"type": "auto"}}),
    (DOTTED, {"temperature": 2}),
]


@pytest.mark.parametrize(("model", "fields", "words"), REFUSED, ids=str)
async def test_a_refusal_is_passed_on_as_text(
    play: Playground, model: str, fields: dict[str, Any], words: str
) -> None:
    answer = await play.ask(model=model, **fields)
    assert answer.status_code == 400
    status, _, said = answer.json()["message"].partition(" ")
    assert status == "400"
    assert json.loads(said)["type"] == "error"
    assert words in json.loads(said)["error"]["message"]
    assert "details" not in answer.json()["error"]
    assert play.sim.ledger.total_credits == 0


@pytest.mark.parametrize(("model", "fields"), ACCEPTED, ids=str)
async def test_what_the_model_takes_is_answered(
    play: Playground, model: str, fields: dict[str, Any]
) -> None:
    assert (await play.ask(model=model, **fields)).status_code == 200


@pytest.mark.parametrize("form", ["plain", "seeded"])
async def test_a_refusal_may_be_a_plain_sentence(start: Start, form: Any) -> None:
    play = await start(Script(forms=Forms(vendor_errors=form)))
    messages = [(await play.ask(**PREFILLED)).json()["message"] for _ in range(20)]
    are_plain = {message.startswith("This model does not") for message in messages}
    assert are_plain == ({True} if form == "plain" else {True, False})


@pytest.mark.parametrize("model", sorted({model.model_id for model in BY_ID.values()}))
async def test_every_model_answers_a_plain_request(play: Playground, model: str) -> None:
    answer = await play.ask(model=model)
    assert answer.status_code == 200
    is_thinking = "completion_tokens_details" in answer.json()["usage"]
    assert is_thinking is BY_ID[model].is_thinking


async def test_withdrawn_model_is_404_and_its_heir_is_named(start: Start) -> None:
    play = await start(Script(gateway=Gateway(withdrawn={DOTTED: SONNET})))
    answer = await play.ask(model=DOTTED)
    assert answer.status_code == 404
    assert answer.json()["message"] == f"No endpoints found for {DOTTED}."
    no_key = {"Authorization": ""}
    listed = (await play.http.get("/v1/models/deprecations", headers=no_key)).json()["data"]
    assert {"withdrawn", "deprecated", "superseded"} == {entry["status"] for entry in listed}
    (heir,) = [entry["replaced_by"] for entry in listed if entry["id"] == DOTTED]
    assert (await play.ask(model=heir)).status_code == 200
    (model,) = (await play.http.get("/v1/models", params={"id": heir})).json()["data"]
    assert DOTTED not in (model["id"], *model["aliases"])


async def test_a_mark_may_be_refused(start: Start) -> None:
    play = await start(Script(cache=Cache(marks="refused")))
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    answer = await play.ask(system=system)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["path"] == "cache_control"
    assert (await play.ask(system="Be brief.")).status_code == 200
