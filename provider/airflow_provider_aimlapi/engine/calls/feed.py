"""Hand rows to the workers: first those that have waited long enough, then new ones.

A row that must wait holds no permit and no worker.
"""

from __future__ import annotations

import asyncio
from collections import deque
from heapq import heappop, heappush
from math import inf
from typing import TYPE_CHECKING, Protocol

from airflow_provider_aimlapi.engine.runtime.waiters import Waiters

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.engine.row import Row
    from airflow_provider_aimlapi.engine.runtime.clock import Clock


SPARE_ROWS = 512
"""New rows that may be taken although enough rows wait, if those that wait have only failed. Without
them, two bad rows at the start of a run with one call in flight would hold up all others; with a tenth,
50 would."""
JUMP_SHARE = 0.382
"""While nothing is answered, this fraction of the rows at hand is skipped before each new row (the golden
section, which spreads best). In their order, a block of bad rows would be sent row by row, and with
few calls in flight each try of the task would end before the block does."""
TIMER_S_MIN = 0.001
"""A timer that is due earlier would fire at once, because loops count in milliseconds."""


class HeldRows(Protocol):
    """Holds rows that must not be sent yet; see `engine.calls.refused_rows`."""

    def __len__(self) -> int:
        """Return the number of held rows."""
        ...

    def hold_row(self, row: Row) -> None:
        """Hold a row."""
        ...

    async def without_others(self) -> None:
        """Release at least one row, or end the run: no other row is left."""
        ...


