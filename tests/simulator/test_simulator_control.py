"""The endpoints for tests, and the simulator inside a thread."""

from __future__ import annotations

import asyncio
from hashlib import sha256

import httpx
import pytest

from aimlapi_simulator import Fault, Latency, Limits, Script, Simulator, simulator_thread
from tests.simulator.conftest import PROMPT, Playground, Start, body_of


async def test_the_ledger_lists_calls_and_sums(start: Start) -> None:
    play = await start(Script(faults=(Fault(kind="500", contains="fails"),)))
    await play.ask_with({"X-Client-Request-Id": "row-1"})
    await play.ask("It fails.")
    await play.ask(model="unknown")
    ledger = await play.control("GET", "ledger")
    (billed,) = ledger["billed"]
    assert billed["client_request_id"] == "row-1"
    assert billed["prompt_sha256"] == sha256(PROMPT.encode()).hexdigest()
    assert billed["credits"] == ledger["total_credits"]
    assert billed["usd"] == ledger["total_usd"]
    assert billed["at_s"] > 1_700_000_000
    assert [request["status"] for request in ledger["requests"]] == [200, 500, 404]
    later = await play.control("GET", "ledger?offset=2")
    assert [request["status"] for request in later["requests"]] == [404]
    assert later["total_requests"] == 3


async def test_the_stats_show_what_was_paid_twice(play: Playground) -> None:
    for text in ("a", "b", "a", "a"):
        await play.ask(text)
    stats = await play.control("GET", "stats")
    assert stats["statuses"] == {"200": 4}
    assert stats["billed_calls"] == 4
    assert stats["prompts_billed_twice"] == 1
    assert stats["calls_billed_again"] == 2
    assert stats == play.sim.stats()


async def test_a_script_is_amended_or_replaced(play: Playground) -> None:
    await play.control("POST", "script", {"limits": {"max_concurrent": 5}})
    await play.control("POST", "script", {"limits": {"rps": 9}, "faults": [{"kind": "429"}]})
    shown = await play.control("GET", "script")
    assert (shown["limits"]["max_concurrent"], shown["limits"]["rps"]) == (5, 9)
    assert (await play.ask()).status_code == 429
    await play.control("PUT", "script", {"seed": 4})
    assert play.sim.state.script == Script(seed=4)
    assert (await play.ask()).status_code == 200


@pytest.mark.parametrize(
    ("method", "body", "words"),
    [
        ("POST", {"limits": {"max_concurent": 5}}, "max_concurent"),
        ("POST", {"limits": {"rps": 0}}, "limits.rps"),
        ("PUT", {"faults": [{"kind": "earthquake"}]}, "earthquake"),
        ("PUT", {"faults": [{"kind": "500", "share": 2}]}, "share"),
        ("POST", {"latency": {"median_s": "slow"}}, "latency"),
        ("POST", {"account": {"key_limit_retention": "year"}}, "year"),
        ("POST", [], "object"),
    ],
)
async def test_a_wrong_script_is_refused_and_changes_nothing(
    play: Playground, method: str, body: object, words: str
) -> None:
    answer = await play.http.request(method, "/_simulator/script", json=body)
    assert answer.status_code == 400
    assert words in answer.json()["message"]
    assert play.sim.state.script == Script()


async def test_wrong_calls_of_control_endpoints(play: Playground) -> None:
    unknown = await play.http.get("/_simulator/nothing")
    assert unknown.status_code == 404
    assert "GET /_simulator/ledger" in unknown.json()["endpoints"]
    for body in ({"advance_s": -1}, {}, {"advance_s": "x"}):
        assert (await play.http.post("/_simulator/clock", json=body)).status_code == 400
    assert (await play.http.get("/_simulator/ledger?offset=x")).status_code == 400


async def test_reset_forgets_everything_and_follows_the_first_script(start: Start) -> None:
    play = await start(Script(limits=Limits(per_minute=2)))
    await play.ask()
    await play.control("POST", "script", {"limits": {"per_minute": 9}})
    stats = await play.control("POST", "reset")
    assert (stats["requests"], stats["total_credits"], stats["balance_usd"]) == (0, 0, 10_000)
    assert [(await play.ask()).status_code for _ in range(3)] == [200, 200, 429]


async def test_reset_ends_calls_in_flight_without_recording_them(start: Start) -> None:
    limits = Limits(max_concurrent=1, is_queueing=True)
    play = await start(Script(latency=Latency(median_s=0.05), limits=limits))
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(play.ask(f"Text {n}")) for n in range(3)]
        while not (await play.control("GET", "stats"))["in_flight"]:
            pass
        await play.control("POST", "reset")
    assert 503 in {call.result().status_code for call in calls}
    assert play.sim.stats()["in_flight"] == 0
    assert (await play.ask()).status_code == 200


def test_a_thread_serves_code_without_a_loop() -> None:
    script = Script(faults=(Fault(kind="429", times=1),))
    with simulator_thread(script) as sim, httpx.Client(base_url=sim.url, trust_env=False) as http:
        key = {"Authorization": "Bearer k"}
        statuses = [
            http.post("/v1/chat/completions", json=body_of(), headers=key).status_code
            for _ in range(2)
        ]
        assert statuses == [429, 200]
        assert sim.ledger.billed_calls == 1
        url = sim.url
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def test_taken_port_is_an_error_in_the_callers_thread() -> None:
    with simulator_thread() as sim:
        port = int(sim.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"), simulator_thread(port=port):
            pass


async def test_closing_cuts_connections_that_are_open() -> None:
    async with Simulator(Script(latency=Latency(median_s=60))) as sim:
        host, _, port = sim.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /v2/billing HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")  # the server knows of the connection now
    assert len(await reader.read()) > 0  # the body, and then the end: this returns
    writer.close()
    await writer.wait_closed()
