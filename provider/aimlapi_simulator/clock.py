"""The simulator's clock. No other module reads the time, and requests can move it forward."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Unix time that never runs backwards, plus the seconds that it was moved forward by."""

    __slots__ = ("_offset_s",)

    def __init__(self) -> None:
        self._offset_s = time.time_ns() / 1e9 - time.perf_counter()

    def now_s(self) -> float:
        """Return the seconds since 1970, UTC."""
        return time.perf_counter() + self._offset_s

    def move_forward(self, seconds: float) -> None:
        """Move forward. It affects limits, batches and delayed rows of the ledger, but no latency."""
        if seconds < 0:
            raise ValueError("a clock moves forward only")
        self._offset_s += seconds


def iso_time(now_s: float) -> str:
    """Format as `2026-08-17T10:00:00.000Z`."""
    moment = datetime.fromtimestamp(now_s, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
