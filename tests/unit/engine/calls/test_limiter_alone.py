"""While a refusal is undecided, one call at a time goes, and the first when none is in flight."""

from __future__ import annotations

import asyncio

from airflow_provider_aimlapi.core.pacing.bound import Bound
from airflow_provider_aimlapi.errors import AccessRefused
from tests.fakes.virtual_loop import run_virtual
from tests.unit.engine.calls.test_limiter import admitted, new_limiter, now_s


def test_calls_in_flight_end_before_single_calls_follow() -> None:
    async def main() -> None:
        limiter = new_limiter()
        async with asyncio.TaskGroup() as tasks:
            early = [tasks.create_task(admitted(limiter, hold_s)) for hold_s in (1.0, 5.0)]
            await asyncio.sleep(0.5)
            limiter.go_alone(is_alone=True)
            late = [tasks.create_task(admitted(limiter, 2.0)) for _ in range(3)]
        assert [task.result() for task in early] == [0.0, 0.0]
        assert [task.result() for task in late] == [5.0, 7.0, 9.0]
        assert limiter.bound_times.seconds[Bound.GATE] > 4.0

    run_virtual(main(), limit_s=100)


def test_once_it_is_decided_all_go_at_once() -> None:
    async def main() -> None:
        limiter = new_limiter()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(admitted(limiter, 5.0))
            await asyncio.sleep(0.5)
            limiter.go_alone(is_alone=True)
            late = [tasks.create_task(admitted(limiter, 1.0)) for _ in range(3)]
            await asyncio.sleep(1.5)
            limiter.go_alone(is_alone=False)
        assert [task.result() for task in late] == [2.0, 2.0, 2.0]

    run_virtual(main(), limit_s=100)


def test_a_refusal_is_an_answer_to_a_closed_gate() -> None:
    async def main() -> float:
        limiter = new_limiter()
        gate = limiter.window.gate.closed_at(now_s(), patience_s=0.0, needs_answer=True)
        limiter._set_gate(gate)
        async with limiter.permit() as sent:
            limiter.settle(sent, AccessRefused("HTTP 403", status=403))
        return await admitted(limiter)

    assert run_virtual(main(), limit_s=100) < 1.0
