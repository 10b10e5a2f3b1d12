"""One timer that is set again and again, for the earliest of the times for which it was set."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.engine.runtime.clock import Clock

TIMER_S_MIN = 0.001
"""Event loops count in milliseconds."""


class Timer:
    """Calls a function once per time that it is set for; the earlier of two times stays."""

    __slots__ = ("_at_s", "_clock", "_handle", "_on_time")

    def __init__(self, clock: Clock, on_time: Callable[[], None]) -> None:
        self._clock = clock
        self._on_time = on_time
        self._handle: asyncio.TimerHandle | None = None
        self._at_s = 0.0  # kept here, because uvloop's handles do not report it

    def set_in(self, delay_s: float) -> None:
        """Set the timer, unless it is due earlier."""
        delay_s = max(delay_s, TIMER_S_MIN)
        at_s = self._clock.now_s() + delay_s
        if self._handle is not None:
            if self._at_s <= at_s:
                return
            self._handle.cancel()
        self._at_s = at_s
        self._handle = asyncio.get_running_loop().call_later(delay_s, self._call_on_time)

    def cancel_timer(self) -> None:
        """Call nothing more, until the timer is set again."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _call_on_time(self) -> None:
        # Cleared first, because the function may set the timer again.
        self._handle = None
        self._on_time()
