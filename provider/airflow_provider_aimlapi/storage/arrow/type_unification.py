"""Decides which Arrow type holds every value of two others. Converts nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import types

from airflow_provider_aimlapi.core.texts.column_names import name_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_UNITS = ("s", "ms", "us", "ns")
_SIGNED = (pa.int8(), pa.int16(), pa.int32(), pa.int64())
_UNSIGNED = (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())
_FLOATS = (pa.float16(), pa.float32(), pa.float64())
_EXACT_INTEGER_BITS = {16: 11, 32: 24, 64: 53}
"""The bits of an integer that a float of this width holds exactly."""
DECIMAL128_PRECISION_MAX = 38
_UTC_NAMES = re.compile(
    r"(?:etc/)?(?:utc|uct|z|zulu|universal|greenwich|(?:gmt|utc)[+-]?0|gmt)|[+-]00(?::?00){0,2}",
    re.IGNORECASE,
)


def unify_types(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Return the smallest type that holds all values of both without loss; None if there is none.

    For two pairs, a few values may not fit: nanoseconds become microseconds, and large integers a
    float. `find_inexact` returns such pairs, whose values must then be checked.

    The field metadata inside of nested types is that of `one`.
    """
    if one.equals(other):
        return one
    if types.is_null(one) or types.is_null(other):
        return other if types.is_null(one) else one
    if types.is_dictionary(one) or types.is_dictionary(other):
        return unify_types(_decoded_type(one), _decoded_type(other))
    # Each rule knows one kind of pair and returns None for others. No pair has two rules.
    for rule in _RULES:
        unified = rule(one, other)
        if unified is not None:
            return unified
    return None


def _decoded_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if types.is_dictionary(kind) else kind


