"""The one place that reads a clock or hands work to a thread.

Waiting is asyncio's: a test that owns time runs the engine on a loop whose time it moves.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


class Clock(Protocol):
    """Time and threads, as the engine sees them."""

    def now_s(self) -> float:
        """Monotonic seconds, from an arbitrary start."""
        ...

    def wall_us(self) -> int:
        """Microseconds since 1970, UTC."""
        ...

    async def in_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run blocking work off the loop."""
        ...


class SystemClock:
    """The machine's own time and threads."""

    def now_s(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def wall_us(self) -> int:
        """Microseconds since 1970, UTC."""
        return time.time_ns() // 1000

    async def in_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run blocking work on the loop's default executor."""
        return await asyncio.to_thread(call, *args, **kwargs)
