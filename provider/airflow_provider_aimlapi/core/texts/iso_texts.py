"""Dates, times and durations of any size as ISO 8601 texts. Reads no clock.

Python's own types end in the year 9999, and at microseconds. Values of a table may exceed both.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

NS_PER_S = 10**9
_S_PER_DAY = 86_400
_NS_PER_DAY = _S_PER_DAY * NS_PER_S
_NS_PER_US = 1000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_DAYS_PER_CYCLE = 146_097
"""The calendar repeats after 400 years."""
_YEARS_PER_CYCLE = 400
_YEAR_MAX = 9999
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")


def iso_date(days: int) -> str:
    """Return a date from its days since 1970: `2026-01-31`, `-0044-03-15`, `+12026-01-31`."""
    # Any day is moved into the years 1 to 400, which Python's dates cover. Then its year is moved
    # back.
    cycles, day = divmod(days + _EPOCH_ORDINAL - 1, _DAYS_PER_CYCLE)
    found = date.fromordinal(day + 1)
    year = found.year + cycles * _YEARS_PER_CYCLE
    sign = "-" if year < 0 else "+" if year > _YEAR_MAX else ""
    return f"{sign}{abs(year):04d}-{found.month:02d}-{found.day:02d}"


def iso_time(ns: int) -> str:
    """Return a time of day from its nanoseconds since midnight, with 0, 6 or 9 digits of a second."""
    seconds, fraction = divmod(abs(ns), NS_PER_S)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    text = f"{'-' if ns < 0 else ''}{hour:02d}:{minute:02d}:{second:02d}"
    if not fraction:
        return text
    # Six digits if they are exact, as Python and most databases write them.
    micros, rest = divmod(fraction, _NS_PER_US)
    return f"{text}.{fraction:09d}" if rest else f"{text}.{micros:06d}"


def iso_timestamp(ns: int, zone: tzinfo | None = None) -> str:
    """Return a moment from its nanoseconds since 1970.

    Args:
        zone: if set, `ns` counts from 1970 in UTC, and the text is the zone's time with its offset.
            Outside of the years 1 to 9999 it is the time in UTC.
    """
    if zone is None:
        return _date_and_time(ns)
    offset = _offset_at(ns // NS_PER_S, zone)
    seconds = int(offset.total_seconds())
    return f"{_date_and_time(ns + seconds * NS_PER_S)}{_iso_offset(seconds)}"


def iso_duration(ns: int) -> str:
    """Return a duration: `P1DT2H3M4.5S`, `-PT1S`, `PT0S`."""
    seconds, fraction = divmod(abs(ns), NS_PER_S)
    days, seconds = divmod(seconds, _S_PER_DAY)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    digits = f".{fraction:09d}".rstrip("0") if fraction else ""
    times = [(hours, "H"), (minutes, "M")]
    time = "".join(f"{number}{unit}" for number, unit in times if number)
    if seconds or digits or not (days or time):
        time += f"{seconds}{digits}S"
    sign = "-" if ns < 0 else ""
    return f"{sign}P{f'{days}D' if days else ''}{f'T{time}' if time else ''}"


def find_zone(name: str) -> tzinfo | None:
    """Return the time zone of a name such as `Europe/Berlin`, or of an offset such as `+05:30`.

    Returns:
        None if this Python does not have it.
    """
    offset = _OFFSET.fullmatch(name)
    if offset:
        size = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-size if offset[1] == "-" else size) if size < timedelta(days=1) else None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # a name that is a folder raises an OSError
        return None


def _date_and_time(ns: int) -> str:
    days, rest = divmod(ns, _NS_PER_DAY)
    return f"{iso_date(days)}T{iso_time(rest)}"


def _offset_at(seconds: int, zone: tzinfo) -> timedelta:
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        return moment.astimezone(zone).utcoffset() or timedelta()
    except (OverflowError, ValueError):
        return timedelta()


def _iso_offset(seconds: int) -> str:
    minutes, second = divmod(abs(seconds), 60)
    hour, minute = divmod(minutes, 60)
    text = f"{'-' if seconds < 0 else '+'}{hour:02d}:{minute:02d}"
    return f"{text}:{second:02d}" if second else text
