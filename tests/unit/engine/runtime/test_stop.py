from __future__ import annotations

import asyncio
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from airflow_provider_aimlapi.errors import RunInterrupted
from tests.fakes.virtual_loop import run_virtual

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

pytestmark = pytest.mark.timeout(30)  # a stop that is not seen would wait for ever


@pytest.fixture
def stop() -> Iterator[StopSignal]:
    """A stop signal that SIGUSR1 requests, as Airflow's SIGTERM does."""
    stop = StopSignal()

    def request(number: int, frame: FrameType | None) -> None:
        stop.request_stop()

    before = signal.signal(signal.SIGUSR1, request)
    yield stop
    signal.signal(signal.SIGUSR1, before)


async def test_nobody_asked_yet() -> None:
    stop = StopSignal()
    assert not stop.is_requested
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await stop.wait_for_stop()


async def test_who_comes_late_does_not_wait() -> None:
    stop = StopSignal()
    stop.request_stop()
    stop.request_stop()
    assert stop.is_requested
    await stop.wait_for_stop()
    await stop.wait_for_stop()


async def test_another_thread_ends_every_wait() -> None:
    stop = StopSignal()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(stop.wait_for_stop())
        await asyncio.sleep(0)
        await asyncio.to_thread(stop.request_stop)
    assert stop.is_requested


async def test_signal_handler_ends_wait_of_loop_that_it_interrupts(
    stop: StopSignal,
) -> None:
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(stop.wait_for_stop())
        await asyncio.sleep(0)
        assert not waiting.done()
        main = threading.get_ident()
        await asyncio.to_thread(signal.pthread_kill, main, signal.SIGUSR1)


def test_signal_handler_ends_wait_of_loop_in_another_thread(stop: StopSignal) -> None:
    """The shape of a task: the main thread waits for the thread in which the engine runs."""
    is_waiting = threading.Event()

    async def engine() -> None:
        asyncio.get_running_loop().call_soon(is_waiting.set)
        await stop.wait_for_stop()

    thread = threading.Thread(target=lambda: asyncio.run(engine()))
    thread.start()
    is_waiting.wait()
    signal.raise_signal(signal.SIGUSR1)
    thread.join()
    assert stop.is_requested


def test_signal_handler_may_interrupt_request_of_its_own_thread(stop: StopSignal) -> None:
    with stop._lock:
        signal.raise_signal(signal.SIGUSR1)
    assert stop.is_requested


def test_a_loop_that_is_gone_does_no_harm() -> None:
    stop = StopSignal()

    async def give_up() -> None:
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(stop.wait_for_stop())
            await asyncio.sleep(0)
            waiting.cancel()

    asyncio.run(give_up())
    stop.request_stop()
    assert stop.is_requested


def test_a_check_passes_until_a_stop_is_requested() -> None:
    stop = StopSignal()
    stop.raise_if_requested()
    stop.request_stop()
    with pytest.raises(RunInterrupted):
        stop.raise_if_requested()


def test_a_pause_ends_when_a_stop_is_requested() -> None:
    stop = StopSignal()

    async def main() -> float:
        loop = asyncio.get_running_loop()
        await stop.pause_until_stop(5.0)
        loop.call_later(2.0, stop.request_stop)
        with pytest.raises(RunInterrupted):
            await stop.pause_until_stop(5.0)
        return loop.time()

    assert run_virtual(main()) == 7.0
