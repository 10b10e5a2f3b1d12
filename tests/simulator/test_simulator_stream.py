"""Server-sent events, as irregular as those of the real API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator

from aimlapi_simulator import Fault, Forms, Script, answer_for
from tests.contract.published import complaints, json_schema, published_answer
from tests.simulator.conftest import DOCUMENTS, LATEST, PROMPT, SONNET, Playground, Start

if TYPE_CHECKING:
    import httpx


def events_of(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.headers["content-type"] == "text/event-stream"
    lines = [line for line in answer.text.split("\n\n") if line]
    assert all(line.startswith("data: ") for line in lines)
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def text_of(events: list[dict[str, Any]]) -> str:
    deltas = [choice.get("delta") or {} for event in events for choice in event["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


@pytest.mark.parametrize("model", [SONNET, LATEST])
async def test_its_chunks_fit_published_schema_but_for_the_reason(
    play: Playground, model: str
) -> None:
    """The schema demands a reason in every chunk; a stream that has not ended has none."""
    schema = published_answer(DOCUMENTS.get(model, model), "text/event-stream")
    choice = schema["properties"]["choices"]["items"]
    choice["properties"]["finish_reason"] = {"type": "string", "nullable": True}
    validator = Draft7Validator(json_schema(schema, is_strict=False))
    events = events_of(await play.ask(stream=True, model=model))
    assert [complaints(validator, event) for event in events] == [[]] * len(events)


async def test_it_says_what_an_answer_in_one_piece_says(play: Playground) -> None:
    streamed = events_of(await play.ask(stream=True))
    whole = (await play.ask()).json()
    assert text_of(streamed) == whole["choices"][0]["message"]["content"]
    assert [event["usage"] for event in streamed if event["usage"]] == [whole["usage"]]
    assert [event["meta"] for event in streamed if "meta" in event] == [whole["meta"]]
    reasons = {event["choices"][0]["finish_reason"] for event in streamed}
    assert reasons == {None, "end_turn"}


async def test_final_facts_come_late_and_without_a_delta(
    start: Start,
) -> None:
    """They are finish reason, usage and price."""
    layouts = set()
    play = await start()
    for number in range(12):
        events = events_of(await play.ask(f"Text {number}. {PROMPT}", stream=True))
        assert "delta" not in events[-1]["choices"][0]
        assert "" in {event["id"] for event in events}
        with_usage = next(i for i, event in enumerate(events) if event["usage"])
        with_meta = next(i for i, event in enumerate(events) if "meta" in event)
        with_reason = next(i for i, e in enumerate(events) if e["choices"][0]["finish_reason"])
        assert with_reason < with_usage <= with_meta
        layouts.add(with_meta - with_usage)
    assert layouts == {0, 1}


async def test_no_done_no_cost_headers_one_charge(play: Playground) -> None:
    answer = await play.ask(stream=True)
    assert "[DONE]" not in answer.text
    assert "x-aimlapi-credits-used" not in answer.headers
    assert answer.headers["x-inference-id"]
    (record,) = play.sim.ledger.billed
    assert record.is_stream
    assert record.credits == events_of(answer)[-1]["meta"]["usage"]["credits_used"]


async def test_events_may_come_apart_in_time(start: Start) -> None:
    play = await start(Script(stream_interval_s=0.002))
    events = events_of(await play.ask(stream=True))
    assert text_of(events) == answer_for(SONNET, "", PROMPT, 256)


async def test_pieces_may_split_lines_and_characters(start: Start) -> None:
    play = await start(Script(faults=(Fault(kind="drip", drip_s=0.0005, drip_bytes=7),)))
    events = events_of(await play.ask("Ein Löwe, größer als zwölf Bären. 🦁", stream=True))
    assert "größer" in text_of(events)


async def test_early_stop_ends_a_stream_without_reason_or_price(start: Start) -> None:
    play = await start(Script(faults=(Fault(kind="stream-stops-early"),)))
    events = events_of(await play.ask(stream=True))
    assert not any("meta" in event or event["usage"] for event in events)
    assert play.sim.ledger.billed_calls == 1


async def test_a_stream_may_keep_its_price_to_itself(start: Start) -> None:
    play = await start(Script(forms=Forms(cost="nowhere")))
    events = events_of(await play.ask(stream=True))
    assert not any("meta" in event for event in events)
    assert events[-1]["usage"]


async def test_twists_reach_streams(start: Start) -> None:
    async def events_with(kind: str) -> list[dict[str, Any]]:
        play = await start(Script(faults=(Fault(kind=kind),)))
        return events_of(await play.ask(stream=True))

    assert [event["choices"] for event in await events_with("no-choices")] == [[]]
    assert text_of(await events_with("null-content")) == ""
    refused = await events_with("refusal")
    assert refused[0]["choices"][0]["delta"]["refusal"]
    assert refused[-1]["choices"][0]["finish_reason"] == "refusal"
    called = (await events_with("broken-tool-call"))[0]["choices"][0]["delta"]["tool_calls"]
    assert called[0]["function"]["name"] == "answer"


async def test_thinking_is_streamed_before_the_answer(play: Playground) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    events = events_of(await play.ask(stream=True, thinking=thinking, max_tokens=2048))
    assert events[0]["choices"][0]["delta"]["reasoning_content"]
    assert text_of(events) == answer_for(SONNET, "", PROMPT, 2048)
