"""Balance, key, transactions and logs, and the refusals when the money is spent."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_simulator import Account, Fault, Latency, Script
from aimlapi_simulator.periods import period_of
from tests.contract.published import complaints
from tests.simulator.conftest import KEY, LATEST, Playground, Start
from tests.simulator.endpoint_schemas import answer_validator_of

AT_ONCE = 0.0


async def test_the_balance_falls_by_what_was_charged(start: Start) -> None:
    play = await start(Script(account=Account(balance_usd=123.45)))
    before = (await play.http.get("/v2/billing")).json()
    assert complaints(answer_validator_of("billing.json"), before) == []
    assert before == {"current_balance": 123.45, "currency": "USD"}
    spent = float((await play.ask()).headers["x-aimlapi-usd-spent"])
    after = (await play.http.get("/v2/billing")).json()
    assert after["current_balance"] == pytest.approx(123.45 - spent, abs=1e-9)


async def test_out_of_credit_is_403_until_somebody_pays(start: Start) -> None:
    play = await start(Script(account=Account(balance_usd=0.000001)))
    assert (await play.ask()).status_code == 200  # the last one may go below nothing
    refused = await play.ask()
    assert refused.status_code == 403
    assert "run out of credits" in refused.json()["message"]
    assert play.sim.ledger.billed_calls == 1
    await play.control("POST", "script", {"account": {"balance_usd": 5}})
    assert (await play.ask()).status_code == 200


async def test_calls_in_flight_without_credit_are_still_charged(start: Start) -> None:
    import asyncio

    script = Script(account=Account(balance_usd=0.000001), latency=Latency(median_s=0.05))
    play = await start(script)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(play.ask(f"Text {n}")) for n in range(5)]
    assert [task.result().status_code for task in tasks] == [200] * 5
    assert (await play.ask()).status_code == 403


async def test_the_keys_own_limit_blocks_until_its_period_ends(start: Start) -> None:
    account = Account(key_limit_usd=0.000001, key_limit_retention="day")
    play = await start(Script(account=account))
    assert (await play.ask()).status_code == 200
    refused = await play.ask()
    assert refused.status_code == 403
    assert "key" in refused.json()["message"].lower()
    await play.control("POST", "clock", {"advance_s": 86_400})
    assert (await play.ask()).status_code == 200


def test_periods_end_where_the_calendar_says() -> None:
    new_year_s = 1_767_225_600.0  # Thursday 2026-01-01T00:00:00Z
    assert period_of(new_year_s - 1, "day") != period_of(new_year_s, "day")
    assert period_of(new_year_s - 1, "month") != period_of(new_year_s, "month")
    assert period_of(new_year_s - 1, "week") == period_of(new_year_s, "week")
    assert period_of(0.0, "no_reset") == period_of(new_year_s, "no_reset")


async def test_the_key_endpoint_tells_limit_and_usage(start: Start) -> None:
    account = Account(key=KEY, key_limit_usd=25, key_limit_retention="month")
    play = await start(Script(account=account))
    spent = float((await play.ask()).headers["x-aimlapi-usd-spent"])
    body = (await play.http.get("/v1/key")).json()
    assert complaints(answer_validator_of("key.json"), body) == []
    data = body["data"]
    assert data["prefix"] == KEY[:8]
    assert data["limit"] == {"retention": "month", "threshold": 25}
    assert data["monthly_usage"] == pytest.approx(spent)
    assert data["disabled"] is False
    assert KEY not in str(body)


async def test_only_the_scripts_key_opens(start: Start) -> None:
    play = await start(Script(account=Account(key="another-key")))
    assert (await play.ask()).status_code == 401
    assert (await play.http.get("/v1/key")).status_code == 401
    right = {"Authorization": "Bearer another-key"}
    assert (await play.http.get("/v1/key", headers=right)).status_code == 200
    assert "another-key" not in repr(play.sim.state.script)


async def test_a_disabled_key_opens_nothing(start: Start) -> None:
    play = await start(Script(account=Account(is_key_disabled=True)))
    assert (await play.ask()).status_code == 401


async def pages_of(play: Playground, limit: int, **parameters: Any) -> list[dict[str, Any]]:
    entries, cursor = [], None
    while True:
        asked = parameters | {"limit": limit} | ({"cursor": cursor} if cursor else {})
        body = (await play.http.get("/v2/billing/transactions", params=asked)).json()
        assert complaints(answer_validator_of("billing.transactions.json"), body) == []
        assert len(body["data"]) <= limit
        entries += body["data"]
        cursor = body["pagination"]["next_cursor"]
        assert body["pagination"]["has_more"] == (cursor is not None)
        if cursor is None:
            return entries


async def test_transactions_are_the_ledger_newest_first(start: Start) -> None:
    play = await start(Script(ledger_delay_s=AT_ONCE))
    inferences = [(await play.ask(f"Text {n}")).headers["x-inference-id"] for n in range(7)]
    entries = await pages_of(play, 3)
    assert [entry["reference_id"] for entry in entries[:-1]] == inferences[::-1]
    assert sum(e["amount"]["credits"] for e in entries[:-1]) == play.sim.ledger.total_credits
    assert (entries[-1]["direction"], entries[-1]["type"]) == ("TOPUP", "PAYMENT")
    assert await pages_of(play, 100) == entries
    charges = await pages_of(play, 2, direction="CHARGE", type="MODEL_USAGE")
    assert charges == entries[:-1]


async def test_page_stays_where_it_was_when_new_charges_arrive(start: Start) -> None:
    play = await start(Script(ledger_delay_s=AT_ONCE))
    for number in range(4):
        await play.ask(f"Text {number}")
    first = (await play.http.get("/v2/billing/transactions", params={"limit": 2})).json()
    await play.ask("A new one.")
    cursor = first["pagination"]["next_cursor"]
    second = (await play.http.get("/v2/billing/transactions", params={"cursor": cursor})).json()
    seen = [entry["reference_id"] for entry in first["data"] + second["data"]]
    assert len(seen) == len(set(seen)) == 5


async def test_a_charge_lands_some_time_after_the_answer(start: Start) -> None:
    play = await start(Script(ledger_delay_s=60))
    await play.ask()
    assert len(await pages_of(play, 10)) == 1
    assert (await play.http.get("/v2/logs")).json()["data"] == []
    await play.control("POST", "clock", {"advance_s": 61})
    assert len(await pages_of(play, 10)) == 2
    assert len((await play.http.get("/v2/logs")).json()["data"]) == 1


@pytest.mark.parametrize(
    "parameters",
    [
        {"cursor": "made-up"},
        {"cursor": "eyJ2IjoxLCJwIjozfQ"},
        {"limit": 0},
        {"limit": 101},
        {"limit": "ten"},
        {"direction": "SIDEWAYS"},
        {"type": "GIFT"},
        {"from": "yesterday"},
        {"from": "2026-08-01T00:00:00"},
        {"from": "2026-08-02T00:00:00Z", "to": "2026-08-01T00:00:00Z"},
    ],
    ids=str,
)
async def test_wrong_parameters_of_transactions_are_400(
    play: Playground, parameters: dict[str, Any]
) -> None:
    answer = await play.http.get("/v2/billing/transactions", params=parameters)
    assert answer.status_code == 400
    assert answer.json()["message"]


async def test_logs_find_a_call_by_the_clients_own_id(start: Start) -> None:
    play = await start(Script(ledger_delay_s=AT_ONCE))
    answer = await play.ask_with({"X-Client-Request-Id": "run-1.row-7.try-1"})
    body = (await play.http.get("/v2/logs", params={"period": "24h"})).json()
    assert complaints(answer_validator_of("logs.json"), body) == []
    (row,) = body["data"]
    assert row["client_request_id"] == "run-1.row-7.try-1"
    assert row["inference_id"] == answer.headers["x-inference-id"]
    assert row["request_id"] == answer.headers["x-request-id"]
    assert row["cost"]["credits"] == int(answer.headers["x-aimlapi-credits-used"])
    usage = answer.json()["usage"]
    assert row["tokens"] == {
        "input": usage["prompt_tokens"],
        "output": usage["completion_tokens"],
        "total": usage["total_tokens"],
    }


async def test_logs_filter_and_page(start: Start) -> None:
    faults = (Fault(kind="500", contains="fails"),)
    play = await start(Script(ledger_delay_s=AT_ONCE, faults=faults))
    for number in range(3):
        await play.ask(f"Works {number}")
    await play.ask("It fails.")
    await play.ask("Works too.", model=LATEST)

    async def rows(**parameters: Any) -> list[dict[str, Any]]:
        answer = await play.http.get("/v2/logs", params=parameters)
        assert answer.status_code == 200, answer.text
        data: list[dict[str, Any]] = answer.json()["data"]
        return data

    assert len(await rows()) == 5
    (failed,) = await rows(status="failed")
    assert failed["cost"] == {"usd": 0, "credits": 0}
    assert len(await rows(status=["failed", "succeeded"])) == 5
    assert len(await rows(model=LATEST)) == 1
    assert len(await rows(model="claude-sonnet-4.6")) == 4
    assert await rows(model=f"{LATEST},{LATEST}") == []
    page = (await play.http.get("/v2/logs", params={"limit": 2, "offset": 4})).json()
    assert page["pagination"] == {"limit": 2, "offset": 4, "total": 5, "has_more": False}
    assert len(page["data"]) == 1
    assert await rows(start="2020-01-01T00:00:00Z", end="2020-02-01") == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"status": "succeeded,failed"},
        {"period": "24"},
        {"period": "0h"},
        {"period": "93d"},
        {"period": "24h", "start": "2026-07-01", "end": "2026-07-02"},
        {"start": "2026-07-01"},
        {"start": "2026-07-02", "end": "2026-07-01"},
        {"start": "2026-01-01", "end": "2026-07-01"},
        {"limit": "101"},
        {"offset": "-1"},
        {"model": [f"m{n}" for n in range(51)]},
        {"key_prefix": "other123"},
    ],
    ids=str,
)
async def test_wrong_parameters_of_logs_are_400(
    play: Playground, parameters: dict[str, Any]
) -> None:
    assert (await play.http.get("/v2/logs", params=parameters)).status_code == 400


async def test_logs_are_read_200_times_a_minute(play: Playground) -> None:
    statuses = [(await play.http.get("/v2/logs")).status_code for _ in range(201)]
    assert statuses == [200] * 200 + [429]
    await play.control("POST", "clock", {"advance_s": 61})
    assert (await play.http.get("/v2/logs")).status_code == 200
