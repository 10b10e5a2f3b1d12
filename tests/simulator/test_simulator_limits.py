"""Limits: alone with a stopped clock, then over HTTP."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest

from aimlapi_simulator import Fault, Latency, Limits, Script
from aimlapi_simulator.limits import Gate, Gates

if TYPE_CHECKING:
    from tests.simulator.conftest import Playground, Start

MINUTE_S = 60.0


def admitted(gate: Gate, limits: Limits, times_s: list[float], tokens: int = 10) -> list[bool]:
    return [gate.admit_call(limits, now_s, tokens) is None for now_s in times_s]


def test_a_bucket_starts_full_and_refills_at_its_rate() -> None:
    gate, limits = Gate(), Limits(rps=2, burst=3)
    assert admitted(gate, limits, [0.0] * 4) == [True, True, True, False]
    assert admitted(gate, limits, [0.4, 0.5, 0.6]) == [False, True, False]
    assert admitted(gate, limits, [100.0] * 4) == [True, True, True, False]


def test_without_a_burst_the_bucket_holds_one_second() -> None:
    assert admitted(Gate(), Limits(rps=2), [0.0] * 3) == [True, True, False]
    assert admitted(Gate(), Limits(rps=0.5), [0.0, 1.0, 2.0]) == [True, False, True]


def test_over_a_long_time_the_bucket_passes_its_rate() -> None:
    gate, limits = Gate(), Limits(rps=10, burst=1)
    passed = sum(admitted(gate, limits, [step / 100 for step in range(10_000)]))
    assert passed == pytest.approx(1000, abs=2)


def test_a_fixed_window_starts_anew_with_each_full_minute() -> None:
    gate, limits = Gate(), Limits(per_minute=2)
    assert admitted(gate, limits, [59.0, 59.5, 59.9]) == [True, True, False]
    assert admitted(gate, limits, [60.0, 60.1, 119.9]) == [True, True, False]


def test_token_limit_counts_prompts_first_and_answers_later() -> None:
    gate, limits = Gate(), Limits(tokens_per_minute=100)
    assert admitted(gate, limits, [0.0], tokens=60) == [True]
    assert admitted(gate, limits, [1.0], tokens=41) == [False]
    gate.count_tokens(2.0, 35)
    assert admitted(gate, limits, [3.0], tokens=6) == [False]
    assert admitted(gate, limits, [4.0], tokens=5) == [True]
    assert admitted(gate, limits, [MINUTE_S], tokens=500) == [True]  # alone, it may be too large


def test_a_refused_call_uses_up_nothing() -> None:
    gate, limits = Gate(), Limits(rps=1, burst=5, per_minute=1)
    assert admitted(gate, limits, [0.0, 0.0, 0.0]) == [True, False, False]
    assert admitted(gate, Limits(rps=1, burst=5), [0.0] * 5) == [True, True, True, True, False]


async def statuses_of(play: Playground, count: int) -> list[int]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(play.ask(f"Text {number}")) for number in range(count)]
    return sorted(task.result().status_code for task in tasks)


def test_calls_meet_full_upstreams_before_all_are_full() -> None:
    gates, random, accepted = Gates(), Random(1), []  # noqa: S311
    limits = Limits(max_concurrent=2, upstreams=3)
    for _ in range(60):
        gate = gates.choose_upstream(limits, random)
        accepted.append(not gate.is_full(limits))
        if accepted[-1]:
            gates.take_slot(gate)
    assert (gates.in_flight, gates.peak, sum(accepted)) == (6, 6, 6)
    assert not all(accepted[:6])


async def test_each_upstream_has_a_bucket_of_its_own(start: Start) -> None:
    play = await start(Script(limits=Limits(rps=0.001, burst=1, upstreams=2)))
    statuses = [(await play.ask()).status_code for _ in range(20)]
    assert sorted(statuses) == [200] * 2 + [429] * 18


async def test_more_than_the_cap_in_flight_is_429(start: Start) -> None:
    play = await start(Script(latency=Latency(median_s=0.1), limits=Limits(max_concurrent=3)))
    assert await statuses_of(play, 8) == [200] * 3 + [429] * 5
    assert play.sim.stats()["in_flight_peak"] == 3
    assert play.sim.stats()["in_flight"] == 0
    faults = [record.fault for record in play.sim.ledger.requests if record.status == 429]
    assert faults == ["limit:concurrency"] * 5
    assert await statuses_of(play, 3) == [200] * 3


async def test_a_429_names_nothing_but_itself(start: Start) -> None:
    play = await start(Script(limits=Limits(per_minute=1)))
    await play.ask()
    answer = await play.ask()
    assert answer.status_code == 429
    assert answer.json()["message"] == "Too Many Requests"
    assert "retry-after" not in answer.headers
    assert play.sim.ledger.billed_calls == 1


async def test_a_script_may_send_retry_after(start: Start) -> None:
    play = await start(Script(limits=Limits(per_minute=1, retry_after_s=2.5)))
    await play.ask()
    assert (await play.ask()).headers["retry-after"] == "2.5"


async def test_a_silent_queue_serves_everybody_in_turn(start: Start) -> None:
    limits = Limits(max_concurrent=2, is_queueing=True)
    play = await start(Script(latency=Latency(median_s=0.01), limits=limits))
    assert await statuses_of(play, 9) == [200] * 9
    assert play.sim.stats()["in_flight_peak"] == 2


async def test_limits_move_while_it_runs(start: Start) -> None:
    play = await start(Script(limits=Limits(per_minute=1)))
    assert [(await play.ask()).status_code for _ in range(2)] == [200, 429]
    play.sim.follow(Script(limits=Limits(per_minute=2)))
    assert [(await play.ask()).status_code for _ in range(2)] == [200, 429]
    play.sim.follow(Script())
    assert (await play.ask()).status_code == 200


async def test_a_minute_passes_when_the_clock_is_moved(start: Start) -> None:
    play = await start(Script(limits=Limits(per_minute=1)))
    assert [(await play.ask()).status_code for _ in range(2)] == [200, 429]
    await play.control("POST", "clock", {"advance_s": MINUTE_S})
    assert (await play.ask()).status_code == 200


async def test_a_client_that_leaves_keeps_its_slot_and_pays(start: Start) -> None:
    play = await start(Script(latency=Latency(median_s=0.1), limits=Limits(max_concurrent=1)))
    leaving = asyncio.get_running_loop().create_task(play.ask("Leaving."))
    while not (await play.control("GET", "stats"))["in_flight"]:
        pass
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert (await play.ask("Too early.")).status_code == 429
    while (await play.control("GET", "stats"))["in_flight"]:
        pass
    assert (await play.ask("In time.")).status_code == 200
    assert play.sim.ledger.billed_calls == 2


async def test_latencies_are_lognormal_about_their_median() -> None:
    from aimlapi_simulator.state import State

    state = State(Script(seed=5, latency=Latency(median_s=6.0, sigma=0.6)))
    drawn = sorted(state.latency_s() for _ in range(4001))
    assert drawn[2000] == pytest.approx(6.0, rel=0.05)
    assert drawn[3365] == pytest.approx(6.0 * 1.822, rel=0.08)  # one sigma above: e**0.6
    again = State(Script(seed=5, latency=Latency(median_s=6.0, sigma=0.6)))
    assert sorted(again.latency_s() for _ in range(4001)) == drawn


async def test_refusal_at_door_takes_no_time_and_no_slot(start: Start) -> None:
    slow = Latency(median_s=30.0)
    play = await start(Script(latency=slow, faults=(Fault(kind="429"),)))
    assert (await play.ask()).status_code == 429
    assert play.sim.stats()["in_flight_peak"] == 0
