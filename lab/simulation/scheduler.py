"""One queue of everything that will happen, in virtual time, and an event loop for each process.

No threads, no sockets, no real clock. What happens at the same instant happens in the order in
which it was asked for, so that a seed always gives the same history. A process's timers and
callbacks go through its own loop: held back while it is frozen, dropped once it is dead.
"""

from __future__ import annotations

import asyncio
from asyncio import events
from collections import deque
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextvars import Context

UNWINDING_STEPS_MAX = 100_000
ROUNDING_S = 1e-6


class EndlessRun(AssertionError):
    """Something continues that should have ended."""


class Scheduler:
    """The world's time, and what is due.

    Args:
        limit_s: virtual seconds, and steps_max: events, after which it raises EndlessRun.
    """

    def __init__(self, *, limit_s: float, steps_max: int) -> None:
        self.now_s = 0.0
        self.steps = 0
        self._limit_s = limit_s
        self._steps_max = steps_max
        self._order = count()
        self._due: list[tuple[float, int, ProcessLoop | None, Any]] = []

    def push(self, when_s: float, loop: ProcessLoop | None, work: Any) -> None:
        """Let work be done at an instant: a loop's Handle, or the world's own callable."""
        heappush(self._due, (max(when_s, self.now_s), next(self._order), loop, work))

    def after(self, delay_s: float, work: Callable[[], None]) -> None:
        """Let something happen in the world, even if processes die."""
        self.push(self.now_s + delay_s, None, work)

    def due_on(self, loop: ProcessLoop) -> list[Any]:
        """Return the pending work of a loop, in order."""
        return [work for _, _, owner, work in sorted(self._due, key=_when) if owner is loop]

    def run(self) -> None:
        """Run until nothing is due any more.

        Raises:
            EndlessRun: when time or steps are over.
        """
        while self._due:
            when_s, _, loop, work = heappop(self._due)
            self.now_s = when_s
            self.steps += 1
            if when_s > self._limit_s or self.steps > self._steps_max:
                raise EndlessRun(f"{self.steps} steps and {when_s:.0f} s, and there is more to do")
            if loop is None:
                work()
            else:
                loop.execute(work)


def _when(entry: tuple[float, int, ProcessLoop | None, Any]) -> tuple[float, int]:
    return entry[:2]


class SimulatedTask(asyncio.Task[Any]):
    """A task that a set keeps in an order that does not depend on memory addresses."""

    _numbers = count()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._number = next(self._numbers)
        super().__init__(*args, **kwargs)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class FromOutside(events.Handle):
    """Something that arrives; the dead do not hear of it, not even while they are unwound."""


class ProcessLoop(asyncio.AbstractEventLoop):
    """The event loop of one process. Its work waits in the scheduler's queue.

    Attributes:
        is_frozen: nothing is executed; what falls due is held, in order.
        is_dead: nothing is executed ever again.
        suspended_s: how long its machine was suspended so far: its own time stood still then.
        mishaps: what nobody caught.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self.is_frozen = False
        self.is_dead = False
        self.suspended_s = 0.0
        self.mishaps: list[str] = []
        self._scheduler = scheduler
        self._held: list[events.Handle] = []
        self._last: deque[events.Handle] = deque()

    def execute(self, handle: events.Handle) -> None:
        """Do one piece of work now, unless the process cannot."""
        if self.is_dead:
            return
        if self.is_frozen:
            self._held.append(handle)
            return
        if isinstance(handle, events.TimerHandle) and handle.when() > self.time() + ROUNDING_S:
            self._scheduler.push(handle.when() + self.suspended_s, self, handle)
            return
        self._run(handle)

    def call_from_world(self, delay_s: float, callback: Callable[..., object], *args: Any) -> None:
        """Let something from outside arrive here after a while."""
        handle = FromOutside(callback, args, self)
        self._scheduler.push(self._scheduler.now_s + delay_s, self, handle)

    def thaw(self) -> None:
        """Continue. Work that has become due comes first, in its order."""
        self.is_frozen = False
        held, self._held = self._held, []
        for handle in held:
            self._scheduler.push(self._scheduler.now_s, self, handle)

    def unwind(self, task: asyncio.Task[Any]) -> None:
        """Let the coroutines of a dead process come to their ends, without time passing.

        Nothing that they do reaches anything: whoever serves a dead process refuses.
        """
        pending = [*self._held, *self._scheduler.due_on(self)]
        self._last.extend(handle for handle in pending if type(handle) is events.Handle)
        task.cancel()
        for _ in range(UNWINDING_STEPS_MAX):
            if not self._last:
                return
            self._run(self._last.popleft())

    def _run(self, handle: events.Handle) -> None:
        if not handle.cancelled():
            events._set_running_loop(self)
            try:
                handle._run()
            finally:
                events._set_running_loop(None)

    # The methods of a loop that asyncio's tasks, futures and time-outs call.

    def time(self) -> float:
        return self._scheduler.now_s - self.suspended_s

    def call_soon(  # type: ignore[override]  # typed by what is used here
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> events.Handle:
        handle = events.Handle(callback, args, self, context)
        if self.is_dead:
            self._last.append(handle)
        else:
            self._scheduler.push(self._scheduler.now_s, self, handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]  # there is one thread

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> events.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> events.TimerHandle:
        handle = events.TimerHandle(when, callback, args, self, context)
        if not self.is_dead:
            self._scheduler.push(when + self.suspended_s, self, handle)
        return handle

    def _timer_handle_cancelled(self, handle: events.TimerHandle) -> None:
        """Do nothing, because a cancelled timer is skipped when it is due."""

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Coroutine[Any, Any, Any],  # type: ignore[override]
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[Any]:
        return SimulatedTask(coro, loop=self, name=name, context=context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self.is_dead:
            self.mishaps.append(f"{context.get('message')}: {context.get('exception')!r}")

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False
