"""The simulated world: dead processes do nothing, frozen ones wait, and the network continues."""

from __future__ import annotations

import asyncio
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aimlapi.core.durable.object_sizes import MIB
from lab.simulation.dataset_shapes import Shape, input_of
from lab.simulation.history import History
from lab.simulation.process import Process, SimulatedClock
from lab.simulation.scheduler import EndlessRun, Scheduler
from lab.simulation.simulated_store import SimulatedStore
from lab.simulation.watch import Watcher
from lab.simulation.weather import Sky, Weather
from tests.fakes.memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class World:
    """One process, and a store in good weather. What the process does is given to `start`."""

    def __init__(self) -> None:
        self.scheduler = Scheduler(limit_s=1000.0, steps_max=10_000)
        self.process = Process(1, self.scheduler, History())
        self.clock = SimulatedClock(self.process)
        self.objects = MemoryStore()
        watcher = Watcher(
            input_of(Shape(rows=(1,))),
            self.objects,
            unflushed_max=1,
            in_flight_max=1,
            rejected_max=0,
        )
        self.store = SimulatedStore(
            self.process,
            self.objects,
            sky=Sky(Weather(store_dawdling=0.0)),
            random=Random(1),
            watcher=watcher,
        )

    def start(self, main: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self.process.start(main)

    @property
    def written(self) -> list[str]:
        return sorted(self.objects.objects)


def test_no_finally_of_a_killed_process_reaches_the_store() -> None:
    world = World()
    passed: list[str] = []

    def blocking() -> None:
        try:
            while True:
                world.store.read("_aimlapi/x", bytes_max=MIB)
        finally:
            passed.append("thread")
            world.store.create("_aimlapi/from-the-thread", b"")

    async def main() -> None:
        try:
            await world.clock.in_thread(blocking)
        finally:
            passed.append("loop")
            await world.clock.in_thread(world.store.create, "_aimlapi/from-the-loop", b"")

    world.start(main)
    world.scheduler.after(1.0, world.process.kill)
    world.scheduler.run()
    assert passed == ["thread", "loop"]
    assert world.written == []
    assert not world.process.is_alive


@pytest.mark.parametrize("is_landing", [True, False])
def test_message_in_transit_at_a_kill_arrives_or_not(is_landing: bool) -> None:
    world = World()

    async def main() -> None:
        await world.clock.in_thread(world.store.create, "_aimlapi/first", b"")
        await world.clock.in_thread(world.store.create, "_aimlapi/second", b"")

    def kill(process: Process, name: str) -> None:
        process.is_landing = is_landing
        world.scheduler.after(0.0, process.kill)

    world.process.on_operation = kill
    world.start(main)
    world.scheduler.run()
    assert world.written == (["_aimlapi/first"] if is_landing else [])


def test_frozen_process_hears_late_of_what_happened_in_time() -> None:
    world = World()
    heard: list[tuple[str, float]] = []

    async def write() -> None:
        await world.clock.in_thread(world.store.create, "_aimlapi/x", b"")
        heard.append(("written", world.clock.now_s()))

    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(write())
            await asyncio.sleep(5.0)
            heard.append(("awake", world.clock.now_s()))

    seen: list[list[str]] = []
    world.process.on_operation = lambda process, _: world.scheduler.after(
        0.0, lambda: process.freeze(60.0)
    )
    world.start(main)
    world.scheduler.after(1.0, lambda: seen.append(world.written))
    world.scheduler.run()
    assert seen == [["_aimlapi/x"]]
    assert [event for event, _ in heard] == ["written", "awake"]
    assert all(60.0 <= at_s < 61.0 for _, at_s in heard)


def test_others_act_between_two_operations_of_one_function() -> None:
    world = World()
    found: list[bytes | None] = []

    def blocking() -> None:
        found.append(world.store.read("_aimlapi/x", bytes_max=MIB))
        world.clock.map_in_threads(partial(world.store.read, bytes_max=MIB), ["_aimlapi/y"] * 20, 4)
        found.append(world.store.read("_aimlapi/x", bytes_max=MIB))

    async def main() -> None:
        await world.clock.in_thread(blocking)

    world.start(main)
    world.scheduler.after(0.2, lambda: world.objects.write("_aimlapi/x", b"by another"))
    world.scheduler.run()
    assert found == [None, b"by another"]


def test_a_process_that_never_ends_is_noticed() -> None:
    world = World()

    async def main() -> None:
        for _ in iter(int, 1):
            await asyncio.sleep(10.0)

    world.start(main)
    with pytest.raises(EndlessRun):
        world.scheduler.run()
