"""A bulk job against a simulated API: rows, workers, a limiter. What came of it, in figures."""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_aimlapi.core.calls.completion import Completion
from airflow_provider_aimlapi.engine.calls.limiter import Limiter
from airflow_provider_aimlapi.engine.runtime.retry import retry_delay_s
from airflow_provider_aimlapi.errors import ApiError, Throttled

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from random import Random

    from lab.limits.simulated_api import SimulatedApi

ANSWERED = Completion(text="", status="ok")
ATTEMPTS_MAX = 8
SAMPLE_S = 0.25


class AnyLimiter(Protocol):
    """What a worker needs of a limiter."""

    requests: int
    throttled: int

    def permit(self) -> AbstractAsyncContextManager[Any]:
        """The right to one attempt."""
        ...

    def settle(self, sent: Any, result: Completion | ApiError) -> None:
        """Apply the result of a call."""
        ...


@dataclass(slots=True, kw_only=True)
class Job:
    """Rows to be done, and how far they are.

    Attributes:
        rows_per_s: how fast the source brings rows; None: at once.
        done_at_s: when each row was done. lost: rows that ran out of attempts.
    """

    rows: int
    limiter: AnyLimiter
    api: SimulatedApi
    random: Random
    rows_per_s: float | None = None
    is_ideal: bool = False
    taken: int = 0
    lost: int = 0
    waiting: list[tuple[float, int, int, int, int]] = field(default_factory=list)
    done_at_s: list[float] = field(default_factory=list)
    sent_at_s: list[float] = field(default_factory=list)

    async def run(self, workers: int) -> None:
        """Do all rows."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(workers, self.rows)):
                tasks.create_task(self._work())

    @property
    def is_done(self) -> bool:
        """Whether no row is left."""
        return len(self.done_at_s) + self.lost >= self.rows

    async def _work(self) -> None:
        while not self.is_done:
            row = self._take()
            if row is None:
                if self.taken >= self.rows and not self.waiting:
                    return  # whoever puts a row back takes it again
                await asyncio.sleep(self._until_row_s())
                continue
            number, exchanges, attempts = row
            try:
                await self._attempt(number)
            except ApiError as error:
                attempts += not isinstance(error, Throttled)
                self._put_back(error, number, exchanges + 1, attempts)
            else:
                self.done_at_s.append(_now_s())

    async def _attempt(self, row: int) -> None:
        async with self.limiter.permit() as sent:
            self.sent_at_s.append(_now_s())
            try:
                used = self.random.randrange(200, 1000)
                await self.api.call(row=row, tokens=tokens_of(row), is_expected=self.is_ideal)
            except ApiError as error:
                self.limiter.settle(sent, error)
                raise
            self.limiter.settle(sent, Completion(text="", status="ok", completion_tokens=used))

    def _take(self) -> tuple[int, int, int] | None:
        now_s = _now_s()
        if self.waiting and self.waiting[0][0] <= now_s:
            _, _, *row = heapq.heappop(self.waiting)
            return row[0], row[1], row[2]
        has_new = self.rows_per_s is None or self.taken < self.rows_per_s * now_s
        if self.taken < self.rows and has_new:
            self.taken += 1
            return self.taken, 0, 0
        return None

    def _until_row_s(self) -> float:
        """Until a waiting row is due, or the source's next one."""
        due_s = [self.waiting[0][0]] if self.waiting else []
        if self.rows_per_s is not None and self.taken < self.rows:
            due_s.append((self.taken + 1) / self.rows_per_s)
        return max(0.1, min(due_s) - _now_s())

    def _put_back(self, error: ApiError, row: int, exchanges: int, attempts: int) -> None:
        if attempts >= ATTEMPTS_MAX:
            self.lost += 1
            return
        failures = exchanges
        if isinstance(self.limiter, Limiter) and isinstance(error, Throttled):
            failures = self.limiter.noise.failures_that_count(exchanges)
        delay_s = retry_delay_s(error, failures=failures, random=self.random)
        due = (_now_s() + delay_s, self.random.getrandbits(62))
        heapq.heappush(self.waiting, (*due, row, exchanges, attempts))


def tokens_of(row: int) -> int:
    """Return what a limit of tokens counts for a row, from 200 to 999: the same at each try.

    It is drawn from no random numbers, so that ours and the ideal need as many tokens for all rows.
    """
    return 200 + row * 7919 % 800


@dataclass(slots=True)
class Trace:
    """What was seen at regular instants: time, share of the limit in use, in flight, pace."""

    samples: list[tuple[float, float, int, float]] = field(default_factory=list)

    async def watch(
        self, job: Job, look: Callable[[], tuple[int, float]], every_s: float = SAMPLE_S
    ) -> None:
        """Look until cancelled."""
        while True:
            permits, pace = look()
            self.samples.append((_now_s(), job.api.share_used(_now_s()), permits, pace))
            await asyncio.sleep(every_s)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
