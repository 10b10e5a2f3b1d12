"""Tasks that wait for a change. They are woken in order, and only as many as are needed.

asyncio's Condition takes a lock for each wait and wakes by handing it on; with hundreds of workers
on one loop neither is needed.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Waiters:
    """A queue of waiting tasks. A task that is woken must check again, because a wake is a hint."""

    def __init__(self) -> None:
        self._futures: deque[asyncio.Future[None]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        return len(self._futures)

    async def wait_for_wake(self, timeout_s: float | None = None) -> None:
        """Return when woken, or when the time is over."""
        if self._loop is None:  # until Python 3.12, finding the loop is a system call
            self._loop = asyncio.get_running_loop()
        future = self._loop.create_future()
        self._futures.append(future)
        try:
            if timeout_s is None:
                await future
            else:
                async with asyncio.timeout(timeout_s):
                    await future
        except TimeoutError:
            return
        finally:
            # `wake_first` removes the future, unless it is cancelled between being popped and being set.
            if future.cancelled() and future in self._futures:
                self._futures.remove(future)

    def wake_first(self, count: int = 1) -> None:
        """Wake the first `count` tasks."""
        while count > 0 and self._futures:
            future = self._futures.popleft()
            # A task that was cancelled, or whose time is over, has not run yet. It must not use up
            # a wake.
            if not future.done():
                future.set_result(None)
                count -= 1

    def wake_all(self) -> None:
        """Wake all tasks."""
        self.wake_first(len(self._futures))
