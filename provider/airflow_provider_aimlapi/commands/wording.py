"""Ages, sizes and counts as people type and read them. Pure."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError

from airflow_provider_aimlapi.core.durable.retention import US_PER_S

_SECONDS = {"h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_AGE = re.compile(r"([0-9]{1,6})([hdw])\Z")
_BYTES = 1000.0


def parse_age_s(text: str) -> float:
    """Seconds of "12h", "30d" or "8w".

    Raises:
        ArgumentTypeError: which argparse tells the user.
    """
    match = _AGE.match(text.strip().lower())
    if match is None:
        raise ArgumentTypeError(f"{text!r} is no age: give hours, days or weeks, such as 30d")
    return int(match[1]) * _SECONDS[match[2]]


def format_age(since_us: int, now_us: int) -> str:
    """How long ago, in days, or in hours below two days."""
    hours = max(0.0, (now_us - since_us) / US_PER_S / _SECONDS["h"])
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"  # noqa: PLR2004


def format_bytes(size_bytes: float) -> str:
    """A size to read: "512 bytes", "1.5 MB"."""
    if size_bytes < _BYTES:
        return f"{size_bytes:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        size_bytes /= _BYTES
        if size_bytes < _BYTES:
            return f"{size_bytes:.1f} {unit}"
    return f"{size_bytes / _BYTES:.1f} TB"


def format_count(count: int, noun: str) -> str:
    """A number with its noun, as in "2,000 runs"; for nouns that take an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
