from __future__ import annotations

import asyncio
from collections import deque
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.calls.completion import Completion
from airflow_provider_aimlapi.core.money.budget import Budget
from airflow_provider_aimlapi.core.money.pricing import TokenPrices
from airflow_provider_aimlapi.core.pacing.bound import Bound
from airflow_provider_aimlapi.core.pacing.window import START_LEVEL
from airflow_provider_aimlapi.engine.calls.limiter import AdmissionEnded, Limiter
from airflow_provider_aimlapi.errors import BudgetExhausted, Throttled
from tests.fakes.virtual_loop import VirtualClock, run_virtual

ANSWERED = Completion(text="", status="ok")
REFUSED = Throttled("too many", status=429)
DURATIONS_S = (0.0, 0.1, 0.5, 1.0, 1.0, 2.0)


def new_limiter(*, ceiling: int = 256, budget: Budget | None = None, seed: int = 1) -> Limiter:
    return Limiter(
        ceiling=ceiling,
        budget=budget or Budget(),
        clock=VirtualClock(),
        random=Random(seed),  # noqa: S311  # a seeded order of events
    )


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def admitted(limiter: Limiter, hold_s: float = 0.0) -> float:
    """Take a permit, hold it for a while; return when it came."""
    async with limiter.permit():
        came_s = now_s()
        await asyncio.sleep(hold_s)
    return came_s


