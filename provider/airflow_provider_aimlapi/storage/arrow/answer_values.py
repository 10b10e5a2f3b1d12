"""Reads typed answers back from their arrays. The inverse of `answer_arrays`.

The arrays come from a part, which others may have written. Each has been checked for its type. A value
that no answer has is an error here.
"""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.storage.arrow.answer_arrays import EPOCH, EPOCH_DAY, MICROSECOND
from airflow_provider_aimlapi.storage.arrow.columns import shared_values

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from airflow_provider_aimlapi.core.schemas.kinds import Kind

ABSENT = object()
"""Stands for a property that an answer does not have."""


class TooManyCharacters(ValueError):
    """Texts would take too much memory."""


class TextRoom:
    """How many characters may still be read. A text that repeats counts each time."""

    def __init__(self, characters_max: int) -> None:
        self._left = characters_max

    def take_texts(self, texts: Iterable[str | None]) -> None:
        """Count texts.

        Raises:
            TooManyCharacters: there are.
        """
        self._left -= sum(len(text) for text in texts if text is not None)
        if self._left < 0:
            raise TooManyCharacters


def answer_values(kind: Kind, array: pa.Array, room: TextRoom) -> list[Any]:
    """Return the values of an array as JSON has them, in their normal form; None for a null.

    Raises:
        ValueError, OverflowError: a value is not one that an answer has.
    """
    if kind.name == "struct":
        return _values_of_structs(kind, array, room)
    if kind.item is not None:
        return _values_of_lists(kind, kind.item, array, room)
    values = shared_values(array)
    if kind.name == "string":
        room.take_texts(values)
    # JSON has neither infinity nor NaN, so no answer does.
    elif kind.name == "number" and not all(map(math.isfinite, filter(None, values))):
        raise ValueError("a number is not finite")
    elif kind.name == "date":
        return [None if day is None else date.fromordinal(day + EPOCH_DAY) for day in values]
    elif kind.name == "timestamp":
        return [None if us is None else EPOCH + us * MICROSECOND for us in values]
    return values


def _values_of_structs(kind: Kind, array: pa.Array, room: TextRoom) -> list[Any]:
    columns = [
        _property_values(one.kind, child, room, is_required=one.is_required)
        for one, child in zip(kind.properties, array.flatten(), strict=True)
    ]
    names = [one.name for one in kind.properties]
    found: list[Any] = []
    for row, is_there in enumerate(array.is_valid().to_pylist()):
        pairs = [(name, column[row]) for name, column in zip(names, columns, strict=True)]
        if is_there and any(value is _MISSING for _, value in pairs):
            raise ValueError("a required property is null")
        there = {name: value for name, value in pairs if value is not ABSENT}
        found.append(there if is_there else None)
    return found


_MISSING = object()
"""Stands for a null where an answer must have a value."""


def _property_values(
    kind: Kind, array: pa.Array, room: TextRoom, *, is_required: bool
) -> list[Any]:
    """Return the values of a property. A null means three different things.

    1. A property that may be null is null. 2. An optional one was absent. 3. Another one has no null,
    but the struct around it may.
    """
    values = answer_values(kind, array, room)
    if kind.is_nullable:
        return values
    stand_in = _MISSING if is_required else ABSENT
    return [stand_in if value is None else value for value in values]


def _values_of_lists(kind: Kind, item: Kind, array: pa.Array, room: TextRoom) -> list[Any]:
    if kind.name == "list":
        items = answer_values(item, array.values, room)
        keys = []
    else:
        items = answer_values(item, array.items, room)
        keys = shared_values(array.keys)
        room.take_texts(keys)
    if not item.is_nullable and None in items:
        raise ValueError("an item is null")
    offsets = array.offsets.to_pylist()
    found: list[Any] = []
    for row, is_there in enumerate(array.is_valid().to_pylist()):
        span = slice(offsets[row], offsets[row + 1])
        value = items[span] if kind.name == "list" else _map_of(keys[span], items[span])
        found.append(value if is_there else None)
    return found


def _map_of(keys: list[str], items: list[Any]) -> dict[str, Any]:
    found = dict(zip(keys, items, strict=True))
    # A JSON object has each key once. Others may have written a part with a key twice.
    if len(found) < len(keys) or None in found:
        raise ValueError("a key comes twice")
    return found
