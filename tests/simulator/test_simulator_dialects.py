"""The dialect of each id, and the fate of fields outside a dialect."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_simulator import Forms, Gateway, Script, answer_for
from aimlapi_simulator.catalogue import BY_ID, spoken_by
from tests.simulator.conftest import DOTTED, LATEST, PROMPT, SONNET, Playground, Start

SYSTEM = "You are a support analyst."
SUPERSET = (
    *("sonnet-4.6", "opus-4.8", "opus-4.8-fast", "opus-4.7", "opus-4.7-fast", "opus-4.6"),
    *("opus-4.5", "opus-4.1", "haiku-4.5", "sonnet-4.5", "opus-4", "sonnet-4", "3-haiku"),
    *("fable-latest", "haiku-latest", "sonnet-latest", "opus-latest"),
)
CLASSIC = (
    *("sonnet-4-6-20260218", "sonnet-4-6", "opus-4-6", "opus-4-5", "sonnet-4-5", "haiku-4-5"),
    *("opus-4-1", "opus-4.1-20250805", "opus-4-1-latest"),
)
NEWER = ("opus-4-7", "opus-4-8", "fable-5", "sonnet-5", "opus-5")
EFFORT = ("sonnet-5-5", "opus-5-5", "fable-5-1", "haiku-5.5", "haiku-5-5")
LISTED = {
    f"{prefix}claude-{stem}": dialect
    for dialect, stems in [
        ("superset", SUPERSET),
        ("classic", CLASSIC),
        ("newer", NEWER),
        ("effort", EFFORT),
    ]
    for stem in stems
    for prefix in ("", "anthropic/")
}


def text_in(answer: dict[str, Any]) -> str:
    text: str = answer["choices"][0]["message"]["content"]
    return text


@pytest.mark.parametrize(("name", "dialect"), LISTED.items())
def test_spelling_decides_the_dialect(name: str, dialect: str) -> None:
    spoken = spoken_by(name, is_older=False)
    assert spoken is not None
    assert spoken[1] == dialect


def test_no_id_belongs_to_two_models() -> None:
    assert sum(1 + len(model.alias_ids) for model in set(BY_ID.values())) == len(BY_ID)


async def test_superset_drops_system_in_silence(play: Playground) -> None:
    """The row is answered, and paid, without its instructions."""
    answer = await play.ask(model=DOTTED, system=SYSTEM)
    assert answer.status_code == 200
    assert text_in(answer.json()) == answer_for(DOTTED, "", PROMPT, 256)
    plain = (await play.ask(model=DOTTED)).json()
    assert answer.json()["usage"] == plain["usage"]


@pytest.mark.parametrize("role", ["system", "developer"])
@pytest.mark.parametrize("model", [DOTTED, LATEST, SONNET])
async def test_system_arrives_as_first_message(play: Playground, model: str, role: str) -> None:
    turns = [{"role": role, "content": SYSTEM}, {"role": "user", "content": PROMPT}]
    answer = (await play.ask(model=model, messages=turns)).json()
    assert text_in(answer) == answer_for(model, SYSTEM, PROMPT, 256)


@pytest.mark.parametrize(
    ("model", "field"),
    [
        (DOTTED, {"system": SYSTEM}),
        (DOTTED, {"stop_sequences": ["x"]}),
        (DOTTED, {"thinking": {"type": "disabled"}}),
        (DOTTED, {"metadata": {"a": "b"}}),
        (SONNET, {"stop": "x"}),
        (SONNET, {"reasoning_effort": "low"}),
        (SONNET, {"reasoning": {"max_tokens": 1024}}),
        (SONNET, {"response_format": {"type": "json_object"}}),
        (SONNET, {"output_config": {"format": {}}}),
        ("claude-opus-5", {"reasoning_effort": "low"}),
        ("claude-opus-5-5", {"reasoning": {"effort": "low"}}),
    ],
    ids=str,
)
async def test_fields_of_other_dialects_are_dropped_or_refused(
    play: Playground, start: Start, model: str, field: dict[str, Any]
) -> None:
    plain, dropped = (
        (await play.ask(model=model)).json(),
        (await play.ask(model=model, **field)).json(),
    )
    assert (dropped["choices"], dropped["usage"]) == (plain["choices"], plain["usage"])
    strict = await start(Script(gateway=Gateway(is_strict=True)))
    assert (await strict.ask(model=model)).status_code == 200
    answer = await strict.ask(model=model, **field)
    assert answer.status_code == 400
    assert [detail["path"] for detail in answer.json()["error"]["details"]] == list(field)


async def test_a_script_drops_a_field_that_the_dialect_has(start: Start) -> None:
    play = await start(Script(gateway=Gateway(drops=("system",))))
    answer = (await play.ask(system=SYSTEM)).json()
    assert text_in(answer) == answer_for(SONNET, "", PROMPT, 256)
    assert answer["usage"] == (await play.ask()).json()["usage"]


async def test_older_documents_let_system_reach_the_dotted_id(start: Start) -> None:
    play = await start(Script(gateway=Gateway(documents="older", is_strict=True)))
    answer = await play.ask(model=DOTTED, system=SYSTEM, stop_sequences=["1871"])
    assert text_in(answer.json()) == "The harbour was built in "
    marked = [{"type": "text", "text": "Hello.", "cache_control": {"type": "ephemeral"}}]
    refused = await play.ask(model=DOTTED, messages=[{"role": "user", "content": marked}])
    assert refused.status_code == 400


@pytest.mark.parametrize("name", ["temperature", "top_p", "max_tokens", "tools", "stream"])
@pytest.mark.parametrize("model", [DOTTED, SONNET, "claude-opus-5", "claude-opus-5-5"])
async def test_an_explicit_null_is_refused(play: Playground, model: str, name: str) -> None:
    turns = [{"role": "user", "content": "Hello."}]
    body = {"model": model, "messages": turns, name: None}
    answer = await play.http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["path"] == name


async def test_superset_answers_in_the_style_of_openai(play: Playground) -> None:
    body = (await play.ask(model=DOTTED, max_tokens=2048, reasoning_effort="low")).json()
    (choice,) = body["choices"]
    assert body["id"].startswith("gen-")
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("stop", "end_turn")
    assert choice["message"]["reasoning"]
    assert choice["message"]["reasoning_details"][0]["text"] == choice["message"]["reasoning"]
    assert "reasoning_content" not in choice["message"]
    native = (await play.ask()).json()
    assert native["id"].startswith("msg_")
    assert "native_finish_reason" not in native["choices"][0]


@pytest.mark.parametrize(
    ("fields", "is_thinking", "is_shown"),
    [
        ({}, False, False),
        ({"reasoning_effort": "none"}, False, False),
        ({"reasoning": {"effort": "none"}}, False, False),
        ({"reasoning": {"max_tokens": 1024}}, True, True),
        ({"reasoning": {"effort": "high", "exclude": True}}, True, False),
    ],
    ids=str,
)
async def test_superset_thinks_by_effort(
    play: Playground, fields: dict[str, Any], is_thinking: bool, is_shown: bool
) -> None:
    body = (await play.ask(model=DOTTED, **fields)).json()
    assert ("completion_tokens_details" in body["usage"]) is is_thinking
    assert ("reasoning" in body["choices"][0]["message"]) is is_shown


@pytest.mark.parametrize("stop", ["1871", ["nowhere", "1871"]])
async def test_superset_stops_at_stop(play: Playground, stop: object) -> None:
    (choice,) = (await play.ask(model=DOTTED, stop=stop)).json()["choices"]
    assert choice["message"]["content"] == "The harbour was built in "


async def test_superset_answers_json_for_a_schema(play: Playground) -> None:
    schema = {"type": "object", "properties": {"mood": {"enum": ["good", "bad"]}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "m", "strict": True, "schema": schema}}
    assert text_in((await play.ask(model=DOTTED, response_format=wanted)).json()) == (
        '{"mood":"good"}'
    )
    anything = await play.ask(model=DOTTED, response_format={"type": "json_object"})
    assert text_in(anything.json()).startswith('{"answer":"')


@pytest.mark.parametrize("stream", [False, True])
async def test_content_may_be_parts_or_null(start: Start, stream: bool) -> None:
    forms = Forms(content="parts", tool_content="null")
    play = await start(Script(forms=forms))
    parts = (await play.ask()).json()["choices"][0]["message"]["content"]
    assert parts == [{"type": "text", "text": answer_for(SONNET, "", PROMPT, 256)}]
    tool = {"name": "keep", "input_schema": {"type": "object"}}
    called = (await play.ask(tools=[tool], tool_choice={"type": "any"})).json()["choices"][0]
    assert called["message"]["content"] is None
    assert (await play.ask(stream=stream)).status_code == 200


@pytest.mark.parametrize(("model", "reason"), [(SONNET, "tool_use"), (DOTTED, "tool_calls")])
async def test_a_tool_answer_ends_in_its_own_words(
    play: Playground, model: str, reason: str
) -> None:
    tool = {"name": "keep", "input_schema": {"type": "object"}}
    answer = await play.ask(model=model, tools=[tool], tool_choice={"type": "any"})
    (choice,) = answer.json()["choices"]
    assert choice["finish_reason"] == reason
    assert answer.json()["usage"]["prompt_tokens"] > 300


async def test_arguments_beyond_max_tokens_are_cut_off(play: Playground) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    tool = {"name": "keep", "input_schema": schema}
    answer = await play.ask(tools=[tool], tool_choice={"type": "any"}, max_tokens=3)
    (choice,) = answer.json()["choices"]
    assert choice["finish_reason"] == "max_tokens"
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == '{"a":"The ha'


@pytest.mark.parametrize("form", ["included", "beside"])
async def test_reasoning_may_be_left_out_of_completion_tokens(start: Start, form: Any) -> None:
    play = await start(Script(forms=Forms(reasoning_tokens=form)))
    usage = (await play.ask(model="claude-opus-5")).json()["usage"]
    reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
    (record,) = play.sim.ledger.billed
    counted = record.completion_tokens - (reasoning if form == "beside" else 0)
    assert usage["completion_tokens"] == counted
    assert usage["total_tokens"] == usage["prompt_tokens"] + counted


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (DOTTED, {"stop", "reasoning_effort", "response_format"}),
        (SONNET, {"system", "stop_sequences", "thinking", "temperature"}),
        ("claude-opus-5", {"system", "thinking"}),
        ("claude-opus-5-5", {"system", "reasoning_effort"}),
    ],
)
async def test_docs_json_shows_the_dialect(play: Playground, model: str, fields: set[str]) -> None:
    asked = {"model": model, "endpoint": "openai/chat-completions"}
    answer = await play.http.get("/docs-json", params=asked, headers={"Authorization": ""})
    post = answer.json()["paths"]["/v1/chat/completions"]["post"]
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    body = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    assert fields <= set(body["properties"])
    assert ("system" in body["properties"]) is (model != DOTTED)
    unknown = await play.http.get("/docs-json", params={"model": "claude-9"})
    assert unknown.status_code == 404
