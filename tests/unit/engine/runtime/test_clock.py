"""Blocking work that is spread over threads: in order, a few at a time, and no further after an error."""

from __future__ import annotations

import asyncio
import threading
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.engine.runtime.clock import PIECES_A_THREAD, SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

THREADS = 4
ITEMS = 10 * PIECES_A_THREAD * THREADS


class Taken:
    """Items that tell how many of them were taken and are not done."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting = 0
        self.most_waiting = 0

    def items(self) -> Iterator[int]:
        for number in range(ITEMS):
            with self.lock:
                self.waiting += 1
                self.most_waiting = max(self.most_waiting, self.waiting)
            yield number

    def done(self, number: int) -> int:
        with self.lock:
            self.waiting -= 1
        return -number


def test_results_come_in_order() -> None:
    taken = Taken()
    results = SystemClock().map_in_threads(taken.done, taken.items(), THREADS)
    assert results == [-number for number in range(ITEMS)]


def test_only_so_many_items_wait_at_a_time() -> None:
    taken = Taken()
    SystemClock().map_in_threads(taken.done, taken.items(), THREADS)
    assert taken.waiting == 0
    assert taken.most_waiting <= PIECES_A_THREAD * THREADS


def test_after_an_error_no_further_piece_is_begun() -> None:
    begun: list[int] = []

    def fail(number: int) -> None:
        begun.append(number)
        if number == 3:
            raise OSError("a full disk")

    with pytest.raises(OSError, match="a full disk"):
        SystemClock().map_in_threads(fail, range(ITEMS), THREADS)
    assert max(begun) < PIECES_A_THREAD * THREADS


def test_seconds_since_boot_include_suspended_time() -> None:
    counts_them = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    before_s = time.clock_gettime(counts_them)
    assert before_s <= SystemClock().boot_s() <= time.clock_gettime(counts_them)


def test_hung_work_leaves_threads_for_what_is_reserved() -> None:
    """A pile of reads that hang must not keep a segment or a heartbeat from being written."""
    clock, may_end = SystemClock(), threading.Event()

    async def scenario() -> int:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(200):
                tasks.create_task(clock.in_thread(may_end.wait))
            await asyncio.sleep(0)
            try:
                async with asyncio.timeout(30.0):
                    return await clock.reserved.in_thread(lambda: 7)
            finally:
                may_end.set()

    assert asyncio.run(scenario()) == 7


def test_work_in_a_thread_sees_context_variables() -> None:
    variable = ContextVar[int]("variable")
    variable.set(3)
    assert asyncio.run(SystemClock().in_thread(variable.get)) == 3


def test_work_aside_brings_its_result_or_its_error() -> None:
    clock = SystemClock()

    def fail() -> None:
        raise OSError("a full disk")

    async def main() -> int:
        with pytest.raises(OSError, match="a full disk"):
            await clock.aside(fail)
        return await clock.aside(lambda: 7)

    assert asyncio.run(main()) == 7


@pytest.mark.timeout(30)
def test_work_aside_that_blocks_does_not_hold_up_end() -> None:
    release, returned = threading.Event(), threading.Event()

    def block() -> None:
        release.wait()
        returned.set()

    async def main() -> None:
        future = SystemClock().aside(block)
        assert not future.done()

    asyncio.run(main())
    assert not returned.is_set()
    release.set()
    assert returned.wait(10)  # and finds the loop closed, without harm


def test_work_aside_sees_its_callers_context() -> None:
    variable: ContextVar[str] = ContextVar("variable")

    async def main() -> str:
        variable.set("seen")
        return await SystemClock().aside(variable.get)

    assert asyncio.run(main()) == "seen"
