"""A request to stop: any thread or signal handler may make it, and the engine's loop sees it."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

from airflow_provider_aimlapi.errors import RunInterrupted


class StopSignal:
    """A request to end a run cleanly: no new calls, drain, flush. Safe from any thread; idempotent."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal handler may interrupt its own thread in here
        self._is_requested = False
        self._watchers: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    @property
    def is_requested(self) -> bool:
        """Return whether a stop was requested."""
        return self._is_requested

    def request_stop(self) -> None:
        """Request a stop."""
        with self._lock:
            self._is_requested = True
            for loop, event in self._watchers:
                # A waiter of an earlier run whose loop has ended. To call into it would raise.
                if not loop.is_closed():
                    loop.call_soon_threadsafe(event.set)

    def raise_if_requested(self) -> None:
        """End a scan that may take long. Everything that was paid for is kept.

        Raises:
            RunInterrupted: a stop was requested.
        """
        if self._is_requested:
            raise RunInterrupted("A stop was requested. A retry continues from here.")

    async def pause_until_stop(self, duration_s: float) -> None:
        """Wait, but not beyond a stop.

        Raises:
            RunInterrupted: a stop was requested.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(duration_s):
                await self.wait_for_stop()
        self.raise_if_requested()

    async def wait_for_stop(self) -> None:
        """Return once a stop is requested."""
        event = asyncio.Event()
        entry = (asyncio.get_running_loop(), event)
        with self._lock:
            # Registered before the check, and under the lock. A request between the two would be
            # missed.
            self._watchers.append(entry)
            if self._is_requested:
                event.set()
        try:
            await event.wait()
        finally:
            with self._lock:
                self._watchers.remove(entry)
