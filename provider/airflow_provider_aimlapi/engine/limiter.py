"""Hands out permits: the right to one attempt. Applies the window's law, budget and lease."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.window import after_accepted, after_throttled, open_window
from airflow_provider_aimlapi.engine.waiters import Waiters
from airflow_provider_aimlapi.errors import BudgetExhausted

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random
    from types import TracebackType

    from airflow_provider_aimlapi.core.budget import Budget
    from airflow_provider_aimlapi.engine.clock import Clock


LAPSED_PAUSE_S = 1.0
"""Between two looks at a right to pay that has lapsed, as it does while the store is away."""


class AdmissionEnded(Exception):
    """No permit is handed out any more: the run is ending. Never leaves the engine."""


class Limiter:
    """Permits within the window and the budget.

    Attributes:
        window: the law's state.
        in_flight: permits held.
        requests: permits ever handed out. throttled: attempts answered 429.
        accepted: attempts answered with a completion.
    """

    def __init__(
        self,
        *,
        ceiling: int,
        budget: Budget,
        clock: Clock,
        random: Random,
        may_pay: Callable[[], bool] = lambda: True,
        store_keeps_up: Callable[[int], bool] = lambda _in_flight: True,
    ) -> None:
        self.window = open_window(ceiling)
        self.in_flight = 0
        self.requests = 0
        self.throttled = 0
        self.accepted = 0
        self._budget = budget
        self._may_pay = may_pay
        self._store_keeps_up = store_keeps_up
        self._clock = clock
        self._random = random
        self._waiters = Waiters()
        self._is_closed = False
        self._accepted_at_s = clock.now_s()

    def permit(self, body_bytes: int = 0) -> Permit:
        """A permit to be entered with `async with`, which waits until there is room.

        Args:
            body_bytes: of the request, for which the budget sets money aside.
        """
        return Permit(self, body_bytes)

    async def admit(self, body_bytes: int = 0) -> int:
        """Wait for room; return the window's epoch.

        Raises:
            BudgetExhausted: when no further call can be paid for and none is in flight.
            AdmissionEnded: when the run is ending.
        """
        while self._is_closed or not self._has_room(body_bytes):
            if self._is_closed:
                raise AdmissionEnded
            if self.in_flight == 0 and not self._budget.allows(body_bytes):
                raise BudgetExhausted(self._budget.exhaustion(body_bytes))
            await self._wait()
        self._budget.reserve(body_bytes)
        self.in_flight += 1
        self.requests += 1
        return self.window.epoch

    def release(self, body_bytes: int = 0) -> None:
        """Give a permit back."""
        self._budget.release(body_bytes)
        self.in_flight -= 1
        self.wake()

    def close(self) -> None:
        """Hand out no more permits; those held stay valid."""
        self._is_closed = True
        self._waiters.wake_all()

    def note_accepted(self, epoch: int) -> None:
        """Tell the law that an attempt admitted in this epoch was answered."""
        self.accepted += 1
        self._accepted_at_s = self._clock.now_s()
        self.window = after_accepted(self.window, epoch=epoch, in_flight=self.in_flight)

    def note_throttled(self, epoch: int) -> None:
        """Tell the law that an attempt admitted in this epoch was answered 429."""
        self.throttled += 1
        self.window = after_throttled(
            self.window, epoch=epoch, now_s=self._clock.now_s(), jitter=self._random.random()
        )

    def idle_s(self) -> float:
        """Seconds since the last completion, or since the start."""
        return self._clock.now_s() - self._accepted_at_s

    def _has_room(self, body_bytes: int) -> bool:
        return (
            self.in_flight < self.window.permits
            and self._pause_s() <= 0
            and self._may_pay()
            and self._store_keeps_up(self.in_flight)
            and self._budget.allows(body_bytes)
        )

    def _pause_s(self) -> float:
        """Seconds until the pause after a cut is over."""
        if self.window.paused_until_s == 0.0:
            return 0.0
        return self.window.paused_until_s - self._clock.now_s()

    async def _wait(self) -> None:
        pause_s = self._pause_s() if self._may_pay() else LAPSED_PAUSE_S
        if pause_s > 0:
            await asyncio.sleep(pause_s)
            return
        await self._waiters.wait()

    def wake(self) -> None:
        """Wake as many waiters as there may be room for; with nothing in flight, one at least."""
        room = self.window.permits - self.in_flight
        self._waiters.wake(max(room, int(self.in_flight == 0)))


class Permit:
    """The right to one attempt, held inside `async with`. Yields the epoch of its admission."""

    __slots__ = ("_body_bytes", "_limiter")

    def __init__(self, limiter: Limiter, body_bytes: int) -> None:
        self._limiter = limiter
        self._body_bytes = body_bytes

    async def __aenter__(self) -> int:
        return await self._limiter.admit(self._body_bytes)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._limiter.release(self._body_bytes)
