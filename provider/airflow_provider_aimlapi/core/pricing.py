"""Money as whole numbers of nano-dollars, so that sums are exact. Never guesses a price."""

from __future__ import annotations

from decimal import Decimal

NANO_USD_PER_USD = 1_000_000_000
NANO_USD_PER_CREDIT = 500
"""2,000,000 credits are one dollar: the vendor's documentation of `credits_used`."""
NANO_USD_MAX = 1_000_000 * NANO_USD_PER_USD
"""A single charge above a million dollars is taken for a misread answer, not for a charge."""


def nano_usd_from_credits(credits_used: str | float | Decimal | None) -> int | None:
    """Nano-dollars of a credit count; None when there is none or it is no sensible number."""
    return _scaled(credits_used, NANO_USD_PER_CREDIT)


def nano_usd_from_usd(usd: str | float | Decimal | None) -> int | None:
    """Nano-dollars of a dollar amount such as "0.001240000"; None when it is no such thing."""
    return _scaled(usd, NANO_USD_PER_USD)


def usd_from_nano_usd(nano_usd: int) -> float:
    """Dollars, as the float nearest to the exact amount."""
    return nano_usd / NANO_USD_PER_USD


def format_usd(nano_usd: int) -> str:
    """Dollars to read: cents for amounts of a dollar and more, finer below."""
    usd = Decimal(nano_usd) / NANO_USD_PER_USD
    return f"{usd:,.2f} USD" if abs(usd) >= 1 else f"{usd:.6f} USD"


def _scaled(amount: str | float | Decimal | None, scale: int) -> int | None:
    if amount is None or isinstance(amount, bool):
        return None
    try:
        exact = Decimal(str(amount)) * scale
        if not exact.is_finite() or not 0 <= exact <= NANO_USD_MAX:
            return None
        return int(exact.to_integral_value())
    except (ArithmeticError, ValueError):
        return None
