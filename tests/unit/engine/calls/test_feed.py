from __future__ import annotations

import asyncio
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.engine.calls.feed import Feed
from airflow_provider_aimlapi.engine.row import Row
from tests.fakes.virtual_loop import VirtualClock, run_virtual


def row(number: int) -> Row:
    return Row(part=0, row=number, body=b"{}", request_hash="h")


def new_feed(waiting_max: int = 100) -> Feed:
    return Feed(clock=VirtualClock(), waiting_max=waiting_max)


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def taken(feed: Feed) -> tuple[int | None, float]:
    """What a worker gets next, and when."""
    found = await feed.take_row()
    return (found.row if found else None), now_s()


def test_rows_come_in_the_readers_order() -> None:
    async def main() -> None:
        feed = new_feed()
        await feed.add_rows([row(0), row(1)])
        assert [await taken(feed) for _ in range(2)] == [(0, 0), (1, 0)]
        await feed.add_rows([row(2)])
        feed.note_all_read()
        assert [await taken(feed) for _ in range(3)] == [(2, 0), (None, 0), (None, 0)]

    run_virtual(main())


def test_the_reader_waits_until_its_last_rows_are_taken() -> None:
    async def main() -> None:
        feed = new_feed()
        filled_s: list[float] = []

        async def read() -> None:
            for first in (0, 2, 4):
                await feed.add_rows([row(first), row(first + 1)])
                filled_s.append(now_s())

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read())
            for _ in range(6):
                await asyncio.sleep(1)
                await feed.take_row()
        assert filled_s == [0, 2, 4]

    run_virtual(main())


def test_waiting_row_comes_when_due_despite_a_silent_source() -> None:
    async def main() -> None:
        feed = new_feed()
        feed.put_back(row(7), 5.0)
        feed.put_back(row(8), 2.0)
        assert [await taken(feed) for _ in range(2)] == [(8, 2), (7, 5)]

    run_virtual(main())


def test_due_row_goes_to_a_waiting_worker() -> None:
    async def main() -> None:
        feed = new_feed()
        async with asyncio.TaskGroup() as tasks:
            idle = [tasks.create_task(taken(feed)) for _ in range(3)]
            await asyncio.sleep(1)
            await feed.add_rows([row(0)])
            await asyncio.sleep(1)  # one of the idle took it
            assert sum(task.done() for task in idle) == 1
            feed.put_back(row(0), 10.0)
            idle.append(tasks.create_task(taken(feed)))
            await asyncio.sleep(10.5)  # one of the others takes it, and only one
            assert sum(task.done() for task in idle) == 2
            feed.note_all_read()
        assert [task.result() for task in idle].count((0, 12)) == 1
        assert [task.result()[0] for task in idle].count(None) == 2

    run_virtual(main())


def test_as_many_idle_workers_start_as_rows_come() -> None:
    async def main() -> None:
        feed = new_feed()
        async with asyncio.TaskGroup() as tasks:
            idle = [tasks.create_task(taken(feed)) for _ in range(5)]
            await asyncio.sleep(1)
            await feed.add_rows([row(number) for number in range(3)])
            await asyncio.sleep(1)
            assert sorted(task.result() for task in idle if task.done()) == [(0, 1), (1, 1), (2, 1)]
            feed.note_all_read()

    run_virtual(main())


def test_a_waiting_row_holds_no_worker() -> None:
    async def main() -> None:
        feed = new_feed()
        await feed.add_rows([row(number) for number in range(100)])
        feed.note_all_read()
        first = await feed.take_row()
        assert first is not None
        feed.put_back(first, 60.0)
        assert [await taken(feed) for _ in range(99)] == [(number, 0) for number in range(1, 100)]
        assert await taken(feed) == (0, 60)

    run_virtual(main())


def test_a_due_row_goes_before_new_ones() -> None:
    async def main() -> None:
        feed = new_feed()
        feed.put_back(row(0), 1.0)
        await feed.add_rows([row(1), row(2)])
        assert await taken(feed) == (1, 0)
        await asyncio.sleep(1)
        assert await taken(feed) == (0, 1)

    run_virtual(main())


