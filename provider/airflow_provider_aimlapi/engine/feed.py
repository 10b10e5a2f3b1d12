"""Where workers take rows from: those that waited long enough first, then new ones.

A row that must wait holds no permit and no worker.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Protocol

import msgspec

from airflow_provider_aimlapi.engine.waiters import Waiters

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.completion import Answer
    from airflow_provider_aimlapi.engine.clock import Clock


class Row(msgspec.Struct, kw_only=True, gc=False):
    """An input row made ready to send, and what it has been through.

    Attributes:
        part, row: its shard, and its index within.
        body: the exact request. request_hash: hex sha256 of it.
        exchanges: sent so far. attempts: of these, the ones that count against the row.
        number: of its last call, among the calls of all rows.
        rejections: answers that the request is wrong. refusals: those that were the row's own.
        violations: answers that could not be read. unread_cost_nano_usd: what they said they cost.
        unread: the last answer, until it is journaled.
        accepted_before: completions of the run when this row was first sent.
        was_refused: whether an earlier attempt left its refusal undecided.
    """

    part: int
    row: int
    body: bytes
    request_hash: str
    exchanges: int = 0
    attempts: int = 0
    number: int = 0
    rejections: int = 0
    refusals: int = 0
    violations: int = 0
    unread_cost_nano_usd: int = 0
    unread: Answer | None = None
    accepted_before: int = 0
    was_refused: bool = False


class Held(Protocol):
    """Rows that are not to be sent yet; see `engine.refused_rows`."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def wait(self, row: Row) -> None:
        """Hold a row."""
        ...

    async def without_others(self) -> None:
        """Give back a row at least, or end the run: there is no other row."""
        ...


class Feed:
    """Rows for a fixed set of workers; `fill` and `finish` are the reader's side.

    Attributes:
        held: rows that are held back; None where nothing holds any.
        workers: tasks that take rows, set before the first does.
    """

    def __init__(self, *, clock: Clock, waiting_max: int) -> None:
        self._clock = clock
        self._waiting_max = waiting_max
        self._new: deque[Row] = deque()
        self._waiting: list[tuple[float, int, Row]] = []
        self._order = 0
        self._is_read = False
        self._is_closed = False
        self.held: Held | None = None
        self.workers = 0
        self._idle = 0
        self._workers = Waiters()
        self._reader = Waiters()

    async def fill(self, rows: list[Row]) -> None:
        """Hand over rows, once the ones before have been taken."""
        while self._new and not self._is_closed:
            await self._reader.wait()
        for row in rows:
            if row.was_refused and self.held is not None:
                self.held.wait(row)
            else:
                self._new.append(row)
        self._workers.wake(len(rows))

    def finish(self) -> None:
        """Say that the reader has no more rows."""
        self._is_read = True
        self._workers.wake_all()

    async def take(self) -> Row | None:
        """The next row to send; None when this worker is not needed any more."""
        self._idle += 1
        row = await self._next()
        if row is not None:
            self._idle -= 1
        return row

    async def _next(self) -> Row | None:
        while not self._is_closed:
            if self._waiting and self._waiting[0][0] <= self._clock.now_s():
                return heappop(self._waiting)[2]
            if self._new and len(self._waiting) < self._waiting_max:
                return self._take_new()
            if self.held and self._has_held_rows_only():
                self._idle -= 1  # no other worker decides, too
                await self.held.without_others()
                self._idle += 1
                continue
            if self._is_read and not self._new and len(self._workers) >= self._rows_to_come():
                self._workers.wake()  # who waited for a row that is decided now may go, too
                return None
            await self._workers.wait(self._until_due_s())
        return None

    def put_back(self, row: Row, delay_s: float) -> None:
        """Let a row wait. The worker that puts it back comes to take again, so nobody is woken."""
        self._order += 1
        heappush(self._waiting, (self._clock.now_s() + delay_s, self._order, row))

    def release(self, row: Row) -> None:
        """Let a row go that was held."""
        self.put_back(row, 0.0)
        self._workers.wake()

    def close(self) -> None:
        """Hand out nothing more."""
        self._is_closed = True
        self._workers.wake_all()
        self._reader.wake_all()

    def _has_held_rows_only(self) -> bool:
        """Whether no other row is left, waits, or is in a worker's hands."""
        is_out = self._idle < self.workers
        return self._is_read and not (self._new or self._waiting or is_out)

    def _rows_to_come(self) -> int:
        return len(self._waiting) + (len(self.held) if self.held else 0)

    def _take_new(self) -> Row:
        row = self._new.popleft()
        if not self._new:
            self._reader.wake()
        return row

    def _until_due_s(self) -> float | None:
        if not self._waiting:
            return None
        return max(0.0, self._waiting[0][0] - self._clock.now_s())
