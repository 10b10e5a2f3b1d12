"""A process of the simulated world: one task attempt, with its loop, its threads and its end.

A piece of blocking work runs as a greenlet: it stops in the middle of its call stack at each store
operation and goes on when the answer has come. So others act between two operations of one
function, and a kill or a freeze may fall between any two of them.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from greenlet import getcurrent, greenlet

from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from lab.simulation.scheduler import ProcessLoop, SimulatedTask
from tests.fakes.virtual_loop import WALL_START_US

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence
    from random import Random

    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary
    from lab.simulation.history import History
    from lab.simulation.scheduler import Scheduler

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

LANDING_SHARE = 0.5


class Killed(BaseException):
    """Unwinds the stacks of a process that is dead already."""


class LibraryBug(Exception):
    """What nothing raises on purpose."""


class Process:
    """One attempt.

    Attributes:
        name: for the history. number: from 1, in the order of their starts.
        started_s, ended_s: in the world's time. error, report: how it ended, unless killed.
        operations: sent to the store or the API so far.
        cut_off_until_s: until then it cannot reach the store, though others can.
        bugs_due: of a library, and where each is met: "a thread" or "the clock".
        descriptors: how many sockets may be open; None for no limit. has_called: whether the API holds some.
        is_landing: of what is on its way when it is killed or frozen: all arrives, nothing does,
            or (None) chance decides for the dead, and all arrives of the frozen.
    """

    def __init__(self, number: int, scheduler: Scheduler, history: History) -> None:
        self.number = number
        self.name = f"attempt {number}"
        self.started_s = scheduler.now_s
        self.ended_s: float | None = None
        self.error: BaseException | None = None
        self.report: RunSummary | None = None
        self.operations = 0
        self.is_landing: bool | None = None
        self.cut_off_until_s = 0.0
        self.bugs_due: list[str] = []
        self.has_met_bug = False
        self.descriptors: int | None = None
        self.open_sockets = 0
        self.has_called = False
        self.stop = StopSignal()
        self.loop = ProcessLoop(scheduler)  # type: ignore[abstract]  # no sockets, no signals
        self.scheduler = scheduler
        self.on_end: Callable[[Process], None] = lambda _: None
        self.on_operation: Callable[[Process, str], None] = lambda *_: None
        self._history = history
        self._threads: list[greenlet] = []
        self._task: asyncio.Task[Any] | None = None

    @property
    def is_alive(self) -> bool:
        """Whether it was started and has not ended; a frozen one is alive."""
        return self.ended_s is None

    def start(self, main: Callable[[], Coroutine[Any, Any, RunSummary]]) -> None:
        """Run a coroutine as the main task of this process."""
        self.tell("starts")
        task = SimulatedTask(main(), loop=self.loop)
        task.add_done_callback(self._finished)
        self._task = task

    def tell(self, event: str) -> None:
        """Write a line of history."""
        self._history.add(self.scheduler.now_s, self.name, event)

    def note_operation(self, name: str) -> None:
        """Count an operation that is on its way out: "call", or "create a/name" and the like.

        Raises:
            Killed: in a process that is dead.
        """
        if self.loop.is_dead:
            raise Killed
        self.operations += 1
        self.on_operation(self, name)

    def open_socket(self) -> bool:
        """Take a descriptor; return whether one was free."""
        if self.descriptors is not None and self.open_sockets >= self.descriptors:
            return False
        self.open_sockets += 1
        return True

    def close_sockets(self, count: int = 1) -> None:
        """Return descriptors."""
        self.open_sockets -= count

    def meet_bug(self, place: str) -> None:
        """Raise a bug that is due here."""
        if place in self.bugs_due:
            self.bugs_due.remove(place)
            self.has_met_bug = True
            self.tell(f"{place} meets a bug")
            raise LibraryBug

    def begin_bug(self, met_by: str) -> None:
        """Let a library fail once; see `scenario.MEETINGS`."""
        if met_by in ("a thread", "the clock"):
            self.bugs_due.append(met_by)
        else:
            self.loop.call_soon(self._break_task, met_by)

    def _break_task(self, name: str) -> None:
        """Fail the future that a task beside the calls waits for."""
        for task in asyncio.all_tasks(self.loop):
            frame = getattr(task.get_coro(), "cr_frame", None)
            work = frame.f_locals.get("work") if frame is not None else None
            waiter = getattr(task, "_fut_waiter", None)
            if getattr(work, "__qualname__", "") == name and waiter and not waiter.done():
                self.has_met_bug = True
                self.tell(f"{name} meets a bug")
                waiter.set_exception(LibraryBug())

    def kill(self) -> None:
        """Kill the process, as kill -9 does. It has no more effect from here on."""
        if self._task is None or not self.is_alive:
            return
        self.tell("is killed")
        self.ended_s = self.scheduler.now_s
        self.loop.is_dead = True
        threads, self._threads = self._threads, []
        for thread in threads:
            if thread:  # one that has not begun yet has nothing to unwind
                thread.throw(Killed)
        self.loop.unwind(self._task)
        self.on_end(self)

    def lands(self, random: Random) -> bool:
        """Return whether an operation on its way arrives. Its process may be dead."""
        if self.loop.is_dead and self.is_landing is None:
            return random.random() < LANDING_SHARE
        if self.loop.is_dead or self.loop.is_frozen:
            return self.is_landing is not False
        return True

    def freeze(self, duration_s: float) -> None:
        """Freeze the process while the world continues."""
        if not self.is_alive or self.loop.is_frozen:
            return
        self.tell(f"is frozen for {duration_s:.1f} s")
        self.loop.is_frozen = True
        self.scheduler.after(duration_s, self._thaw)

    def suspend(self, duration_s: float) -> None:
        """Suspend the machine, with its monotonic clock and timers."""
        if not self.is_alive or self.loop.is_frozen:
            return
        self.tell(f"is suspended for {duration_s:.1f} s")
        self.loop.is_frozen = True
        self.scheduler.after(duration_s, lambda: self._wake(duration_s))

    def terminate(self) -> None:
        """Send SIGTERM. A frozen process receives it when it continues."""
        if self.is_alive:
            self.tell("is asked to stop")
            self.loop.call_soon(self.stop.request_stop)

    def begin_thread(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """Start blocking work beside the loop; the future gets its result."""
        if self.loop.is_dead:
            raise Killed
        future: asyncio.Future[T] = self.loop.create_future()
        thread = greenlet(lambda: self._thread_main(call, future))
        self._threads = [other for other in self._threads if not other.dead]
        self._threads.append(thread)
        self.loop.call_from_world(0.0, thread.switch)
        return future

    def wait_in_thread(self, begin: Callable[[Callable[[Any], None]], None]) -> Any:
        """Block the current thread until an answer has come.

        Args:
            begin: starts an operation; it gets what to call, on this process's loop, with the
                answer. An answer that is an exception is raised in the thread.
        """
        thread = getcurrent()
        assert thread.parent is not None, "a store operation on the loop would block it"
        begin(thread.switch)
        answer = thread.parent.switch()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def map_in_threads(self, call: Callable[[T], R], items: Sequence[T], threads: int) -> list[R]:
        """Do blocking work for each item in a thread, a few at a time. Call it from a thread."""
        futures: list[asyncio.Future[R]] = []
        has_ended = False

        def begin(resume: Callable[[Any], None]) -> None:
            def go_on(*_: object) -> None:
                """Begin as many items as there is room for; after an error none."""
                nonlocal has_ended
                failed = [future for future in futures if future.done() and future.exception()]
                running = sum(not future.done() for future in futures)
                while not failed and running < threads and len(futures) < len(items):
                    item = items[len(futures)]
                    futures.append(self.begin_thread(partial(call, item)))
                    futures[-1].add_done_callback(go_on)
                    running += 1
                if not running and not has_ended:
                    has_ended = True
                    resume(None)

            self.loop.call_from_world(0.0, go_on)

        if items:
            self.wait_in_thread(begin)
        return [future.result() for future in futures]

    def _thread_main(self, call: Callable[[], T], future: asyncio.Future[T]) -> None:
        try:
            result = call()
        except Killed:
            return
        except Exception as error:  # noqa: BLE001  # handed to who waits
            if not future.done():
                future.set_exception(error)
        else:
            if not future.done():
                future.set_result(result)

    def _thaw(self) -> None:
        if self.is_alive:
            self.tell("goes on")
            self.loop.thaw()

    def _wake(self, suspended_s: float) -> None:
        self.loop.suspended_s += suspended_s
        self._thaw()

    def _finished(self, task: asyncio.Task[RunSummary]) -> None:
        if self.loop.is_dead:
            if not task.cancelled():
                task.exception()  # seen
            return
        self.ended_s = self.scheduler.now_s
        error = task.exception()
        if error is None:
            self.report = task.result()
            self.tell("ends: published")
        else:
            self.error = error
            self.tell(f"ends: {type(self.error).__name__}: {self.error}")
        self.on_end(self)


class SimulatedClock:
    """The engine's Clock in one process."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @property
    def reserved(self) -> SimulatedClock:
        """Itself: there is a thread for each piece of work."""
        return self

    def now_s(self) -> float:
        """Return the world's time without the machine's suspensions. A freeze does not stop it."""
        self._process.meet_bug("the clock")
        return self._process.loop.time()

    def boot_s(self) -> float:
        """Return the world's time, which neither a freeze nor a suspension stops."""
        return self._process.scheduler.now_s

    def wall_us(self) -> int:
        """Return the microseconds since 1970, UTC."""
        return WALL_START_US + round(self.boot_s() * 1e6)

    async def in_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run blocking work beside the loop. It continues if its waiter is cancelled."""
        self._process.meet_bug("a thread")
        return await self._process.begin_thread(lambda: call(*args, **kwargs))

    def aside(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """Do as `in_thread`. The simulated process ends with its coroutine."""
        return self._process.begin_thread(call)

    def pause(self, seconds: float) -> None:
        """Block the current thread while the world continues."""
        self._process.wait_in_thread(
            lambda resume: self._process.loop.call_from_world(seconds, resume, None)
        )

    def map_in_threads(self, call: Callable[[T], R], items: Iterable[T], threads: int) -> list[R]:
        """Work on several items at a time, each in a thread of its own."""
        return self._process.map_in_threads(call, list(items), threads)
