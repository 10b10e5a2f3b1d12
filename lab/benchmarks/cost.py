"""The cost of a process so far, including its imports, as the operating system counts it."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import psutil


def own_cost() -> dict[str, float]:
    """Wall seconds since the process began, CPU seconds, peak resident megabytes."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "wall_s": time.time() - psutil.Process().create_time(),  # noqa: TID251  # real time is measured
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": _peak_kb() / 1024,
    }


def _peak_kb() -> int:
    """Return the peak of this program alone. `ru_maxrss` would include the program that started it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise AssertionError("Linux tells a process's peak")
