"""The laws that are compared: ours, and rivals, each as a limiter that a worker can use."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.calls.completion import Completion
from airflow_provider_aimlapi.core.money.budget import Budget
from airflow_provider_aimlapi.engine.calls.limiter import Limiter
from airflow_provider_aimlapi.engine.runtime.waiters import Waiters
from airflow_provider_aimlapi.errors import Throttled
from lab.limits.limits import NEVER_S
from tests.fakes.virtual_loop import VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from random import Random

    from airflow_provider_aimlapi.errors import ApiError
    from lab.limits.bulk_job import AnyLimiter
    from lab.limits.simulated_api import SimulatedApi


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a rival remembers of an attempt."""

    number: int
    sent_s: float


class Rival:
    """A limiter whose law a subclass gives."""

    def __init__(self, *, ceiling: int, random: Random) -> None:
        self.ceiling = ceiling
        self.random = random
        self.in_flight = 0
        self.requests = 0
        self.throttled = 0
        self._waiters = Waiters()
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def permit(self) -> AsyncIterator[Ticket]:
        """The right to one attempt."""
        async with self._turn:  # one waits for room, the others for their turn
            while (delay_s := self.wait_s(_now_s())) != 0.0:
                await self._waiters.wait_for_wake(delay_s)
            self.in_flight += 1
        self.requests += 1
        try:
            yield self.sent(_now_s())
        finally:
            self.in_flight -= 1
            self._waiters.wake_first()

    @property
    def permits(self) -> float:
        """Calls allowed in flight."""
        return self.ceiling

    def wait_s(self, now_s: float) -> float | None:
        """0 to go; None to wait for another call's end; else seconds to wait."""
        return 0.0 if self.in_flight < int(self.permits) else None

    def sent(self, now_s: float) -> Ticket:
        """An attempt goes out."""
        return Ticket(self.requests, now_s)

    def settle(self, sent: Ticket, result: Completion | ApiError) -> None:
        """Apply the result of a call. A failure that is no 429 changes nothing."""
        if isinstance(result, Throttled):
            self.note_throttled(sent)
        elif isinstance(result, Completion):
            self.note_accepted(sent)

    def note_accepted(self, sent: Ticket) -> None:
        """An attempt was answered."""

    def note_throttled(self, sent: Ticket) -> None:
        """An attempt was answered 429."""
        self.throttled += 1


class Ideal(Rival):
    """Looks into the API's books: sends just when a call is accepted, and never else."""

    def __init__(self, api: SimulatedApi, *, ceiling: int, random: Random) -> None:
        super().__init__(ceiling=ceiling, random=random)
        self.api = api

    def wait_s(self, now_s: float) -> float | None:
        """Until there is room."""
        if self.in_flight >= self.ceiling:
            return None
        room_s = self.api.room_at_s(now_s)
        if room_s == NEVER_S:
            return None
        return max(1e-6, room_s - now_s) if room_s > now_s else 0.0


class Constant(Rival):
    """The same level, or the same pace, from the first call to the last."""

    def __init__(self, kind: str, size: float, *, ceiling: int, random: Random) -> None:
        super().__init__(ceiling=ceiling, random=random)
        self.level = size if kind == "level" else float(ceiling)
        self.interval_s = 1 / size if kind == "pace" else 0.0
        self.next_s = 0.0

    @property
    def permits(self) -> float:
        """Calls allowed in flight."""
        return self.level

    def wait_s(self, now_s: float) -> float | None:
        """Until the pace lets the next call go."""
        wait_s = super().wait_s(now_s)
        return max(0.0, self.next_s - now_s) if wait_s == 0.0 else wait_s

    def sent(self, now_s: float) -> Ticket:
        """Sets when the next call may go."""
        self.next_s = max(self.next_s, now_s) + self.interval_s
        return super().sent(now_s)


