"""The engine's one place that reads a clock or hands work to a thread, beside its loop's own.

Waiting is asyncio's: a test that owns time runs the engine on a loop whose time it moves.
"""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import cached_property, partial
from itertools import islice
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PIECES_A_THREAD = 32
# On Linux, CLOCK_MONOTONIC stands still while the machine is suspended; on macOS it does not, and
# `time.monotonic` does.
_BOOT_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


THREADS = 16
"""For blocking work. Reads and a sink that hang may take all of them; asyncio's own would be six on two
cores."""
RESERVED_THREADS = 8
"""For heartbeats, segments and parts, of which at most four are written at a time."""


class Clock(Protocol):
    """Time and threads, as the engine sees them."""

    @property
    def reserved(self) -> Clock:
        """The same time, with threads that no other work takes: for what keeps answers and the lease."""
        ...

    def now_s(self) -> float:
        """Monotonic seconds, from an arbitrary start; timers go by them too.

        They may stand still while the machine is suspended.
        """
        ...

    def boot_s(self) -> float:
        """Monotonic seconds, from an arbitrary start, that pass for a suspended machine as well."""
        ...

    def wall_us(self) -> int:
        """Microseconds since 1970, UTC."""
        ...

    async def in_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run blocking work off the loop."""
        ...

    def aside(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """Run blocking work that may never return, off the loop. The process ends without it."""
        ...

    def pause(self, seconds: float) -> None:
        """Block such a thread for a while."""
        ...

    def spread(self, call: Callable[[T], R], items: Iterable[T], threads: int) -> list[R]:
        """From such a thread, do blocking work for each item, so many at a time, in order."""
        ...


class SystemClock:
    """The machine's own time and threads.

    Args:
        threads: how many pieces of blocking work are done at a time; others wait.
    """

    def __init__(self, threads: int = THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="aimlapi")

    @cached_property
    def reserved(self) -> SystemClock:
        """See `Clock`."""
        return SystemClock(RESERVED_THREADS)

    def now_s(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def boot_s(self) -> float:
        """Monotonic seconds, suspended ones included."""
        return time.clock_gettime(_BOOT_CLOCK)

    def wall_us(self) -> int:
        """Microseconds since 1970, UTC."""
        return time.time_ns() // 1000

    async def in_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run blocking work on a thread of this clock's own, with the caller's context variables."""
        work = partial(copy_context().run, call, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def aside(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """Run blocking work on a thread of its own, which nothing waits for at the end."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def hand_over(settle: Callable[[Any], None], value: object) -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(lambda: None if future.done() else settle(value))

        def work() -> None:
            try:
                result = call()
            except Exception as error:  # noqa: BLE001  # handed to who waits
                hand_over(future.set_exception, error)
            else:
                hand_over(future.set_result, result)

        context = copy_context()
        threading.Thread(
            target=context.run, args=(work,), name="aimlapi-aside", daemon=True
        ).start()
        return future

    def pause(self, seconds: float) -> None:
        """Block the calling thread."""
        time.sleep(seconds)

    def spread(self, call: Callable[[T], R], items: Iterable[T], threads: int) -> list[R]:
        """Work on so many items at a time; after an error no further ones are begun.

        A pool takes all that it is handed at once, some kilobytes for each, and a journal may have
        ten thousands of segments: so it is handed them piece by piece.
        """
        results: list[R] = []
        left = iter(items)
        with ThreadPoolExecutor(threads, thread_name_prefix="aimlapi-spread") as pool:
            while piece := list(islice(left, PIECES_A_THREAD * threads)):
                results += pool.map(call, piece)
        return results