def test_rows_due_at_once_come_in_failure_order() -> None:
    async def main() -> None:
        feed = new_feed()
        for number in (3, 1, 2):
            feed.put_back(row(number), 1.0)
        assert [(await taken(feed))[0] for _ in range(3)] == [3, 1, 2]

    run_virtual(main())


def test_no_new_row_is_begun_while_too_many_wait() -> None:
    async def main() -> None:
        feed = new_feed(waiting_max=2)
        await feed.add_rows([row(2), row(3)])
        feed.put_back(row(0), 10.0)
        feed.put_back(row(1), 20.0)
        assert [await taken(feed) for _ in range(4)] == [(0, 10), (2, 10), (3, 10), (1, 20)]

    run_virtual(main())


@pytest.mark.parametrize("waiting", [0, 1, 3])
def test_workers_at_the_end_are_as_many_as_rows(waiting: int) -> None:
    async def main() -> None:
        feed = new_feed()
        for number in range(waiting):
            feed.put_back(row(number), 30.0)
        async with asyncio.TaskGroup() as tasks:
            workers = [tasks.create_task(taken(feed)) for _ in range(5)]
            await asyncio.sleep(1)
            feed.note_all_read()
            await asyncio.sleep(1)
            assert sum(worker.done() for worker in workers) == 5 - waiting
        results = [worker.result() for worker in workers]
        assert results.count((None, 1)) == 5 - waiting
        assert sorted(number for number, _ in results if number is not None) == [*range(waiting)]

    run_virtual(main())


def test_nothing_is_handed_out_or_awaited_after_the_close() -> None:
    async def main() -> None:
        feed = new_feed(waiting_max=1)
        await feed.add_rows([row(1)])
        feed.put_back(row(0), 60.0)
        async with asyncio.TaskGroup() as tasks:
            idle = [tasks.create_task(taken(feed)) for _ in range(3)]
            reader = tasks.create_task(feed.add_rows([row(2)]))
            await asyncio.sleep(1)
            assert not any(task.done() for task in (*idle, reader))
            feed.close_feed()
        assert [task.result() for task in idle] == [(None, 1)] * 3
        assert await taken(feed) == (None, 1)
        feed.put_back(row(3), 0.0)  # a call that was in flight failed
        assert await taken(feed) == (None, 1)

    run_virtual(main())


PAUSES_S = (0.0, 0.0, 0.5, 1.0, 1.5)
"""Few and coarse, so that things fall into the same instant often."""


class Bustle:
    """A reader and workers at random, and what must hold between them."""

    def __init__(self, *, rows: int, waiting_max: int, seed: int) -> None:
        self.feed = new_feed(waiting_max)
        self.random = Random(seed)  # noqa: S311  # a seeded order of events
        self.rows = rows
        self.done: list[int] = []
        self.held: set[int] = set()
        self.waits_until_s: dict[int, float] = {}
        self.closed_s: float | None = None

    async def pause(self) -> None:
        await asyncio.sleep(self.random.choice(PAUSES_S))

    async def read(self) -> None:
        number = 0
        while number < self.rows:
            await self.pause()
            count = self.random.randint(1, min(5, self.rows - number))
            await self.feed.add_rows([row(number + index) for index in range(count)])
            number += count
        await self.pause()
        self.feed.note_all_read()

    async def work(self) -> None:
        while (found := await self.feed.take_row()) is not None:
            assert self.closed_s is None, "handed out after the close"
            assert found.row not in self.held, "handed to two workers"
            assert now_s() >= self.waits_until_s.get(found.row, 0.0), "handed out too early"
            self.held.add(found.row)
            await self.pause()
            self.held.remove(found.row)
            found.calls += 1
            if found.calls < 4 and self.random.random() < 0.4:
                delay_s = self.random.choice(PAUSES_S)
                self.waits_until_s[found.row] = now_s() + delay_s
                self.feed.put_back(found, delay_s)
            else:
                self.done.append(found.row)

    async def close(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        self.closed_s = now_s()
        self.feed.close_feed()

    async def run(self, *, workers: int, close_after_s: float | None) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.read())
            for _ in range(workers):
                tasks.create_task(self.work())
            if close_after_s is not None:
                tasks.create_task(self.close(close_after_s))