class Feed:
    """Rows for a fixed set of workers; `add_rows` and `note_all_read` are the reader's side.

    Attributes:
        held: holds rows back; None if nothing holds any.
        lets_others_go: whether a row that waited long enough lets new ones go first.
        is_probing: whether one call at a time is made, so that few rows come to wait.
        is_silent: whether calls fail and none is answered, so that new rows are taken from all over
            the input.
        is_read: whether the reader has no more rows.
        is_stuck: whether the reader waits until rows are decided that are here.
        waiting_max: the number of waiting rows at which no new row is taken.
        workers: the number of tasks that take rows, set before the first does.
    """

    def __init__(self, *, clock: Clock, waiting_max: int) -> None:
        self._clock = clock
        self.waiting_max = waiting_max
        self._new: deque[Row] = deque()  # rows that were never sent in this attempt
        self._waiting: list[tuple[float, int, Row]] = []  # a heap by due time, then by order
        self._order = 0  # rows that were put back so far: it keeps equal times in order
        self.is_read = False
        self._is_closed = False
        self.held: HeldRows | None = None
        self.lets_others_go: Callable[[Row], bool] = lambda _row: False
        self.is_probing: Callable[[], bool] = lambda: False
        self.is_silent: Callable[[], bool] = lambda: False
        self.is_stuck: Callable[[], bool] = lambda: False
        self.workers = 0
        self._idle = 0  # workers without a row
        self._workers = Waiters()
        self._reader = Waiters()
        self._timer: asyncio.TimerHandle | None = None  # wakes a worker when the first row is due
        self._timer_s = inf  # the time that it is set to
        self._is_new_next = False  # after a failed row it is a new row's turn

    async def add_rows(self, rows: list[Row]) -> None:
        """Add rows once the earlier ones have been taken, or sooner while nothing is answered."""
        # Checked again after each wake, because rows may have been taken and put back meanwhile.
        while not self._is_closed and not self._has_room_for(len(rows)):
            await self._reader.wait_for_wake()
        for row in rows:
            # 1. It was refused in an earlier attempt: another row's answer must come first.
            # 2. It failed in one: it lets new rows go first.
            # 3. It was never sent.
            if row.was_refused and self.held is not None:
                self.held.hold_row(row)
            elif row.was_failing:
                self.put_back(row, 0.0)
            else:
                self._new.append(row)
        # No more workers than rows: hundreds would wake for nothing after each small batch.
        self._workers.wake_first(len(rows))

    def has_new_rows(self) -> bool:
        """Return whether more rows may be sent for the first time, before others are decided."""
        return bool(self._new) or not (self.is_read or self.is_stuck())

    def note_all_read(self) -> None:
        """Note that the reader has no more rows."""
        self.is_read = True
        self._workers.wake_all()

    async def take_row(self) -> Row | None:
        """Wait for the next row to send; return None if this worker is not needed any more."""
        self._idle += 1
        row = await self._next_row()
        if row is not None:
            self._idle -= 1
        return row

    async def _next_row(self) -> Row | None:
        # Cases, in this order:
        # 1. A waiting row is due: it goes, unless it lets a new row go first.
        # 2. A new row is there, and may wait like the others if it fails: it goes.
        # 3. Only held rows are left: the last worker has them decided, because no other row can.
        # 4. No row can come any more for this worker: it ends.
        # 5. Otherwise wait for a row that is due, added, released or decided.
        while not self._is_closed:
            is_due = self._is_due()
            lets_go = is_due and self._lets_new_go(self._waiting[0][2])
            has_new = bool(self._new) and self._has_room(SPARE_ROWS if lets_go else 0)
            if is_due and not (has_new and lets_go):
                return self._take_waiting()
            if has_new:
                return self._take_new()
            if self.held and self._has_held_rows_only():
                self._idle -= 1  # so that no other worker has them decided, too
                await self.held.without_others()
                self._idle += 1
                continue
            if self.is_read and not self._new and len(self._workers) >= self._rows_to_come():
                self._workers.wake_first()  # a worker that waited for a decided row may end, too
                return None
            self._set_timer()
            await self._workers.wait_for_wake()
        return None

    def put_back(self, row: Row, delay_s: float) -> None:
        """Let a row wait. No worker is woken, because the one that puts it back takes a row next."""
        self._order += 1
        heappush(self._waiting, (self._clock.now_s() + delay_s, self._order, row))

    def release_row(self, row: Row) -> None:
        """Let a held row go."""
        self.put_back(row, 0.0)
        self._workers.wake_first()

    def wake(self) -> None:
        """Let a worker check again whether only held rows are left."""
        self._workers.wake_first()

    def close_feed(self) -> None:
        """Hand out no more rows."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._workers.wake_all()
        self._reader.wake_all()

    def _lets_new_go(self, row: Row) -> bool:
        """Return whether a new row goes before this waiting one: failed and new rows take turns.

        With one call in flight and slow failures, answers would otherwise be far apart. While nothing
        is answered, it is a new row's turn.
        """
        is_turn = self._is_new_next and row.reason is not None
        return is_turn or self.is_silent() or self.lets_others_go(row)

    def _has_room(self, spare: int) -> bool:
        """Return whether a new row may be taken, although it may have to wait like the others."""
        return len(self._waiting) < self.waiting_max + spare or self.is_probing()

    def _has_room_for(self, count: int) -> bool:
        """Return whether the reader may add this many rows, while nothing is answered to as many."""
        return len(self._new) <= (count if self.is_silent() else 0)

    def _is_due(self) -> bool:
        return bool(self._waiting) and self._waiting[0][0] <= self._clock.now_s()

    def _has_held_rows_only(self) -> bool:
        """Return whether no other row is left, waits, or is being worked on."""
        is_out = self._idle < self.workers
        is_empty = not (self._new or self._waiting or is_out)
        return is_empty and (self.is_read or self.is_stuck())

    def _rows_to_come(self) -> int:
        return len(self._waiting) + (len(self.held) if self.held else 0)

    def _take_new(self) -> Row:
        if is_silent := self.is_silent():
            self._new.rotate(-int(JUMP_SHARE * len(self._new)))
        row = self._new.popleft()
        self._is_new_next = False
        if is_silent or not self._new:
            self._reader.wake_first()
        return row

    def _take_waiting(self) -> Row:
        row = heappop(self._waiting)[2]
        self._is_new_next = row.reason is not None
        # Another worker waits for the row that is due next, and the timer was set for this one.
        if self._workers:
            self._set_timer()
        return row

    def _set_timer(self) -> None:
        """Set the timer to the first due row. It wakes one worker, because there may be hundreds."""
        if not self._waiting or self._timer_s <= self._waiting[0][0]:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_s = self._waiting[0][0]
        delay_s = max(TIMER_S_MIN, self._timer_s - self._clock.now_s())
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._on_time)

    def _on_time(self) -> None:
        self._timer_s = inf
        self._workers.wake_first()
