"""An event loop whose time is virtual: it jumps to the next timer as soon as nothing is ready.

Hours of back-off pass in milliseconds, and the same seed gives the same order of events. There is
no outside: threads and sockets are not waited for, since time would run away from under them.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

P = ParamSpec("P")
T = TypeVar("T")
Q = TypeVar("Q")

LIMIT_S = 30 * 24 * 3600.0
WALL_START_US = 1_790_000_000_000_000
"""An instant of 2026, in microseconds since 1970."""


class NothingToWaitFor(AssertionError):
    """Tasks wait, nothing is ready and no timer is set: this loop would wait for ever."""


class TimeIsUp(AssertionError):
    """Virtual time has passed the limit, so that something runs that should have ended."""


class _JumpingSelector(selectors.DefaultSelector):
    """Selects events without waiting, and passes the time that it would have waited to `jump`."""

    def __init__(self, jump: Callable[[float | None], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events and (timeout is None or timeout > 0):
            self._jump(timeout)
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that owns its time. It starts at 0.

    Args:
        limit_s: virtual seconds after which it raises TimeIsUp.
    """

    def __init__(self, *, limit_s: float = LIMIT_S) -> None:
        self._now_s = 0.0
        self._limit_s = limit_s
        super().__init__(_JumpingSelector(self._jump))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now_s

    def pass_time(self, seconds: float) -> None:
        """Move time on while nothing else happens."""
        self._now_s += seconds

    def _jump(self, timeout_s: float | None) -> None:
        if timeout_s is None:
            raise NothingToWaitFor
        if self._now_s > self._limit_s:
            raise TimeIsUp(f"{self._now_s:g} s have passed")
        self._now_s += timeout_s


class VirtualClock:
    """The engine's Clock on a VirtualLoop.

    Args:
        thread_s: virtual seconds that each piece of blocking work takes. The work itself is done
            at once, on the loop, so that nothing depends on how the machine schedules threads.
    """

    def __init__(self, *, thread_s: float = 0.0) -> None:
        self.thread_s = thread_s

    @property
    def reserved(self) -> VirtualClock:
        """Return itself, because its work needs no thread."""
        return self

    def now_s(self) -> float:
        """Return the running loop's time."""
        return asyncio.get_running_loop().time()

    def boot_s(self) -> float:
        """Return the same time, because this machine is never suspended."""
        return self.now_s()

    def wall_us(self) -> int:
        """Return the microseconds since 1970, UTC."""
        return WALL_START_US + round(self.now_s() * 1e6)

    async def in_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Let the work's time pass, then do it."""
        await asyncio.sleep(self.thread_s)
        return call(*args, **kwargs)

    def aside(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """Do as `in_thread`, for work whose end is not awaited."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                future.set_result(call())
            except Exception as error:  # noqa: BLE001  # raised in the task that waits
                future.set_exception(error)

        loop.call_later(self.thread_s, work)
        return future

    def pause(self, seconds: float) -> None:
        """Let time pass for a piece of blocking work, which is done on the loop."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.pass_time(seconds)

    def map_in_threads(self, call: Callable[[Q], T], items: Iterable[Q], threads: int) -> list[T]:
        """Work on one item after another, whatever the number of threads."""
        assert threads > 0
        return [call(item) for item in items]


def run_virtual(main: Coroutine[object, object, T], *, limit_s: float = LIMIT_S) -> T:
    """Run a coroutine to its end on a new VirtualLoop.

    Raises:
        NothingToWaitFor: it cannot end. TimeIsUp: it did not, within `limit_s` virtual seconds.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(limit_s=limit_s)) as runner:
        return runner.run(main)
