"""Checks of single query parameters, for the endpoints that list things."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal

_PERIOD = re.compile(r"([1-9]\d{0,4})([hd])")
_HOUR_S = 3600.0


class BadQuery(ValueError):
    """A parameter is refused. The message has its name and the reason."""


def last_value(parameters: list[tuple[str, str]], name: str) -> str | None:
    """Return the last value of a parameter, None if it is absent."""
    values = all_values(parameters, name)
    return values[-1] if values else None


def all_values(parameters: list[tuple[str, str]], name: str) -> list[str]:
    """Return all values of a repeated parameter."""
    return [value for key, value in parameters if key == name]


def whole_number(
    parameters: list[tuple[str, str]], name: str, default: int, least: int, most: int
) -> int:
    """Read a whole number between `least` and `most`."""
    text = last_value(parameters, name)
    if text is None:
        return default
    if not text.isdecimal() or not least <= int(text) <= most:
        raise BadQuery(f"{name} must be a whole number from {least} to {most}")
    return int(text)


def listed_values(
    parameters: list[tuple[str, str]], name: str, options: tuple[str, ...]
) -> list[str]:
    """Read the values of a repeated parameter; each must be one of the options."""
    values = all_values(parameters, name)
    for value in values:
        if value not in options:
            raise BadQuery(f"{name} must be one of: {', '.join(options)}; received '{value[:80]}'")
    return values


def period_s(text: str) -> float:
    """Convert `24h` or `7d` to seconds."""
    match = _PERIOD.fullmatch(text)
    if match is None:
        raise BadQuery("period must be a positive whole number followed by h or d")
    return int(match[1]) * _HOUR_S * (24 if match[2] == "d" else 1)


def moment_s(text: str, name: str, *, without_offset: Literal["utc", "refused"]) -> float:
    """Convert an ISO-8601 moment to Unix time."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadQuery(f"{name} must be a moment in ISO-8601") from None
    if moment.tzinfo is None:
        if without_offset == "refused":
            raise BadQuery(f"{name} must carry an offset from UTC")
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()