def _unify_integers(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    if not (types.is_integer(one) and types.is_integer(other)):
        return None
    # An unsigned type needs one bit more if the result has a sign. uint64 and any signed type have
    # none.
    is_signed = types.is_signed_integer(one) or types.is_signed_integer(other)
    needed = max(_bits_needed(one, is_signed=is_signed), _bits_needed(other, is_signed=is_signed))
    family = _SIGNED if is_signed else _UNSIGNED
    return next((kind for kind in family if kind.bit_width >= needed), None)


def _bits_needed(kind: pa.DataType, *, is_signed: bool) -> int:
    """Return the bits that an integer's values take, with a sign if the result has one."""
    needs_sign = is_signed and types.is_unsigned_integer(kind)
    return int(kind.bit_width) + (1 if needs_sign else 0)


def _unify_floats(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    if not (types.is_floating(one) or types.is_floating(other)):
        return None
    if not all(types.is_floating(kind) or types.is_integer(kind) for kind in (one, other)):
        return None
    fitting = (kind for kind in _FLOATS if _fits_exactly(one, kind) and _fits_exactly(other, kind))
    return next(fitting, pa.float64())


def _fits_exactly(kind: pa.DataType, target: pa.DataType) -> bool:
    if types.is_floating(kind):
        return bool(kind.bit_width <= target.bit_width)
    magnitude = kind.bit_width - (1 if types.is_signed_integer(kind) else 0)
    return bool(magnitude <= _EXACT_INTEGER_BITS[target.bit_width])


def _unify_strings(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    return pa.large_string() if _is_string(one) and _is_string(other) else None


def _is_string(kind: pa.DataType) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _unify_binaries(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    return pa.large_binary() if _is_binary(one) and _is_binary(other) else None


def _is_binary(kind: pa.DataType) -> bool:
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


def _unify_dates(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    return pa.date64() if types.is_date(one) and types.is_date(other) else None


def _unify_decimals(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    # With another scale, each value would be written with other digits, so a prompt would change.
    if not (types.is_decimal(one) and types.is_decimal(other)) or one.scale != other.scale:
        return None
    precision = max(one.precision, other.precision)
    wide = precision > DECIMAL128_PRECISION_MAX
    make = pa.decimal256 if wide else pa.decimal128
    return make(precision, one.scale)


def _unify_instants(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Unify timestamps and durations. Nanoseconds with another unit become microseconds.

    Nanoseconds end in the year 2262, and Spark does not read them.
    """
    for is_kind in (types.is_timestamp, types.is_duration):
        if is_kind(one) and is_kind(other):
            unit = max(one.unit, other.unit, key=_UNITS.index)
            is_mixed = unit == "ns" and one.unit != other.unit
            return _with_unit(one, other, "us" if is_mixed else unit)
    return None


def _with_unit(one: pa.DataType, other: pa.DataType, unit: str) -> pa.DataType | None:
    if types.is_duration(one):
        return pa.duration(unit)
    is_same = one.tz == other.tz or (_is_utc(one.tz) and _is_utc(other.tz))
    return pa.timestamp(unit, one.tz) if is_same else None


def _is_utc(zone: str | None) -> bool:
    return zone is not None and _UTC_NAMES.fullmatch(zone) is not None


def _unify_times(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    if not (types.is_time(one) and types.is_time(other)):
        return None
    return max(one, other, key=lambda kind: _UNITS.index(kind.unit))


def _unify_lists(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    if not (_is_list(one) and _is_list(other)):
        return None
    value = _unify_fields(one.value_field, other.value_field)
    if value is None:
        return None
    is_large = types.is_large_list(one) or types.is_large_list(other)
    return pa.large_list(value) if is_large else pa.list_(value)


def _is_list(kind: pa.DataType) -> bool:
    return bool(types.is_list(kind) or types.is_large_list(kind))


def _unify_structs(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Unify the fields of both. A field that only one has is null in the other."""
    if not (types.is_struct(one) and types.is_struct(other)):
        return None
    mine, theirs = ({field.name: field for field in kind} for kind in (one, other))
    names = list(dict.fromkeys([*mine, *theirs]))
    has_twins = len(mine) < one.num_fields or len(theirs) < other.num_fields
    if has_twins or len({name_key(name) for name in names}) < len(names):
        return None
    fields = [_shared_field(mine.get(name), theirs.get(name)) for name in names]
    known = [field for field in fields if field is not None]
    return pa.struct(known) if len(known) == len(fields) else None


def _shared_field(one: pa.Field | None, other: pa.Field | None) -> pa.Field | None:
    if one is None or other is None:
        field = one if other is None else other
        return field and field.with_nullable(nullable=True)
    return _unify_fields(one, other)


def _unify_maps(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    if not (types.is_map(one) and types.is_map(other)) or one.keys_sorted != other.keys_sorted:
        return None
    key = unify_types(one.key_type, other.key_type)
    item = _unify_fields(one.item_field, other.item_field)
    if key is None or item is None:
        return None
    return pa.map_(one.key_field.with_type(key), item, keys_sorted=one.keys_sorted)


def _unify_fields(one: pa.Field, other: pa.Field) -> pa.Field | None:
    unified = unify_types(one.type, other.type)
    if unified is None:
        return None
    return one.with_type(unified).with_nullable(one.nullable or other.nullable)


_RULES: tuple[Callable[[pa.DataType, pa.DataType], pa.DataType | None], ...] = (
    _unify_integers,
    _unify_floats,
    _unify_strings,
    _unify_binaries,
    _unify_dates,
    _unify_decimals,
    _unify_instants,
    _unify_times,
    _unify_lists,
    _unify_structs,
    _unify_maps,
)


def find_clash(
    name: str, one: pa.DataType, other: pa.DataType
) -> tuple[str, pa.DataType, pa.DataType]:
    """Return the innermost pair of types that do not unify, and its path, of two that do not."""
    for inner, mine, theirs in _inner_types(name, one, other):
        if unify_types(mine, theirs) is None:
            return find_clash(inner, mine, theirs)
    return name, one, other


def find_inexact(
    name: str, kind: pa.DataType, target: pa.DataType
) -> tuple[str, pa.DataType, pa.DataType] | None:
    """Return the first pair of types whose second may not hold a value of the first, and its path.

    Args:
        target: what `unify_types` returned for `kind` and others.

    Returns:
        None if it holds all values.
    """
    kind, target = _decoded_type(kind), _decoded_type(target)
    for inner, mine, theirs in _inner_types(name, kind, target):
        found = find_inexact(inner, mine, theirs)
        if found is not None:
            return found
    # The two pairs whose unified type may not hold each value; see `unify_types`.
    is_instant = types.is_timestamp(kind) or types.is_duration(kind)
    is_inexact = (is_instant and kind.unit != target.unit) or (
        types.is_integer(kind) and types.is_floating(target) and not _fits_exactly(kind, target)
    )
    return (name, kind, target) if is_inexact else None


def _inner_types(
    name: str, one: pa.DataType, other: pa.DataType
) -> Iterator[tuple[str, pa.DataType, pa.DataType]]:
    """Yield the types within two nested types of one kind, with their paths."""
    if types.is_struct(one) and types.is_struct(other):
        theirs = {field.name: field.type for field in other}
        for field in one:
            if field.name in theirs:
                yield f"{name}.{field.name}", field.type, theirs[field.name]
    elif _is_list(one) and _is_list(other):
        yield f"{name}[]", one.value_type, other.value_type
    elif types.is_map(one) and types.is_map(other):
        yield f"{name} (key)", one.key_type, other.key_type
        yield f"{name} (value)", one.item_type, other.item_type