class Crowd:
    """Workers that share a limiter until `calls` calls are made; some are answered 429."""

    def __init__(
        self,
        *,
        calls: int,
        ceiling: int,
        throttled_share: float = 0.0,
        durations_s: tuple[float, ...] = DURATIONS_S,
        seed: int = 1,
    ) -> None:
        self.limiter = new_limiter(ceiling=ceiling, seed=seed)
        self.calls = calls
        self.in_flight = 0
        self.done = 0
        self._throttled_share = throttled_share
        self._durations_s = durations_s
        self._random = Random(seed)  # noqa: S311  # a seeded order of events

    async def work(self) -> None:
        while self.calls > 0:
            self.calls -= 1
            async with self.limiter.permit() as sent:
                self.in_flight += 1
                window = self.limiter.window
                assert self.in_flight == self.limiter.in_flight <= window.permitted_calls
                assert sent.at_s == now_s()
                assert sent.number == self.limiter.requests
                await asyncio.sleep(self._random.choice(self._durations_s))
                self.in_flight -= 1
                is_refused = self._random.random() < self._throttled_share
                self.limiter.settle(sent, REFUSED if is_refused else ANSWERED)
            self.done += 1

    async def run(self, workers: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(workers):
                tasks.create_task(self.work())


@given(
    calls=st.integers(0, 150),
    workers=st.integers(1, 60),
    ceiling=st.integers(1, 60),
    throttled_share=st.sampled_from([0.0, 0.05, 0.3, 1.0]),
    seed=st.integers(0, 2**32),
)
def test_window_is_never_exceeded_and_all_get_a_turn(
    calls: int, workers: int, ceiling: int, throttled_share: float, seed: int
) -> None:
    async def main() -> None:
        crowd = Crowd(calls=calls, ceiling=ceiling, throttled_share=throttled_share, seed=seed)
        await crowd.run(workers)
        limiter = crowd.limiter
        assert crowd.done == limiter.requests == limiter.accepted + limiter.throttled == calls
        assert limiter.in_flight == 0

    run_virtual(main(), limit_s=10_000)


def test_all_room_is_used_without_waiting_for_answers() -> None:
    """Answers take a minute, yet the ceiling is reached in half a second."""

    async def main() -> None:
        crowd = Crowd(calls=600, ceiling=256, durations_s=(60.0,))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(crowd.run(workers=256))
            await asyncio.sleep(0.001)
            assert crowd.in_flight == START_LEVEL
            await asyncio.sleep(0.2)
            assert 3 * START_LEVEL <= crowd.in_flight == crowd.limiter.window.permitted_calls < 256
            await asyncio.sleep(0.3)
            assert crowd.in_flight == 256

    run_virtual(main())


def test_wider_window_makes_room_for_waiting_calls() -> None:
    """Nothing happens but that time passes: a timer lets them go."""

    async def main() -> None:
        limiter = new_limiter()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(100):
                tasks.create_task(admitted(limiter, hold_s=5))
            await asyncio.sleep(1)
            assert limiter.in_flight == 100

    run_virtual(main())


def test_429_spreads_calls_beyond_the_first_step_over_time() -> None:
    async def main() -> None:
        limiter = await after_refusals(accepted=20, refused=4)
        assert limiter.window.permitted_calls == 20
        async with asyncio.TaskGroup() as tasks:
            came = [tasks.create_task(admitted(limiter, hold_s=100)) for _ in range(30)]
            await asyncio.sleep(3)
            assert limiter.in_flight == 30  # the height was held for half a second, then exceeded
        assert sorted(task.result() for task in came)[19] < 1

    run_virtual(main())


async def after_refusals(*, accepted: int, refused: int) -> Limiter:
    """A limiter whose calls were all let in but the last few, which came at once."""
    limiter = new_limiter()

    async def call(number: int) -> None:
        async with limiter.permit() as sent:
            await asyncio.sleep(0.3)
            if number >= accepted:
                limiter.settle(sent, REFUSED)
                return
            await asyncio.sleep(0.2)
            limiter.settle(sent, ANSWERED)

    async with asyncio.TaskGroup() as tasks:
        for number in range(accepted + refused):
            tasks.create_task(call(number))
    return limiter


def test_429s_of_one_instant_leave_what_the_api_holds() -> None:
    async def main() -> None:
        limiter = await after_refusals(accepted=40, refused=12)
        assert (limiter.requests, limiter.throttled, limiter.accepted) == (52, 12, 40)
        assert limiter.window.permitted_calls == 40

    run_virtual(main())


async def closed_by_429s(limiter: Limiter) -> None:
    """Have call after call refused, until single ones are sent to look."""
    while limiter.window.gate.is_open:
        async with limiter.permit() as sent:
            await asyncio.sleep(0.1)
            limiter.settle(sent, REFUSED)


def test_what_bound_a_run_is_counted() -> None:
    async def main() -> None:
        limiter = new_limiter(ceiling=4)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(40):
                tasks.create_task(admitted(limiter, hold_s=1))
        assert limiter.bound_times.longest_bound() is Bound.CEILING
        slow = new_limiter(ceiling=64)
        for _ in range(20):
            await admitted(slow, hold_s=1)
        assert slow.bound_times.longest_bound() is Bound.SOURCE

    run_virtual(main())


def test_api_that_never_refused_does_not_bind_the_run() -> None:
    async def main() -> None:
        limiter = new_limiter(ceiling=256)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(200):
                tasks.create_task(admitted(limiter, hold_s=60))
        assert limiter.bound_times.longest_bound() is Bound.CEILING

    run_virtual(main())


def test_a_call_that_fails_gives_its_permit_back() -> None:
    async def main() -> None:
        limiter = new_limiter(ceiling=1)
        for _ in range(3):
            with pytest.raises(ConnectionError):
                async with limiter.permit():
                    raise ConnectionError
        assert limiter.in_flight == 0
        assert await admitted(limiter) == 0

    run_virtual(main())


def test_a_cancelled_wait_holds_no_permit() -> None:
    async def main() -> None:
        limiter = new_limiter(ceiling=1)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(admitted(limiter, hold_s=5))
            await asyncio.sleep(1)
            impatient = tasks.create_task(admitted(limiter))
            patient = tasks.create_task(admitted(limiter))
            await asyncio.sleep(1)
            impatient.cancel()
        assert patient.result() == 5
        assert limiter.in_flight == 0

    run_virtual(main())


async def ends(limiter: Limiter) -> float:
    """Ask for a permit that will never come; return when that was said."""
    with pytest.raises(AdmissionEnded):
        await admitted(limiter)
    return now_s()


def test_close_reaches_all_and_calls_in_flight_continue() -> None:
    async def main() -> None:
        limiter = new_limiter(ceiling=2)
        async with asyncio.TaskGroup() as tasks:
            flying = [tasks.create_task(admitted(limiter, hold_s=10)) for _ in range(2)]
            await asyncio.sleep(0)
            waiting = [tasks.create_task(ends(limiter)) for _ in range(20)]
            await asyncio.sleep(3)
            limiter.end_admission()
            await asyncio.sleep(0.1)
            assert [task.result() for task in waiting] == [3.0] * 20
            assert limiter.in_flight == 2
        assert [task.result() for task in flying] == [0, 0]
        assert await ends(limiter) == 10
        assert limiter.requests == 2

    run_virtual(main())


def test_close_with_a_shut_gate_is_reported_at_once() -> None:
    async def main() -> None:
        limiter = new_limiter()
        await closed_by_429s(limiter)
        async with asyncio.TaskGroup() as tasks:
            waiting = [tasks.create_task(ends(limiter)) for _ in range(20)]
            await asyncio.sleep(0.1)
            closed_s = now_s()
            limiter.end_admission()
        assert {task.result() for task in waiting} == {closed_s}

    run_virtual(main())


COST = 10


class Shoppers:
    """Workers with endless work and a budget; each call costs the same and takes a while."""

    def __init__(self, *, limit: int, ceiling: int, seed: int) -> None:
        self.budget = Budget(budget_nano_usd=limit)
        self.limiter = new_limiter(ceiling=ceiling, budget=self.budget, seed=seed)
        self.refusals: list[str] = []
        self._random = Random(seed)  # noqa: S311  # a seeded order of events

    async def work(self) -> None:
        while True:
            try:
                async with self.limiter.permit() as sent:
                    await asyncio.sleep(self._random.choice(DURATIONS_S))
                    self.budget.add_charge(COST)
                    self.limiter.settle(sent, ANSWERED)
            except BudgetExhausted as error:
                assert self.limiter.in_flight == 0
                self.refusals.append(str(error))
                self.limiter.end_admission()
                return
            except AdmissionEnded:
                return

    async def run(self, workers: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(workers):
                tasks.create_task(self.work())


@given(
    limit=st.integers(1, 1000),
    workers=st.integers(1, 40),
    ceiling=st.integers(1, 40),
    seed=st.integers(0, 2**32),
)
def test_spent_budget_is_reported_once_nothing_is_in_flight(
    limit: int, workers: int, ceiling: int, seed: int
) -> None:
    async def main() -> Shoppers:
        shoppers = Shoppers(limit=limit, ceiling=ceiling, seed=seed)
        await shoppers.run(workers)
        return shoppers

    shoppers = run_virtual(main(), limit_s=10_000)
    spent = shoppers.budget.charged_nano_usd
    assert shoppers.refusals
    assert "max_cost_usd" in shoppers.refusals[0]
    # What was in flight before the first charge was known may pass the limit; later calls may not.
    first_flight = min(workers, ceiling) * COST
    assert limit - COST < spent <= max(limit, first_flight)


def test_calls_wait_for_the_cost_of_one_in_flight() -> None:
    async def main() -> None:
        budget = Budget(budget_nano_usd=100)
        budget.add_charge(40)
        limiter = new_limiter(budget=budget)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(admitted(limiter, hold_s=5))  # may cost 40, so a second may not go
            await asyncio.sleep(0)
            assert await admitted(limiter) == 5  # it cost nothing after all

    run_virtual(main())


def test_money_is_set_aside_for_size_of_each_request() -> None:
    """By the price list a call may cost 512 and a nano-dollar for each byte of its request."""
    prices = TokenPrices(input_nano_usd=10**6, output_nano_usd=0)

    async def main() -> None:
        price = prices.call_price("a-model", 1)
        limiter = new_limiter(budget=Budget(budget_nano_usd=2 * 512 + 300, price=price))
        async with limiter.permit(200), limiter.permit(100):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await limiter.wait_for_room(0)
        async with limiter.permit(512 + 300):
            assert limiter.in_flight == 1
        with pytest.raises(BudgetExhausted, match="813 bytes"):
            await limiter.wait_for_room(512 + 301)

    run_virtual(main())


def test_the_idle_time_counts_from_the_last_completion() -> None:
    async def main() -> None:
        limiter = new_limiter()
        await asyncio.sleep(7)
        assert limiter.idle_s() == 7
        async with limiter.permit() as sent:
            limiter.settle(sent, ANSWERED)
        await asyncio.sleep(3)
        async with limiter.permit() as sent:
            limiter.settle(sent, REFUSED)
        assert limiter.idle_s() == 3

    run_virtual(main())


def test_crowd_is_admitted_in_order_in_which_it_came() -> None:
    async def main() -> None:
        limiter = new_limiter(ceiling=1)
        order: deque[int] = deque()

        async def call(number: int) -> None:
            async with limiter.permit():
                order.append(number)
                await asyncio.sleep(1)

        async with asyncio.TaskGroup() as tasks:
            for number in range(10):
                tasks.create_task(call(number))
        assert list(order) == list(range(10))

    run_virtual(main())
