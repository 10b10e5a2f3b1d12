"""Numbers as people read them: money, durations, ages, sizes and counts. Pure.

The run page shows the same kinds of numbers in JavaScript; see `page/files/shared.js`.
"""

from __future__ import annotations

from decimal import Decimal

_NANO = -9
_HOUR_S = 3600
_DAY_S = 86_400
_HOURS_SHOWN_S = 2 * _DAY_S
"""From two days on an age is shown in days, because hours are hard to compare with `--older-than 30d`."""
_BYTES_PER_STEP = 1000.0
"""SI units, as object stores bill them: with 1,024 a size would differ from the bill's."""


def format_usd(nano_usd: int) -> str:
    """Return dollars to read: cents for a dollar and more, six decimal places below."""
    usd = Decimal(nano_usd).scaleb(_NANO)
    # One call costs a fraction of a cent, which cents would show as 0.00.
    return format_amount(usd) if abs(usd) >= 1 else f"{usd:.6f} USD"


def format_amount(amount: float | Decimal, currency: str = "USD") -> str:
    """Return an amount of money to read, such as "1,234.50 USD"."""
    return f"{amount:,.2f} {currency}"


def format_duration(duration_s: float) -> str:
    """Return a duration to read, such as "42 s", "3 min 5 s" or "2 h 10 min"."""
    minutes, seconds = divmod(round(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def format_age(age_s: float) -> str:
    """Return an age in days, or in hours below two days."""
    age_s = max(0.0, age_s)  # the clocks of two machines differ, so an age may come out negative
    if age_s < _HOURS_SHOWN_S:
        return f"{age_s / _HOUR_S:.0f} hours"
    return f"{age_s / _DAY_S:.0f} days"


def format_bytes(size_bytes: float) -> str:
    """Return a size to read, such as "512 bytes" or "1.5 MB"."""
    if size_bytes < _BYTES_PER_STEP:
        return f"{size_bytes:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        size_bytes /= _BYTES_PER_STEP
        if size_bytes < _BYTES_PER_STEP:
            return f"{size_bytes:.1f} {unit}"
    return f"{size_bytes / _BYTES_PER_STEP:.1f} TB"


def format_count(count: int, noun: str) -> str:
    """Return a number with its noun, such as "2,000 runs", for nouns whose plural takes an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
