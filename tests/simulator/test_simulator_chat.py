"""Chat completions that succeed: schema, text, tokens, price, headers."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from aimlapi_simulator import Forms, Script, answer_for
from tests.contract.published import SONNET_4_6, answer_validator, complaints
from tests.simulator.conftest import DOCUMENTS, LATEST, PROMPT, SONNET, Playground, Start, body_of


async def test_answer_fits_the_published_schema_and_can_be_foretold(play: Playground) -> None:
    answer = await play.ask()
    assert answer.status_code == 200
    body = answer.json()
    assert complaints(answer_validator(SONNET_4_6), body) == []
    assert body["object"] == "chat.completion"
    assert body["model"] == "claude-sonnet-4-6"  # never the id that was asked for
    (choice,) = body["choices"]
    assert choice["message"]["content"] == answer_for(SONNET, "", PROMPT, 256)
    assert choice["finish_reason"] == "end_turn"


async def test_the_documented_example_costs_what_is_documented(play: Playground) -> None:
    """16 prompt tokens and 264 of completion are 10,421 credits; here by the price per token."""
    body = (await play.ask("x" * 64, max_tokens=4)).json()
    assert body["usage"] == {"prompt_tokens": 16, "completion_tokens": 4, "total_tokens": 20}
    assert body["meta"]["usage"]["credits_used"] == round(16 * 7.8 + 4 * 39)


async def test_header_meta_and_ledger_agree_on_the_price(play: Playground) -> None:
    answer = await play.ask()
    used = int(answer.headers["x-aimlapi-credits-used"])
    assert answer.headers["x-aimlapi-usd-spent"] == f"{used / 2_000_000:.9f}"
    assert answer.json()["meta"]["usage"] == {"credits_used": used, "usd_spent": used / 2_000_000}
    (record,) = play.sim.ledger.billed
    assert record.credits == used
    assert record.usd == used / 2_000_000
    assert record.inference_id == answer.headers["x-inference-id"]
    assert record.request_id == answer.headers["x-request-id"]
    assert record.prompt_sha256 == sha256(PROMPT.encode()).hexdigest()
    sent = answer.request.content
    assert record.body_sha256 == sha256(sent).hexdigest()


async def test_no_answer_ever_hints_at_a_limit(play: Playground) -> None:
    for answer in (await play.ask(), await play.ask(model="unknown")):
        assert "retry-after" not in answer.headers
        assert not [name for name in answer.headers if "ratelimit" in name.lower()]


@pytest.mark.parametrize("client_id", ["a", "run-1.row:7_b", "x" * 128])
async def test_a_valid_client_request_id_is_echoed(play: Playground, client_id: str) -> None:
    answer = await play.ask_with({"X-Client-Request-Id": client_id})
    assert answer.headers["x-client-request-id"] == client_id
    assert play.sim.ledger.billed[0].client_request_id == client_id


@pytest.mark.parametrize(
    "client_id", ["a b", "x" * 129, "row/7", "a\tb", "rów".encode().decode("latin-1")]
)
async def test_invalid_client_request_id_is_dropped_and_billed(
    play: Playground, client_id: str
) -> None:
    answer = await play.http.post(
        "/v1/chat/completions",
        json=body_of(),
        headers={b"X-Client-Request-Id": client_id.encode("latin-1")},
    )
    assert answer.status_code == 200
    assert "x-client-request-id" not in answer.headers
    (record,) = play.sim.ledger.billed
    assert record.client_request_id is None
    assert record.credits > 0


async def test_max_tokens_truncates_and_says_so(play: Playground) -> None:
    body = (await play.ask(max_tokens=5)).json()
    (choice,) = body["choices"]
    assert choice["message"]["content"] == answer_for(SONNET, "", PROMPT, 256)[:20]
    assert choice["finish_reason"] == "max_tokens"
    assert body["usage"]["completion_tokens"] == 5


async def test_a_stop_sequence_ends_the_answer(play: Playground) -> None:
    (choice,) = (await play.ask(stop_sequences=["1871"])).json()["choices"]
    assert choice["message"]["content"] == "The harbour was built in "
    assert choice["finish_reason"] == "stop_sequence"


@pytest.mark.parametrize(
    ("form", "model", "reason"),
    [
        ("model", SONNET, "max_tokens"),
        ("model", LATEST, "length"),
        ("anthropic", LATEST, "max_tokens"),
        ("openai", SONNET, "length"),
    ],
)
async def test_both_vocabularies_of_finish_reasons(
    start: Start, form: Any, model: str, reason: str
) -> None:
    play = await start(Script(forms=Forms(finish_reasons=form)))
    (choice,) = (await play.ask(max_tokens=1, model=model)).json()["choices"]
    assert choice["finish_reason"] == reason


async def test_seeded_forms_mix_and_repeat(start: Start) -> None:
    async def reasons_and_costs() -> list[tuple[str, bool, bool]]:
        forms = Forms(finish_reasons="seeded", cost="seeded")
        play = await start(Script(seed=3, forms=forms))
        seen = []
        for number in range(24):
            answer = await play.ask(f"Text {number}")
            body = answer.json()
            reason = body["choices"][0]["finish_reason"]
            seen.append((reason, "x-aimlapi-usd-spent" in answer.headers, "meta" in body))
        return seen

    first = await reasons_and_costs()
    assert {reason for reason, _, _ in first} == {"end_turn", "stop"}
    assert len({(header, meta) for _, header, meta in first}) == 4
    assert first == await reasons_and_costs()


async def test_system_changes_the_answer_and_counts_as_prompt(play: Playground) -> None:
    plain = (await play.ask()).json()
    told = (await play.ask(system="You are a support analyst.")).json()
    assert told["usage"]["prompt_tokens"] > plain["usage"]["prompt_tokens"]
    assert told["choices"][0]["message"]["content"] == answer_for(
        SONNET, "You are a support analyst.", PROMPT, 256
    )
    assert told["choices"][0]["message"]["content"] != plain["choices"][0]["message"]["content"]


async def test_thinking_shows_reasoning_and_bills_it(play: Playground) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    body = (await play.ask(thinking=thinking, max_tokens=2048)).json()
    assert body["choices"][0]["message"]["reasoning_content"]
    details = body["usage"]["completion_tokens_details"]
    assert 0 < details["reasoning_tokens"] < body["usage"]["completion_tokens"]


async def test_a_cached_beginning_costs_a_tenth_the_second_time(play: Playground) -> None:
    system = [{"type": "text", "text": "s" * 8000, "cache_control": {"type": "ephemeral"}}]
    first = (await play.ask(system=system)).json()
    second = (await play.ask(system=system)).json()
    written, read = (answer["usage"]["prompt_tokens_details"] for answer in (first, second))
    assert written == {"cached_tokens": 0, "cache_write_tokens": 2000}
    assert read == {"cached_tokens": 2000, "cache_write_tokens": 0}
    saved = first["meta"]["usage"]["credits_used"] - second["meta"]["usage"]["credits_used"]
    assert saved == pytest.approx(2000 * 7.8 * (1.25 - 0.1), abs=1)
    assert complaints(answer_validator(SONNET_4_6), second) == []


@pytest.mark.parametrize("model", [SONNET, LATEST])
async def test_a_demanded_tool_is_called_with_input_that_fits(play: Playground, model: str) -> None:
    schema = {
        "type": "object",
        "properties": {
            "summary": {"type": "string"},
            "mood": {"enum": ["good", "bad"]},
            "score": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["summary"],
    }
    tools = [
        {"name": "other", "input_schema": {"type": "object"}},
        {"name": "keep", "input_schema": schema},
    ]
    answer = await play.ask(model=model, tools=tools, tool_choice={"type": "tool", "name": "keep"})
    body = answer.json()
    assert complaints(answer_validator(DOCUMENTS.get(model, model)), body) == []
    (choice,) = body["choices"]
    (call,) = choice["message"]["tool_calls"]
    assert call["function"]["name"] == "keep"
    given = json.loads(call["function"]["arguments"])
    assert given["summary"] == answer_for(model, "", PROMPT, 256)
    assert given["mood"] == "good"
    assert choice["finish_reason"] == ("tool_use" if model == SONNET else "tool_calls")


async def test_text_parts_form_one_prompt_and_files_cost_tokens(
    play: Playground,
) -> None:
    """A file costs a thousand tokens."""
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aa"}}
    parts = [{"type": "text", "text": "One."}, image, {"type": "text", "text": "Two."}]
    body = (await play.ask(messages=[{"role": "user", "content": parts}])).json()
    assert body["choices"][0]["message"]["content"] == answer_for(SONNET, "", "One.Two.", 256)
    assert body["usage"]["prompt_tokens"] == 1002


async def test_a_conversation_answers_the_user(play: Playground) -> None:
    turns = [
        {"role": "user", "content": "First question."},
        {"role": "assistant", "content": "An answer."},
        {"role": "user", "content": "Second question."},
    ]
    body = (await play.ask(messages=turns)).json()
    text = body["choices"][0]["message"]["content"]
    assert text == answer_for(SONNET, "", "First question.\nSecond question.", 256)
