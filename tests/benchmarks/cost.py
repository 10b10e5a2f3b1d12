"""What a process has cost so far, imports included, as the operating system counts it."""

from __future__ import annotations

import resource
import time

import psutil


def own_cost() -> dict[str, float]:
    """Wall seconds since the process began, CPU seconds, peak resident megabytes."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "wall_s": time.time() - psutil.Process().create_time(),  # noqa: TID251  # real time is measured
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }
