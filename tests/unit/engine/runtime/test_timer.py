from __future__ import annotations

import asyncio

from airflow_provider_aimlapi.engine.runtime.timer import Timer
from tests.fakes.virtual_loop import VirtualClock, run_virtual


def rings(delays_s: list[float], *, cancel_after_s: float | None = None) -> list[float]:
    """When a timer rings that is set for these delays at once."""

    async def main() -> list[float]:
        rung_s: list[float] = []
        timer = Timer(VirtualClock(), lambda: rung_s.append(asyncio.get_running_loop().time()))
        for delay_s in delays_s:
            timer.set_in(delay_s)
        if cancel_after_s is not None:
            await asyncio.sleep(cancel_after_s)
            timer.cancel_timer()
        await asyncio.sleep(100)
        return rung_s

    return run_virtual(main())


def test_timer_rings_once_at_the_earliest_time():
    assert rings([5.0, 2.0, 3.0]) == [2.0]
    assert rings([2.0, 5.0]) == [2.0]


def test_timer_that_is_due_already_rings_soon():
    assert rings([-1.0]) == [0.001]


def test_cancelled_timer_does_not_ring():
    assert rings([2.0], cancel_after_s=1.0) == []


def test_timer_can_be_set_again_after_it_rang():
    async def main() -> list[float]:
        rung_s: list[float] = []
        timer = Timer(VirtualClock(), lambda: rung_s.append(asyncio.get_running_loop().time()))
        for _ in range(2):
            timer.set_in(1.0)
            await asyncio.sleep(3)
        return rung_s

    assert run_virtual(main()) == [1.0, 4.0]
