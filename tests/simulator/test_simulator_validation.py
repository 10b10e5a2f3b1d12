"""Bodies that are refused without a charge, compared with the published schema."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from aimlapi_simulator import Forms, Gateway, Script
from aimlapi_simulator.schema.chat_request import parse_chat
from aimlapi_simulator.schema.refusal import InvalidBody, RefusedByVendor
from tests.contract.published import SONNET_4_6, complaints, request_validator
from tests.simulator.conftest import DOTTED, LATEST, SONNET, Playground, Start, body_of

OLDER = Gateway(documents="older", is_strict=True)

TEXT = {"type": "text", "text": "Hello."}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aa"}}
CACHED = TEXT | {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "aa"}
TOOL = {"name": "keep", "input_schema": {"type": "object", "properties": {}}}


def user(content: object) -> list[dict[str, object]]:
    return [{"role": "user", "content": content}]


# Bodies on which the published schema and the simulator must agree, whichever way.
AGREED = [
    {},
    {"temperature": 0},
    {"temperature": 1},
    {"temperature": 0.5, "top_p": 0.9, "top_k": 40},
    {"temperature": 2},
    {"temperature": -0.1},
    {"temperature": "warm"},
    {"top_p": 1.1},
    {"top_k": -1},
    {"max_tokens": "many"},
    {"system": "Be brief."},
    {"system": 7},
    {"system": [{"type": "text", "text": "Be brief."}]},
    {"system": [{"type": "text"}]},
    {"stream": True},
    {"stream": "yes"},
    {"stop_sequences": ["a", "b"]},
    {"stop_sequences": "a"},
    {"stop_sequences": [1]},
    {"metadata": {"a": "b"}},
    {"metadata": {"a": 1}},
    {"messages": "Hello."},
    {"messages": None},
    {"messages": user(None)},
    {"messages": user([TEXT])},
    {"messages": user([TEXT] * 5)},
    {"messages": user([TEXT, IMAGE])},
    {"messages": user([{"type": "text"}])},
    {"messages": user([{"type": "smell", "smell": "sweet"}])},
    {"messages": user([IMAGE | {"source": {"type": "base64"}}])},
    {"messages": user([{"type": "document", "source": PDF}])},
    {"messages": user([{"type": "document", "source": {"type": "base64", "data": "a"}}])},
    {"messages": user([{"type": "tool_result", "tool_use_id": "t", "content": [TEXT]}])},
    {"messages": user([{"type": "tool_result", "content": "x"}])},
    {"messages": [{"role": "assistant", "content": "Hello."}]},
    {"messages": [{"role": "wizard", "content": "Hello."}]},
    {"messages": [{"content": "Hello."}]},
    {"thinking": {"type": "enabled", "budget_tokens": 2048}, "max_tokens": 4096},
    {"thinking": {"type": "enabled", "budget_tokens": 1023}, "max_tokens": 4096},
    {"tools": [TOOL]},
    {"tools": "hammer"},
    {"frequency_penalty": 0.5},
    {"top_level_nonsense": 1},
]


@pytest.mark.parametrize("model", [SONNET_4_6, LATEST])
@pytest.mark.parametrize("change", AGREED, ids=str)
def test_it_accepts_and_refuses_what_the_published_schema_does(
    model: str, change: dict[str, Any]
) -> None:
    body = body_of(**({"model": model, "messages": user("Hello.")} | change))
    assert is_refused(body) == bool(complaints(request_validator(model), body))


def is_refused(body: dict[str, object]) -> bool:
    try:
        parse_chat(msgspec.json.encode(body), OLDER)
    except RefusedByVendor:
        return False  # it fits the schema
    except InvalidBody as error:
        return error.status == 400
    return False


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"temperature": 2}, "Path: temperature. Expected: float <= 1.0. Received: 2."),
        ({"max_tokens": 0}, "Path: max_tokens. Expected: float >= 1.0. Received: 0."),
        ({"max_tokens": "9"}, 'Path: max_tokens. Expected: float. Received: "9".'),
        ({"seed": 1}, "Path: seed. Expected: no such parameter with this model."),
        ({"messages": []}, "Path: messages. Expected: array of length >= 1. Received: []."),
        ({"messages": user([TEXT] * 6)}, "Path: messages[0].content. Expected: array of length"),
        ({"model": LATEST, "messages": [{"role": "user"}]}, "Path: messages[0].content."),
        ({"messages": user([CACHED])}, "cache_control"),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 4096}, "max_tokens": 4096},
            "Path: thinking.budget_tokens. Expected: less than max_tokens (4096). Received: 4096.",
        ),
        ({"thinking": {"type": "enabled"}}, "Path: thinking. Expected: Object missing required"),
        ({"tools": [{"type": "auto"}]}, "Path: tools."),
    ],
)
async def test_a_refusal_says_what_was_expected_and_received(
    start: Start, change: dict[str, Any], words: str
) -> None:
    play = await start(Script(gateway=OLDER, forms=Forms(envelope="legacy")))
    answer = await play.ask(**change)
    assert answer.status_code == 400
    message = answer.json()["message"]
    assert message.startswith("Body validation error! ")
    assert words in message
    (record,) = play.sim.ledger.requests
    assert (record.status, record.credits) == (400, 0)


@pytest.mark.parametrize("model", [SONNET, DOTTED])
async def test_older_documents_refuse_a_system_role(start: Start, model: str) -> None:
    play = await start(Script(gateway=OLDER))
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello."}]
    answer = await play.ask(messages=turns, model=model)
    assert answer.status_code == 400
    (detail,) = answer.json()["error"]["details"]
    assert detail == {
        "path": "messages[0].role",
        "reason": "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
    }


async def test_the_live_envelope_keeps_the_reason_for_its_details(play: Playground) -> None:
    answer = await play.ask(temperature=2)
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["message"] == "Validation failed"
    assert answer.json()["error"]["details"] == [
        {"path": "temperature", "reason": "Expected: float <= 1.0. Received: 2."}
    ]


@pytest.mark.parametrize("model", [SONNET, DOTTED, LATEST])
async def test_all_live_dialects_take_system_role_and_marks(play: Playground, model: str) -> None:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [CACHED]}]
    assert (await play.ask(messages=turns, model=model)).status_code == 200


async def test_an_unknown_model_is_404(play: Playground) -> None:
    answer = await play.ask(model="anthropic/claude-sonnet-9")
    assert answer.status_code == 404
    assert "anthropic/claude-sonnet-9" in answer.json()["message"]
    assert play.sim.ledger.total_credits == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"{",
        b"[]",
        b"null",
        b'{"model": 7}',
        b"[" * 100_000,
        b'{"model": "' + SONNET.encode() + b'", "messages": ' + b"[" * 100_000,
        b'\xff{"model": "x"}',
        b'{"model": "' + SONNET.encode() + b'", "messages": [], "temperature": NaN}',
    ],
    ids=["empty", "words", "open", "array", "null", "number", "deep", "deeper", "latin-1", "nan"],
)
async def test_a_body_that_is_no_json_object_is_400(play: Playground, content: bytes) -> None:
    answer = await play.http.post("/v1/chat/completions", content=content)
    assert answer.status_code == 400
    assert answer.json()["message"] == "Validation failed"
    assert answer.json()["error"]["details"]


@pytest.mark.parametrize(
    "headers", [{"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Basic eA"}]
)
async def test_a_call_without_a_key_is_401(play: Playground, headers: dict[str, str]) -> None:
    for method, path in [("POST", "/v1/chat/completions"), ("GET", "/v2/billing")]:
        answer = await play.http.request(method, path, headers=headers, json=body_of())
        assert answer.status_code == 401
        assert "requires a valid API key" in answer.json()["message"]
        assert answer.headers["x-request-id"]