class Doubling(Rival):
    """What this project had: slow start by rounds, +2% a round, x 0.85 and a pause at a 429."""

    def __init__(self, *, ceiling: int, random: Random) -> None:
        super().__init__(ceiling=ceiling, random=random)
        self.size = min(16.0, ceiling)
        self.is_slow = True
        self.changed_at = self.cut_at = self.round = 0
        self.paused_until_s = 0.0

    @property
    def permits(self) -> float:
        """Calls allowed in flight."""
        return self.size

    def wait_s(self, now_s: float) -> float | None:
        """The pause after a cut goes first."""
        return max(0.0, self.paused_until_s - now_s) or super().wait_s(now_s)

    def note_accepted(self, sent: Ticket) -> None:
        """Counts a round of answers."""
        if sent.number <= self.changed_at or self.in_flight < 0.8 * int(self.size):
            return
        self.round += 1
        if self.round >= int(self.size):
            step = self.size if self.is_slow else max(1.0, 0.02 * self.size)
            self.size = min(self.size + step, self.ceiling)
            self.changed_at, self.round = self.requests, 0

    def note_throttled(self, sent: Ticket) -> None:
        """One cut an episode."""
        self.throttled += 1
        if sent.number <= self.cut_at:
            return
        self.size, self.is_slow, self.round = max(1.0, 0.85 * self.size), False, 0
        self.changed_at = self.cut_at = self.requests
        self.paused_until_s = _now_s() + 0.2 + 0.4 * self.random.random()


class SendRate(Rival):
    """The law of AWS's adaptive mode: a token bucket on the send rate, CUBIC growth, x 0.7."""

    def __init__(self, *, ceiling: int, random: Random) -> None:
        super().__init__(ceiling=ceiling, random=random)
        self.rate: float | None = None
        self.next_s = self.last_throttle_s = 0.0
        self.max_rate = self.measured = 0.0
        self.bucket_at_s, self.bucket_count = 0.0, 0

    def wait_s(self, now_s: float) -> float | None:
        """In flight below the ceiling, and a token there."""
        if self.in_flight >= self.ceiling:
            return None
        return 0.0 if self.rate is None else max(0.0, self.next_s - now_s)

    def sent(self, now_s: float) -> Ticket:
        """Takes a token; the rate is measured in half seconds, smoothed by 0.8."""
        if self.rate is not None:
            self.next_s = max(self.next_s, now_s - 1 / self.rate) + 1 / self.rate
        self.bucket_count += 1
        elapsed_s = now_s - self.bucket_at_s
        if elapsed_s >= 0.5:
            self.measured = 0.8 * self.bucket_count / elapsed_s + 0.2 * self.measured
            self.bucket_at_s, self.bucket_count = now_s, 0
        return super().sent(now_s)

    def note_accepted(self, sent: Ticket) -> None:
        """CUBIC in the time since the last 429."""
        if self.rate is None:
            return
        k = (self.max_rate * 0.3 / 0.4) ** (1 / 3)
        cubic = 0.4 * (_now_s() - self.last_throttle_s - k) ** 3 + self.max_rate
        self.rate = max(0.5, min(cubic, 2 * max(self.measured, 0.25)))

    def note_throttled(self, sent: Ticket) -> None:
        """Every 429 cuts, as botocore's does."""
        self.throttled += 1
        self.max_rate = min(self.measured, self.rate) if self.rate else max(self.measured, 1.0)
        self.rate = max(0.5, 0.7 * self.max_rate)
        self.last_throttle_s = _now_s()


def ours(*, ceiling: int, random: Random) -> Limiter:
    """The real limiter, with its law."""
    return Limiter(ceiling=ceiling, budget=Budget(), clock=VirtualClock(), random=random)


LAWS: dict[str, Callable[..., AnyLimiter]] = {
    "ours": ours,
    "doubling": Doubling,
    "send rate": SendRate,
}


def _now_s() -> float:
    return asyncio.get_running_loop().time()
