from __future__ import annotations

import asyncio

import pytest

from airflow_provider_aimlapi.engine.runtime.waiters import Waiters
from tests.fakes.virtual_loop import NothingToWaitFor, run_virtual


class Crowd:
    """Tasks that wait, and the order in which they came back, each with the time."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.waiters = Waiters()
        self.back: list[tuple[str, float]] = []
        self.joined: list[asyncio.Task[None]] = []
        self._tasks = tasks

    async def join(self, name: str, timeout_s: float | None = None) -> None:
        """Let one more wait; return when it does."""

        async def wait() -> None:
            await self.waiters.wait_for_wake(timeout_s)
            self.back.append((name, asyncio.get_running_loop().time()))

        self.joined.append(self._tasks.create_task(wait()))
        await asyncio.sleep(0)


def test_first_waiters_are_woken_in_the_number_requested() -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            crowd = Crowd(tasks)
            for name in "abcd":
                await crowd.join(name)
            crowd.waiters.wake_first(2)
            await asyncio.sleep(1)
            assert crowd.back == [("a", 0), ("b", 0)]
            assert len(crowd.waiters) == 2
            crowd.waiters.wake_first()
            await asyncio.sleep(1)
            crowd.waiters.wake_all()
        assert crowd.back == [("a", 0), ("b", 0), ("c", 1), ("d", 2)]
        assert len(crowd.waiters) == 0

    run_virtual(main())


def test_wake_without_waiters_is_not_kept() -> None:
    async def main() -> None:
        waiters = Waiters()
        waiters.wake_first(5)
        waiters.wake_all()
        await waiters.wait_for_wake()

    with pytest.raises(NothingToWaitFor):
        run_virtual(main())


def test_wait_ends_with_its_time_and_frees_its_slot() -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            crowd = Crowd(tasks)
            await crowd.join("a", timeout_s=2.5)
            await crowd.join("b")
            await asyncio.sleep(10)
            assert crowd.back == [("a", 2.5)]
            assert len(crowd.waiters) == 1
            crowd.waiters.wake_first()
        assert crowd.back == [("a", 2.5), ("b", 10)]

    run_virtual(main())


def test_a_woken_wait_forgets_its_time() -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            crowd = Crowd(tasks)
            await crowd.join("a", timeout_s=5)
            crowd.waiters.wake_first()
            await asyncio.sleep(100)
        assert crowd.back == [("a", 0)]

    run_virtual(main())


def test_a_cancelled_wait_leaves_its_place_to_others() -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            crowd = Crowd(tasks)
            await crowd.join("a")
            await crowd.join("b")
            crowd.joined[0].cancel()
            await asyncio.sleep(1)
            assert len(crowd.waiters) == 1
            crowd.waiters.wake_first()
        assert crowd.back == [("b", 1)]

    run_virtual(main())


def test_wake_at_a_time_out_goes_to_the_next() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            crowd = Crowd(tasks)
            await crowd.join("a", timeout_s=1)
            await crowd.join("b")
            loop.call_at(1, crowd.waiters.wake_first)
        assert sorted(crowd.back) == [("a", 1), ("b", 1)]

    run_virtual(main())


def test_wake_before_a_simultaneous_time_out_returns_once() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            crowd = Crowd(tasks)
            loop.call_at(1, crowd.waiters.wake_first)
            await crowd.join("a", timeout_s=1)
        assert crowd.back == [("a", 1)]
        assert len(crowd.waiters) == 0

    run_virtual(main())
