"""Reads and copies values of JSON, so that nothing of a schema is lost or changes after its check."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_aimlapi.core.schemas.refusal import refusal_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.core.calls.json_types import Json

T = TypeVar("T")
_DEPTH_MAX = 32
_HALF_A_PAIR = "has a text with half a surrogate pair, which no file can hold."
_INTEGER_MAX = 2**63
"""No column of integers holds more, and a bound above it has no effect."""


def copied_json(value: object, path: str, depth: int = 0) -> Json:
    """Return a copy that consists of Python's own types.

    Raises:
        InvalidSpec: JSON cannot express the value, or it is nested too deeply.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and _is_writable(value):
        return value
    if isinstance(value, str):
        return _copied_text(value, path)
    if depth < _DEPTH_MAX and isinstance(value, Mapping):
        return {
            _copied_key(key, path): copied_json(part, path, depth + 1)
            for key, part in value.items()
        }
    if depth < _DEPTH_MAX and isinstance(value, (list, tuple)):
        return [copied_json(part, path, depth + 1) for part in value]
    raise refusal_at(
        path, "has a value that JSON cannot express, such as NaN, a date, or an integer above 2^63."
    )


def without_twins(pairs: Sequence[tuple[str, T]]) -> dict[str, T]:
    """Return an object's pairs as a dict, for `json.loads`.

    Raises:
        ValueError: a name comes twice. One of the values would be lost.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the name {json.dumps(name)} comes twice in an object")
    return found


def _is_writable(number: float) -> bool:
    return abs(number) <= _INTEGER_MAX if isinstance(number, int) else isfinite(number)


def _copied_key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise refusal_at(path, f"has the key {key!r}, which is no text.")
    return _copied_text(key, path)


def _copied_text(text: str, path: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise refusal_at(path, _HALF_A_PAIR) from None
    return text
