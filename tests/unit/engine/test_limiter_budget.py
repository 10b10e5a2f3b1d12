from __future__ import annotations

import asyncio
from random import Random

import pytest

from airflow_provider_aimlapi.core.budget import Budget
from airflow_provider_aimlapi.engine.limiter import Limiter
from tests.fakes.virtual_loop import VirtualClock, run_virtual


def test_a_budget_that_may_grow_is_asked_to_and_waited_for() -> None:
    budget = Budget(limit_nano_usd=5, may_grow=True)
    budget.charge(10)
    wanted: list[int] = []

    async def scenario() -> float:
        limiter = Limiter(
            ceiling=4,
            budget=budget,
            want_more=wanted.append,
            clock=VirtualClock(),
            random=Random(1),  # noqa: S311  # a seeded order of events
        )

        def grow() -> None:
            budget.limit_nano_usd = 100
            limiter.wake()

        asyncio.get_running_loop().call_later(3.0, grow)
        async with limiter.permit(77):
            return asyncio.get_running_loop().time()

    assert run_virtual(scenario()) == pytest.approx(3.0)
    assert set(wanted) == {77}
