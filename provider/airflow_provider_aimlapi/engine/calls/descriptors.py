"""Limit the calls in flight, so that enough files and sockets are left to keep their answers.

Each call holds a socket. If calls hold every descriptor that the process may open, no heartbeat,
journal segment or part can be written, and what was paid for is lost.
"""

from __future__ import annotations

import resource
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from airflow_provider_aimlapi.engine.settings import Settings

log = logger(__name__)

RESERVED = 64
"""For the store's connections (s3fs opens ten), files of the input, logs, and Airflow's own sockets. With
half of it, a store that renews its connections while parts are read finds none."""
OPEN_FOLDERS = ("/proc/self/fd", "/dev/fd")
OPEN_UNKNOWN = 64
"""Assumed where no folder lists the open descriptors."""


def fit_to_descriptors(settings: Settings) -> Settings:
    """Raise the limit of open files if calls need it, and lower `max_concurrency` to what it allows."""
    wanted = settings.max_concurrency
    # Asked once, before the first call. Later the process holds more, and `RESERVED` covers the
    # difference.
    open_now = _open_now()
    allowed = calls_within(_raised_limit(open_now + wanted + RESERVED), open_now)
    if wanted <= allowed:
        return settings
    log.warning(
        "max_concurrency=%s, but this process may not open enough files and sockets: at most %s calls "
        "are in flight, so that their answers can be kept. To allow more, raise the hard limit of "
        "open files of the Airflow worker (ulimit -n) to %s.",
        f"{wanted:,}",
        f"{allowed:,}",
        f"{open_now + wanted + RESERVED:,}",
    )
    return replace(settings, max_concurrency=allowed)


def calls_within(limit: int, open_now: int) -> int:
    """Return how many calls may be in flight: at least one. If descriptors are few, reserve half."""
    free = limit - open_now
    return max(1, free - min(RESERVED, free // 2))


def _raised_limit(needed: int) -> int:
    """Return how many descriptors may be open, after raising the soft limit if it is too low."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < needed:  # no limit is negative
        with suppress(ValueError, OSError):  # macOS refuses some that it reports
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft >= 0 else needed


def _open_now() -> int:
    # Linux has the first folder, macOS and the BSDs the second.
    for folder in OPEN_FOLDERS:
        with suppress(OSError):
            return sum(1 for _ in Path(folder).iterdir())
    return OPEN_UNKNOWN
