"""Bring a decoded answer into the one form that its columns hold, or show which value does not fit.

The schema's validator accepts values that a column would change: 7.5 as an integer's text, 2^63, a
moment with nanoseconds. So each value is checked here against its type alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.answers.misfits import Misfit
from airflow_provider_aimlapi.core.answers.quotes import check_quote

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.schemas.kinds import Kind, KindName

Cells = Mapping[str, str] | None
"""The text of each quoted column's cell, by the column's name. None: quotes are not checked."""
Normalize = Callable[[object, Cells], object]
"""Returns a value in its normal form. It raises a Misfit."""

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
_EXACT_MAX = 2**53
"""Up to here, each integer is a double of its own. The text of this very double may be 2^53 + 1."""
_MICROSECOND_DIGITS = 6


def normalizer_of(kind: Kind) -> Normalize:
    """Return the function that brings values of a type into their normal form."""
    normalize = _normalizer_but_null(kind)
    if not kind.is_nullable:
        return normalize
    return lambda value, cells: None if value is None else normalize(value, cells)


def _normalizer_but_null(kind: Kind) -> Normalize:
    if kind.name == "struct":
        fields = {
            prop.name: (normalizer_of(prop.kind), prop.is_required, prop.is_nullable)
            for prop in kind.properties
        }
        return partial(_normal_struct, fields)
    if kind.item is not None:
        return partial(
            _normal_list if kind.name == "list" else _normal_map, normalizer_of(kind.item)
        )
    if kind.quote_of is not None:
        return partial(_checked_quote, kind.quote_of)
    return _OF_SCALAR[kind.name]


def _normal_struct(
    fields: Mapping[str, tuple[Normalize, bool, bool]], value: object, cells: Cells
) -> dict[str, object]:
    if not isinstance(value, dict):
        raise Misfit("is not an object", value)
    found: dict[str, object] = {}
    missing = 0
    for name, (normalize, is_required, is_nullable) in fields.items():
        if name not in value:
            missing += 1
            if is_required:
                raise Misfit("lacks a property that is required", None)
            if is_nullable:
                found[name] = None
            continue
        try:
            found[name] = normalize(value[name], cells)
        except Misfit as misfit:
            misfit.steps.append(name)
            raise
    # Counted, because comparing all names would take longer for each valid answer.
    if len(value) > len(fields) - missing:
        raise Misfit("has a property that the schema does not have", None)
    return found


def _normal_list(normalize: Normalize, value: object, cells: Cells) -> list[object]:
    if not isinstance(value, list):
        raise Misfit("is not a list", value)
    found: list[object] = []
    for number, item in enumerate(value):
        try:
            found.append(normalize(item, cells))
        except Misfit as misfit:
            misfit.steps.append(number)
            raise
    return found


def _normal_map(normalize: Normalize, value: object, cells: Cells) -> dict[str, object]:
    if not isinstance(value, dict):
        raise Misfit("is not an object", value)
    found: dict[str, object] = {}
    for name, item in value.items():
        try:
            found[name] = normalize(item, cells)
        except Misfit as misfit:
            misfit.steps.append(name)
            raise
    return found


def _checked_quote(column: str, value: object, cells: Cells) -> str:
    text = _normal_string(value, cells)
    if cells is not None:
        check_quote(text, column, cells[column])
    return text


def _normal_string(value: object, _: Cells) -> str:
    if not isinstance(value, str):
        raise Misfit("is not a text", value)
    return value


def _normal_boolean(value: object, _: Cells) -> bool:
    if not isinstance(value, bool):
        raise Misfit("is neither true nor false", value)
    return value


def _normal_integer(value: object, _: Cells) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        if INT64_MIN <= value <= INT64_MAX:
            return value
        raise Misfit("is beyond 64 bits", value)
    # JSON Schema accepts 7.0 as an integer.
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_MAX:
        return int(value)
    raise Misfit("is not an integer that 64 bits hold", value)


def _normal_number(value: object, _: Cells) -> float:
    if isinstance(value, float):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) <= _EXACT_MAX or _is_exact(value):
            return float(value)
        raise Misfit("has more digits than a double holds", value)
    raise Misfit("is not a number", value)


def _is_exact(value: int) -> bool:
    try:
        return int(float(value)) == value
    except OverflowError:
        return False


def _normal_date(value: object, cells: Cells) -> date:
    try:
        return msgspec.convert(_normal_string(value, cells), date)
    except msgspec.ValidationError:
        raise Misfit("is not a date such as 2026-01-31", value) from None


def _normal_timestamp(value: object, cells: Cells) -> datetime:
    """Return a moment in UTC. A column holds microseconds of the years 1 to 9999."""
    text = _normal_string(value, cells)
    try:
        moment = msgspec.convert(text, datetime)
        if moment.tzinfo is not None and not _has_nanoseconds(text):
            return moment.astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        pass
    raise Misfit("is not a moment such as 2026-01-31T08:00:00Z, up to microseconds", value)


def _has_nanoseconds(text: str) -> bool:
    _, _, fraction = text.partition(".")
    digits = fraction[: len(fraction) - len(fraction.lstrip("0123456789"))]
    return len(digits.rstrip("0")) > _MICROSECOND_DIGITS


_OF_SCALAR: dict[KindName, Normalize] = {
    "string": _normal_string,
    "integer": _normal_integer,
    "number": _normal_number,
    "boolean": _normal_boolean,
    "date": _normal_date,
    "timestamp": _normal_timestamp,
}
