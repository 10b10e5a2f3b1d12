"""The one check of a number's kind and range; its error names the argument and the range. Pure."""

from __future__ import annotations

import sys

from airflow_provider_aimlapi.errors import InvalidSpec


def check_number(
    name: str,
    value: object,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float = sys.float_info.max,
    unit: str = "",
) -> None:
    """Refuse what is no number, or is outside of a range. NaN and infinity are outside of every range.

    Args:
        name: the argument, as the user writes it.
        least, above: the lower end, which belongs to the range (`least`) or does not (`above`).
        unit: what the number counts, such as "seconds", for the error's text.

    Raises:
        InvalidSpec: the value does not fit. The text states the range.
    """
    if not _fits_range(value, (int, float), least=least, above=above, most=most):
        kind = f"a number of {unit}" if unit else "a number"
        span = _range_in_words(least=least, above=above, most=most)
        raise InvalidSpec(f"{name}={value!r}: give {kind} {span}.")


def check_whole_number(
    name: str, value: object, *, least: int, most: float = sys.float_info.max
) -> None:
    """Refuse what is no int, or is outside of a range that includes both its ends.

    Raises:
        InvalidSpec: the value does not fit. The text states the range.
    """
    if not _fits_range(value, (int,), least=least, above=None, most=most):
        span = _range_in_words(least=least, above=None, most=most)
        raise InvalidSpec(f"{name}={value!r}: give a whole number {span}.")


def _fits_range(
    value: object,
    kinds: tuple[type, ...],
    *,
    least: float | None,
    above: float | None,
    most: float,
) -> bool:
    if not isinstance(value, (int, float)) or not isinstance(value, kinds):
        return False
    if isinstance(value, bool):  # True is an int to Python, and no number to a user
        return False
    # Each comparison with NaN is false, so NaN is refused without a check of its own.
    is_high_enough = (least is None or value >= least) and (above is None or value > above)
    return is_high_enough and value <= most


def _range_in_words(*, least: float | None, above: float | None, most: float) -> str:
    has_most = most < sys.float_info.max
    if least is not None:
        return (
            f"from {_shown_limit(least)} to {_shown_limit(most)}"
            if has_most
            else f"of at least {_shown_limit(least)}"
        )
    start = f"above {_shown_limit(above or 0)}"
    return f"{start} and up to {_shown_limit(most)}" if has_most else f"{start}, and finite"


def _shown_limit(limit: float) -> str:
    return f"{limit:,.0f}" if float(limit).is_integer() else f"{limit:g}"
