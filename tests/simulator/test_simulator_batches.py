"""Batches: half the price, later answers, and both forms where the API's documents have two."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from aimlapi_simulator import Account, BatchPlan, Fault, Forms, Script, answer_for
from aimlapi_simulator.catalogue import BY_ID
from aimlapi_simulator.pricing import Usage, credits_for
from tests.contract.published import complaints
from tests.simulator.conftest import SONNET, Playground, Start
from tests.simulator.endpoint_schemas import answer_validator_of, request_validator_of

BARE = "claude-sonnet-4-5-20250929"  # the documented examples carry no vendor


def batch_of(count: int, model: str = BARE, **params: Any) -> dict[str, Any]:
    requests = [
        {
            "custom_id": f"row-{number}",
            "params": {
                "model": model,
                "max_tokens": 100,
                "messages": [{"role": "user", "content": f"Text number {number}."}],
            }
            | params,
        }
        for number in range(count)
    ]
    return {"requests": requests}


async def create(play: Playground, body: dict[str, Any]) -> dict[str, Any]:
    answer = await play.http.post("/v1/batches", json=body)
    assert answer.status_code == 200, answer.text
    assert complaints(answer_validator_of("batches.create.json"), answer.json()) == []
    batch: dict[str, Any] = answer.json()
    return batch


async def look(play: Playground, batch: dict[str, Any]) -> httpx.Response:
    answer = await play.http.get("/v1/batches", params={"batch_id": batch["id"]})
    assert answer.status_code == 200
    return answer


async def pass_time(play: Playground, seconds: float) -> None:
    await play.control("POST", "clock", {"advance_s": seconds})


def lines_of(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_a_batch_runs_and_then_gives_its_results(start: Start) -> None:
    play = await start(Script(batches=BatchPlan(duration_s=100)))
    batch = await create(play, batch_of(10))
    assert batch["processing_status"] == "in_progress"
    assert batch["request_counts"]["processing"] == 10
    assert batch["results_url"] is None
    await pass_time(play, 55)
    running = (await look(play, batch)).json()
    assert complaints(answer_validator_of("batches.get.json"), running) == []
    assert running["request_counts"]["succeeded"] == 5
    assert play.sim.ledger.total_credits == 0
    await pass_time(play, 50)
    results = lines_of(await look(play, batch))
    assert {result["custom_id"] for result in results} == {f"row-{n}" for n in range(10)}
    assert [result["custom_id"] for result in results] != [f"row-{n}" for n in range(10)]
    for result in results:
        number = result["custom_id"].removeprefix("row-")
        message = result["result"]["message"]
        assert result["result"]["type"] == "succeeded"
        text = answer_for(BARE, "", f"Text number {number}.", 100)
        assert message["content"] == [{"type": "text", "text": text}]
        assert message["stop_reason"] == "end_turn"


async def test_batch_costs_half_once_at_its_end(start: Start) -> None:
    play = await start(Script(batches=BatchPlan(duration_s=0)))
    batch = await create(play, batch_of(4))
    (first, *_) = lines_of(await look(play, batch))
    usage = first["result"]["message"]["usage"]
    counted = Usage(prompt=usage["input_tokens"], completion=usage["output_tokens"])
    half = credits_for(counted, BY_ID[BARE].price, discount=0.5)
    await look(play, batch)
    assert play.sim.ledger.total_credits == 4 * half
    assert {record.custom_id for record in play.sim.ledger.billed} == {f"row-{n}" for n in range(4)}
    balance = (await play.http.get("/v2/billing")).json()["current_balance"]
    assert balance == pytest.approx(10_000 - 4 * half / 2_000_000)


async def test_both_forms_of_everything(start: Start) -> None:
    forms = Forms(batch_running="status", batch_results="array", batch_canceled="status")
    play = await start(Script(forms=forms, batches=BatchPlan(duration_s=100)))
    batch, other = await create(play, batch_of(2)), await create(play, batch_of(2))
    assert (await look(play, batch)).json() == {"id": batch["id"], "status": "generating"}
    canceled = (await play.http.post(f"/v1/batches/cancel/{other['id']}")).json()
    assert complaints(answer_validator_of("batches.cancel.json"), canceled) == []
    assert canceled["status"] == "cancelled"
    await pass_time(play, 100)
    results = (await look(play, batch)).json()
    assert {result["custom_id"] for result in results} == {"row-0", "row-1"}


async def test_seeded_forms_differ_between_batches(start: Start) -> None:
    forms = Forms(batch_running="seeded", batch_results="seeded")
    play = await start(Script(forms=forms, batches=BatchPlan(duration_s=100)))
    batches = [await create(play, batch_of(2)) for _ in range(12)]
    running = {"status" in (await look(play, batch)).json() for batch in batches}
    await pass_time(play, 100)
    arrays = {(await look(play, batch)).text.startswith("[") for batch in batches}
    assert running == arrays == {True, False}


async def test_cancelling_keeps_and_bills_what_was_done(start: Start) -> None:
    play = await start(Script(batches=BatchPlan(duration_s=100)))
    batch = await create(play, batch_of(10))
    await pass_time(play, 35)
    canceled = (await play.http.post(f"/v1/batches/cancel/{batch['id']}")).json()
    assert canceled["processing_status"] == "canceling"
    assert canceled["cancel_initiated_at"]
    await pass_time(play, 5)
    kinds = [result["result"]["type"] for result in lines_of(await look(play, batch))]
    assert (kinds.count("succeeded"), kinds.count("canceled")) == (3, 7)
    assert play.sim.ledger.billed_calls == 3
    again = await play.http.post(f"/v1/batches/cancel/{batch['id']}")
    assert again.status_code == 400


async def test_some_requests_end_badly_and_cost_nothing(start: Start) -> None:
    plan = BatchPlan(duration_s=0, errored_share=0.3, expired_share=0.3)
    play = await start(Script(batches=plan))
    batch = await create(play, batch_of(100))
    kinds = [result["result"]["type"] for result in lines_of(await look(play, batch))]
    assert set(kinds) == {"succeeded", "errored", "expired"}
    assert play.sim.ledger.billed_calls == kinds.count("succeeded")


async def test_what_is_not_done_after_a_day_has_expired(start: Start) -> None:
    play = await start(Script(batches=BatchPlan(duration_s=2 * 86_400)))
    batch = await create(play, batch_of(4))
    await pass_time(play, 86_401)
    kinds = sorted(result["result"]["type"] for result in lines_of(await look(play, batch)))
    assert kinds == ["expired", "expired", "succeeded", "succeeded"]


@pytest.mark.parametrize(
    "change",
    [
        {"requests": []},
        {"requests": [{"custom_id": "a"}]},
        {"requests": [{"params": {"model": BARE, "messages": []}}]},
        batch_of(1, temperature=2),
        batch_of(1, max_tokens=0),
        batch_of(1, messages="Hello."),
        batch_of(1, messages=[{"role": "system", "content": "Hello."}]),
        batch_of(1, thinking={"type": "enabled", "budget_tokens": 1000}),
    ],
)
async def test_a_batch_that_the_published_schema_refuses_is_400(
    play: Playground, change: dict[str, Any]
) -> None:
    body = {"model": BARE} | change
    assert complaints(request_validator_of("batches.create.json"), body) != []
    answer = await play.http.post("/v1/batches", json=body)
    assert answer.status_code == 400
    assert answer.json()["message"] == "Validation failed"
    assert answer.json()["error"]["details"]


async def test_both_documented_shapes_of_a_body_are_taken(play: Playground) -> None:
    with_model = {"model": BARE} | batch_of(1, model=SONNET)
    assert complaints(request_validator_of("batches.create.json"), with_model) == []
    await create(play, with_model)
    await create(play, batch_of(1))


async def test_other_refusals(play: Playground) -> None:
    twice = batch_of(2)
    twice["requests"][1]["custom_id"] = "row-0"
    over_budget = batch_of(1, thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=1024)
    for body, status in [(twice, 400), (over_budget, 400), (batch_of(1, model="gpt"), 404)]:
        assert (await play.http.post("/v1/batches", json=body)).status_code == status
    assert (await play.http.get("/v1/batches", params={"batch_id": "no"})).status_code == 404
    assert (await play.http.get("/v1/batches")).status_code == 404
    assert (await play.http.post("/v1/batches/cancel/no")).status_code == 404


async def test_no_credit_no_batch(start: Start) -> None:
    play = await start(Script(account=Account(balance_usd=0)))
    assert (await play.http.post("/v1/batches", json=batch_of(1))).status_code == 403


@pytest.mark.parametrize(
    ("kind", "batches"), [("disconnect-billed", 1), ("disconnect-unbilled", 0), ("502-html", 0)]
)
async def test_an_answer_to_a_submission_may_get_lost(
    start: Start, kind: str, batches: int
) -> None:
    faults = (Fault(kind=kind, path="/v1/batches", times=1),)
    play = await start(Script(faults=faults, batches=BatchPlan(duration_s=0)))
    if kind.startswith("disconnect"):
        with pytest.raises(httpx.RemoteProtocolError):
            await play.http.post("/v1/batches", json=batch_of(3))
    else:
        assert (await play.http.post("/v1/batches", json=batch_of(3))).status_code == 502
    assert play.sim.ledger.billed_calls == 3 * batches


async def test_the_keys_own_limit_holds_for_batches_too(start: Start) -> None:
    play = await start(Script(account=Account(key_limit_usd=0.0)))
    assert (await play.http.post("/v1/batches", json=batch_of(1))).status_code == 403


@pytest.mark.parametrize("content", [b"", b"[", b"[" * 100_000], ids=["empty", "open", "deep"])
async def test_a_batch_that_is_no_json_is_400(play: Playground, content: bytes) -> None:
    answer = await play.http.post("/v1/batches", content=content)
    assert answer.status_code == 400


async def test_system_and_thinking_are_part_of_a_requests_price(start: Start) -> None:
    play = await start(Script(batches=BatchPlan(duration_s=0)))
    thinking = {"type": "enabled", "budget_tokens": 1024}
    plain, rich = batch_of(1), batch_of(1, system="s" * 400, thinking=thinking, max_tokens=2048)
    usages = []
    for body in (plain, rich):
        (result,) = lines_of(await look(play, await create(play, body)))
        usages.append(result["result"]["message"]["usage"])
    assert usages[1]["input_tokens"] == usages[0]["input_tokens"] + 100
    assert usages[1]["output_tokens"] > usages[0]["output_tokens"]
