"""The clock of a check, which a test can replace."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.engine.runtime.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """The functions that read the time and wait.

    Attributes:
        now_s: returns monotonic seconds.
        wall_us: returns microseconds since 1970, UTC.
        sleep: waits for a number of seconds.
    """

    now_s: Callable[[], float]
    wall_us: Callable[[], int]
    sleep: Callable[[float], Awaitable[object]]


def system_timer() -> Timer:
    """Return a timer of the machine's clock."""
    clock = SystemClock()
    return Timer(now_s=clock.now_s, wall_us=clock.wall_us, sleep=asyncio.sleep)
