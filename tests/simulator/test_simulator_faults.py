"""Every fault: the client's answer, and its charge."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import httpx
import pytest

from aimlapi_simulator import Fault, Forms, Script
from aimlapi_simulator.faults.kinds import EFFECTS
from tests.simulator.conftest import PROMPT, Playground, Start, body_of


async def struck(start: Start, kind: str, **changes: Any) -> Playground:
    return await start(Script(faults=(Fault(kind=kind, **changes),)))


REFUSALS = {
    kind: effect
    for kind, effect in EFFECTS.items()
    if effect.body == "envelope" and not effect.is_detailed
}


@pytest.mark.parametrize("kind", REFUSALS)
async def test_refusal_has_its_status_its_words_and_no_charge(start: Start, kind: str) -> None:
    play = await struck(start, kind)
    answer = await play.ask()
    assert answer.status_code == REFUSALS[kind].status
    assert answer.json()["message"] == REFUSALS[kind].message
    assert "x-aimlapi-credits-used" not in answer.headers
    assert answer.headers["x-inference-id"]
    (record,) = play.sim.ledger.requests
    assert (record.status, record.credits, record.fault) == (answer.status_code, 0, kind)


async def test_a_detailed_refusal_says_where_in_its_details_alone(start: Start) -> None:
    answer = await (await struck(start, "400-details")).ask()
    assert answer.status_code == 400
    assert answer.json()["message"] == "Validation failed"
    (detail,) = answer.json()["error"]["details"]
    assert detail["path"] == "messages[0].content"


async def test_the_live_envelope(start: Start) -> None:
    answer = await (await struck(start, "500")).ask()
    assert answer.headers["content-type"].startswith("application/problem+json")
    body = answer.json()
    assert body["status"] == 500
    assert body["title"] == "Internal Server Error"
    assert body["instance"] == "/v1/chat/completions"
    assert body["requestId"] == answer.headers["x-request-id"]
    assert body["timestamp"].endswith("Z")
    assert body["error"]["message"] == body["message"]


async def test_the_documented_envelope(start: Start) -> None:
    faults = (Fault(kind="500"),)
    play = await start(Script(faults=faults, forms=Forms(envelope="legacy")))
    answer = await play.ask()
    assert answer.headers["content-type"].startswith("application/json")
    body = answer.json()
    assert set(body) == {"message", "path", "requestId", "statusCode", "timestamp"}
    assert int(body["statusCode"]) == 500


async def test_seeded_envelopes_come_in_both_forms(start: Start) -> None:
    play = await start(Script(faults=(Fault(kind="429"),), forms=Forms(envelope="seeded")))
    kinds = {(await play.ask()).headers["content-type"] for _ in range(20)}
    assert len(kinds) == 2


@pytest.mark.parametrize(
    ("kind", "status", "content"),
    [
        ("502-html", 502, b"<html>"),
        ("html-200", 200, b"<html>"),
        ("503-empty", 503, b""),
        ("empty-200", 200, b""),
    ],
)
async def test_a_gateways_page_is_no_json_and_costs_nothing(
    start: Start, kind: str, status: int, content: bytes
) -> None:
    play = await struck(start, kind)
    answer = await play.ask()
    assert answer.status_code == status
    assert answer.content[: len(content) or None] == content
    assert play.sim.ledger.total_credits == 0


@pytest.mark.parametrize(
    ("kind", "calls_billed"), [("disconnect-unbilled", 0), ("disconnect-billed", 1)]
)
async def test_a_connection_that_breaks_before_the_answer(
    start: Start, kind: str, calls_billed: int
) -> None:
    play = await struck(start, kind)
    with pytest.raises(httpx.RemoteProtocolError):
        await play.ask()
    (record,) = play.sim.ledger.requests
    assert record.status == 0
    assert play.sim.ledger.billed_calls == calls_billed


@pytest.mark.parametrize("stream", [False, True])
async def test_connection_that_breaks_in_mid_body_was_paid_for(start: Start, stream: bool) -> None:
    play = await struck(start, "disconnect-mid-body")
    with pytest.raises(httpx.RemoteProtocolError):
        await play.ask(stream=stream)
    assert play.sim.ledger.billed_calls == 1


async def test_slow_answer_exceeds_a_read_timeout_and_is_billed(
    start: Start,
) -> None:
    play = await struck(start, "slow", delay_s=0.15)
    with pytest.raises(httpx.ReadTimeout):
        await play.http.post("/v1/chat/completions", json=body_of(), timeout=0.05)
    assert play.sim.ledger.billed_calls == 0
    assert (await play.ask("Another text.")).status_code == 200  # takes as long, so both are done
    assert play.sim.ledger.billed_calls == 2


async def test_a_dripping_answer_comes_in_pieces_and_whole(start: Start) -> None:
    play = await struck(start, "drip", drip_s=0.001, drip_bytes=40)
    pieces = []
    async with play.http.stream("POST", "/v1/chat/completions", json=body_of()) as answer:
        async for piece in answer.aiter_raw():
            pieces.append(piece)  # noqa: PERF401 - each read is one element
    assert len(pieces) > 5
    assert json.loads(b"".join(pieces))["choices"]


async def test_a_dripping_answer_never_meets_a_read_timeout(start: Start) -> None:
    play = await struck(start, "drip", drip_s=0.01, drip_bytes=20)
    answer = await play.http.post("/v1/chat/completions", json=body_of(), timeout=0.2)
    assert answer.elapsed.total_seconds() > 0.2
    assert answer.json()["choices"]


@pytest.mark.parametrize("stream", [False, True])
async def test_invalid_json_is_billed(start: Start, stream: bool) -> None:
    play = await struck(start, "invalid-json")
    answer = await play.ask(stream=stream)
    assert answer.status_code == 200
    texts = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    with pytest.raises(json.JSONDecodeError):
        [json.loads(text) for text in texts]
    assert play.sim.ledger.billed_calls == 1


async def test_strange_answers(start: Start) -> None:
    async def answer_to(kind: str) -> dict[str, Any]:
        play = await struck(start, kind)
        answer = await play.ask()
        assert answer.status_code == 200
        assert play.sim.ledger.billed_calls == 1
        body: dict[str, Any] = answer.json()
        return body

    assert (await answer_to("null-content"))["choices"][0]["message"]["content"] is None
    assert (await answer_to("no-choices"))["choices"] == []
    refused = (await answer_to("refusal"))["choices"][0]
    assert refused["finish_reason"] == "refusal"
    assert refused["message"]["refusal"]
    truncated = (await answer_to("truncated"))["choices"][0]
    assert truncated["finish_reason"] == "max_tokens"
    called = (await answer_to("broken-tool-call"))["choices"][0]
    assert called["finish_reason"] == "tool_use"
    with pytest.raises(json.JSONDecodeError):
        json.loads(called["message"]["tool_calls"][0]["function"]["arguments"])


async def test_201_is_an_answer_like_200(start: Start) -> None:
    play = await struck(start, "201")
    answer = await play.ask()
    assert answer.status_code == 201
    assert answer.json()["choices"]
    assert play.sim.ledger.billed_calls == 1


async def test_gzip_only_for_those_who_accept_it(start: Start) -> None:
    play = await struck(start, "gzip")
    packed = await play.ask_with({"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json()["choices"]
    plain = await play.ask_with({"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.json()["choices"]


async def test_a_gzip_bomb_is_small_on_the_wire(start: Start) -> None:
    play = await struck(start, "gzip-bomb")
    async with play.http.stream("POST", "/v1/chat/completions", json=body_of()) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert int(answer.headers["content-length"]) < 100_000


@pytest.mark.parametrize(
    ("kind", "has_header", "meta"),
    [
        ("cost-in-header", True, None),
        ("cost-in-meta", False, {"credits_used", "usd_spent"}),
        ("cost-in-credits", False, {"credits_used"}),
        ("cost-nowhere", False, None),
    ],
)
async def test_where_the_price_is_told(
    start: Start, kind: str, has_header: bool, meta: set[str] | None
) -> None:
    play = await struck(start, kind)
    answer = await play.ask()
    assert ("x-aimlapi-credits-used" in answer.headers) is has_header
    assert ("x-aimlapi-usd-spent" in answer.headers) is has_header
    told = answer.json().get("meta")
    assert (set(told["usage"]) if told else None) == meta
    assert play.sim.ledger.billed_calls == 1


async def test_a_redirect_leads_elsewhere(start: Start) -> None:
    answer = await (await struck(start, "307")).ask()
    assert answer.status_code == 307
    assert answer.headers["location"] == "/v1/elsewhere"


async def test_a_raw_answer_is_what_the_script_says(start: Start) -> None:
    body = '{"choices": NaN}'
    play = await struck(start, "raw", status=207, content_type="text/x-trap", body=body)
    answer = await play.ask()
    assert (answer.status_code, answer.text) == (207, body)
    assert answer.headers["content-type"] == "text/x-trap"
    assert play.sim.ledger.total_credits == 0


async def test_retry_after_only_if_a_script_asks_for_it(start: Start) -> None:
    answer = await (await struck(start, "429", retry_after_s=7)).ask()
    assert answer.headers["retry-after"] == "7"


async def test_a_charge_can_be_scripted_against_the_kinds_rule(start: Start) -> None:
    play = await struck(start, "504", is_billed=True)
    assert (await play.ask()).status_code == 504
    assert play.sim.ledger.billed_calls == 1


async def test_prompts_that_contain_text_are_struck_the_first_times(start: Start) -> None:
    play = await struck(start, "500", contains="harbour", times=2)
    statuses = [(await play.ask()).status_code for _ in range(4)]
    assert statuses == [500, 500, 200, 200]
    assert (await play.ask("Another text.")).status_code == 200


async def test_only_long_prompts_are_struck(start: Start) -> None:
    play = await struck(start, "429", longer_than=10)
    statuses = [(await play.ask(text)).status_code for text in ("ten chars.", "eleven char")]
    assert statuses == [200, 429]


async def test_each_prompt_can_be_counted_by_itself(start: Start) -> None:
    play = await struck(start, "429", times=1, per_prompt=True)
    statuses = [(await play.ask(text)).status_code for text in ("a", "b", "a", "b", "c")]
    assert statuses == [429, 429, 200, 200, 429]


async def test_a_list_of_faults_reads_as_a_sequence(start: Start) -> None:
    faults = (
        Fault(kind="429", times=1),
        Fault(kind="502-html", times=1),
        Fault(kind="403", after=1),
    )
    play = await start(Script(faults=faults))
    statuses = [(await play.ask()).status_code for _ in range(5)]
    assert statuses == [429, 502, 200, 403, 403]


async def test_fault_share_depends_on_seed_and_prompt_not_order(start: Start) -> None:
    texts = [f"Text number {number}." for number in range(200)]

    async def struck_texts(seed: int, order: list[str]) -> set[str]:
        play = await start(Script(seed=seed, faults=(Fault(kind="500", share=0.25),)))
        return {text for text in order if (await play.ask(text)).status_code == 500}

    first = await struck_texts(1, texts)
    assert 25 <= len(first) <= 75
    assert first == await struck_texts(1, texts[::-1])
    assert first != await struck_texts(2, texts)


async def test_a_share_strikes_attempts_not_prompts(start: Start) -> None:
    play = await struck(start, "500", share=0.5)
    statuses = [(await play.ask()).status_code for _ in range(40)]
    assert set(statuses) == {200, 500}
    assert any(a != b for a, b in pairwise(statuses))


async def test_a_fault_at_another_path(start: Start) -> None:
    play = await struck(start, "503", path="/v2/billing", times=1)
    assert (await play.ask(PROMPT)).status_code == 200
    assert (await play.http.get("/v2/billing")).status_code == 503
    assert (await play.http.get("/v2/billing")).status_code == 200


async def test_faults_at_other_paths_reach_what_their_kinds_say(start: Start) -> None:
    async def answer_to(kind: str) -> httpx.Response:
        play = await struck(start, kind, path="/v2/billing", delay_s=0.001)
        return await play.http.get("/v2/billing")

    assert (await answer_to("201")).status_code == 201
    assert (await answer_to("slow")).json()["currency"] == "USD"
    with pytest.raises(json.JSONDecodeError):
        (await answer_to("invalid-json")).json()
    assert (await answer_to("gzip")).json()["currency"] == "USD"
