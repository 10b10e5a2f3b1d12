"""The time that a check goes by: a test holds it still."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.engine.runtime.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Reads the time and lets it pass.

    Attributes:
        now_s: monotonic seconds.
        wall_us: microseconds since 1970, UTC.
        sleep: waits for a number of seconds.
    """

    now_s: Callable[[], float]
    wall_us: Callable[[], int]
    sleep: Callable[[float], Awaitable[object]]


def system_timer() -> Timer:
    """Return the machine's own time."""
    clock = SystemClock()
    return Timer(now_s=clock.now_s, wall_us=clock.wall_us, sleep=asyncio.sleep)