WORKERS = st.integers(1, 8)
SEED = st.integers(0, 2**32)


@given(rows=st.integers(0, 40), workers=WORKERS, waiting_max=st.integers(1, 10), seed=SEED)
def test_every_row_is_done_once_and_every_worker_ends(
    rows: int, workers: int, waiting_max: int, seed: int
) -> None:
    bustle = Bustle(rows=rows, waiting_max=waiting_max, seed=seed)
    run_virtual(bustle.run(workers=workers, close_after_s=None), limit_s=10_000)
    assert sorted(bustle.done) == list(range(rows))


@given(rows=st.integers(0, 40), workers=WORKERS, close_s=st.sampled_from([0, 1, 2, 5]), seed=SEED)
def test_close_at_any_time_ends_workers_without_repeated_rows(
    rows: int, workers: int, close_s: float, seed: int
) -> None:
    bustle = Bustle(rows=rows, waiting_max=3, seed=seed)
    run_virtual(bustle.run(workers=workers, close_after_s=close_s), limit_s=10_000)
    assert len(bustle.done) == len(set(bustle.done)) <= rows
    assert not bustle.held


class Holding:
    """Holds rows back until there is no other, and then lets them go, or ends."""

    def __init__(self, feed: Feed, *, is_ending: bool = False) -> None:
        self.rows: list[Row] = []
        self.asked_s: list[float] = []
        self._feed = feed
        self._is_ending = is_ending
        feed.held = self

    def __len__(self) -> int:
        return len(self.rows)

    def hold_row(self, row: Row) -> None:
        self.rows.append(row)

    async def without_others(self) -> None:
        self.asked_s.append(now_s())
        await asyncio.sleep(3)
        rows, self.rows = self.rows, []
        for held in rows:
            self._feed.release_row(held)
        if self._is_ending:
            self._feed.close_feed()


async def drained(feed: Feed, workers: int) -> list[tuple[int, float]]:
    """What that many workers take, each for a second, until all of them have ended."""
    done: list[tuple[int, float]] = []

    async def work() -> None:
        while (found := await feed.take_row()) is not None:
            done.append((found.row, now_s()))
            await asyncio.sleep(1)

    feed.workers = workers
    async with asyncio.TaskGroup() as tasks:
        for _ in range(workers):
            tasks.create_task(work())
    return sorted(done)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_held_rows_go_last_and_all_workers_end(workers: int) -> None:
    async def main() -> None:
        feed = new_feed()
        holding = Holding(feed)
        refused = [row(8), row(9)]
        for held in refused:
            held.was_refused = True
        await feed.add_rows([*refused, row(0), row(1), row(2)])
        feed.note_all_read()
        done = await drained(feed, workers)
        assert [number for number, _ in done] == [0, 1, 2, 8, 9]
        (asked_s,) = holding.asked_s
        assert asked_s == max(taken_s for number, taken_s in done if number < 3) + 1
        assert {taken_s for number, taken_s in done if number > 7} >= {asked_s + 3}

    run_virtual(main(), limit_s=1_000)


def test_row_that_waits_for_its_time_is_another_row() -> None:
    async def main() -> None:
        feed = new_feed()
        holding = Holding(feed)
        holding.hold_row(row(9))
        feed.put_back(row(0), 50.0)
        feed.note_all_read()
        await drained(feed, 2)
        assert holding.asked_s == [51.0]

    run_virtual(main(), limit_s=1_000)


def test_when_run_ends_over_held_rows_all_workers_end() -> None:
    async def main() -> None:
        feed = new_feed()
        holding = Holding(feed, is_ending=True)
        holding.hold_row(row(9))
        feed.note_all_read()
        assert await drained(feed, 3) == []

    run_virtual(main(), limit_s=1_000)
