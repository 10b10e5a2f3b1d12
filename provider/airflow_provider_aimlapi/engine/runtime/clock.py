"""Read clocks and hand blocking work to threads; no other module of the engine does.

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
"""Items that a pool receives per thread at a time. With all at once, ten thousands of segments would
take some kilobytes each."""
# On Linux, CLOCK_MONOTONIC stands still while the machine is suspended; on macOS it does not, and
# `time.monotonic` does.
_BOOT_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


THREADS = 16
"""For blocking work. Hanging reads and a hanging sink may take some of them; asyncio's own pool would
have six on two cores."""
RESERVED_THREADS = 8
"""For heartbeats, segments and parts: at most four of these are written at a time."""


class Clock(Protocol):
    """Time and threads, as the engine sees them."""

    @property
    def reserved(self) -> Clock:
        """Return a clock of the same time whose threads only keep answers and the lease."""
        ...

    def now_s(self) -> float:
        """Return monotonic seconds from an arbitrary start, as timers use them.

        They may stand still while the machine is suspended.
        """
        ...

    def boot_s(self) -> float:
        """Return monotonic seconds from an arbitrary start, suspended time included."""
        ...

    def wall_us(self) -> int:
        """Return microseconds since 1970, UTC."""
        ...

    async def in_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run blocking work off the loop."""
        ...

    def aside(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """Run blocking work that may never return, off the loop. The process ends without it."""
        ...

    def pause(self, seconds: float) -> None:
        """Block such a thread for this time."""
        ...

    def map_in_threads(self, call: Callable[[T], R], items: Iterable[T], threads: int) -> list[R]:
        """Do blocking work for each item on several threads, called from one; keep the order."""
        ...


class SystemClock:
    """The machine's own time and threads.

    Args:
        threads: the number of pieces of blocking work at a time; others wait.
    """

    def __init__(self, threads: int = THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="aimlapi")

    @cached_property
    def reserved(self) -> SystemClock:
        """See `Clock`."""
        return SystemClock(RESERVED_THREADS)

    def now_s(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic()

    def boot_s(self) -> float:
        """Return monotonic seconds, suspended time included."""
        return time.clock_gettime(_BOOT_CLOCK)

    def wall_us(self) -> int:
        """Return microseconds since 1970, UTC."""
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
            # The caller may have left the future behind when its time was over, so it may be done
            # already.
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(lambda: None if future.done() else settle(value))

        def work() -> None:
            try:
                result = call()
            except Exception as error:  # noqa: BLE001  # handed to the task that waits
                hand_over(future.set_exception, error)
            else:
                hand_over(future.set_result, result)

        # A daemon, because Python waits for the threads of a pool when the process ends. A call
        # that never returns would then keep a finished task alive.
        context = copy_context()
        threading.Thread(
            target=context.run, args=(work,), name="aimlapi-aside", daemon=True
        ).start()
        return future

    def pause(self, seconds: float) -> None:
        """Block the calling thread."""
        time.sleep(seconds)

    def map_in_threads(self, call: Callable[[T], R], items: Iterable[T], threads: int) -> list[R]:
        """Work on several items at a time; after an error no further ones are begun."""
        results: list[R] = []
        left = iter(items)
        # A pool of its own: items of a scan that wait for each other in the shared one could block
        # it. After an error, `map` cancels the items of the piece that were not begun.
        with ThreadPoolExecutor(threads, thread_name_prefix="aimlapi-spread") as pool:
            while piece := list(islice(left, PIECES_A_THREAD * threads)):
                results += pool.map(call, piece)
        return results
