"""JSON as plain values, without trust in its source. Knows no field of the API.

Answers are decoded without a schema, because a schema would refuse a paid answer for a wrong type
in a field that is not used.
"""

from __future__ import annotations

import json
import re
from typing import TypeAlias

import msgspec

from airflow_provider_aimlapi.api.messages.damaged_json import decode_damaged, sound_text

JsonObject: TypeAlias = dict[str, object]

COUNT_MAX = 2**63 - 1
"""The largest number in a column of 64-bit integers."""
VALUES_MAX = 100_000
"""The most values of a JSON text: an empty object takes 3 bytes of text and 72 of memory."""
_SMALL_BYTES = 64 * 1024
"""A text of this size cannot hold enough values to matter, so its values are not counted."""
_STRING = re.compile(rb'"[^"\\]*(?:\\.?[^"\\]*)*(?:"|\Z)', re.DOTALL)
"""A string of JSON; the rest of the text if its end is missing, so that the search never backtracks."""
_LEADING_MARKS = b" \t\r\n\v\f\xef\xbb\xbf"


class Unreadable(Exception):
    """An answer holds no completion. `wire` turns it into one of the package's errors.

    Attributes:
        reason: the reason, without any text of the answer.
        message: the answer's own message; "" for none.
        payload: the readable part of the answer, which may state the cost.
    """

    def __init__(self, reason: str, message: str = "", payload: JsonObject | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.message = message
        self.payload: JsonObject = payload or {}


def decode_json(text: bytes | str, *, keep_halves: bool = False) -> object:
    """Return the value of a JSON text. The last of two equal keys counts.

    Decoding is strict. A text that fails is read again as in `damaged_json`.

    Args:
        keep_halves: see `damaged_json.sound_text`.

    Raises:
        Unreadable: the text is not JSON, is nested too deeply, or has more than VALUES_MAX values.
    """
    if len(text) > _SMALL_BYTES and _has_too_many_values(text):
        raise Unreadable(f"it holds more than {VALUES_MAX:,} values")
    try:
        # Strict first, because nearly every answer is strict JSON, and this is ten times as fast.
        value: object = msgspec.json.decode(text)
    except ValueError:
        return _decode_again(text, keep_halves=keep_halves)
    except RecursionError as error:
        raise _no_json(error) from None
    return value


def is_strict_json(text: str) -> bool:
    """Return whether a text is strict JSON of at most VALUES_MAX values."""
    if len(text) > _SMALL_BYTES and _has_too_many_values(text):
        return False
    try:
        msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _decode_again(text: bytes | str, *, keep_halves: bool) -> object:
    try:
        return decode_damaged(text, keep_halves=keep_halves)
    except (ValueError, RecursionError) as error:
        raise _no_json(error) from None


def _no_json(error: Exception) -> Unreadable:
    return Unreadable(f"it is not valid JSON ({type(error).__name__})")


def may_hold_too_many_values(text: bytes) -> bool:
    """Return whether a text, JSON or not, has separators for more than VALUES_MAX values."""
    return _count_separators(text, 0, len(text)) > VALUES_MAX


def _has_too_many_values(text: bytes | str) -> bool:
    """Return whether there are too many commas and brackets. Those inside of strings are not counted."""
    body = text.encode() if isinstance(text, str) else text
    if _count_separators(body, 0, len(body)) <= VALUES_MAX:
        return False
    marks = end = 0
    # One string at a time: a list of the text between them would take more memory than the values.
    for strings, string in enumerate(_STRING.finditer(body)):
        marks += _count_separators(body, end, string.start())
        end = string.end()
        if marks > VALUES_MAX or strings > 2 * VALUES_MAX:  # an object's member takes two
            return True
    return marks + _count_separators(body, end, len(body)) > VALUES_MAX


def _count_separators(body: bytes, start: int, end: int) -> int:
    return sum(body.count(mark, start, end) for mark in (b",", b"[", b"{"))


def encode_json(value: object) -> str:
    """Return a value that `decode_json` returned as compact JSON.

    Raises:
        Unreadable: its nesting is too deep to be encoded.
    """
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # a string holds half a surrogate pair
        return sound_text(json.dumps(value, separators=(",", ":")))
    except RecursionError as error:
        raise _no_json(error) from None


def strip_leading_marks(body: bytes) -> bytes:
    """Return the body without byte order marks and white space at its start."""
    return body.lstrip(_LEADING_MARKS)


def as_object(value: object) -> JsonObject:
    """Return the value if it is a JSON object, else an empty object."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[object]:
    """Return the value if it is a JSON array, else an empty list."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    """Return the value if it is a string, else an empty string."""
    return value if isinstance(value, str) else ""


def as_word(value: object, characters_max: int = 200) -> str | None:
    """Return a short string, such as a model's name, cut to a length; None for anything else."""
    return value[:characters_max] if isinstance(value, str) and value else None


def as_count(value: object, most: int = COUNT_MAX) -> int | None:
    """Return a whole number from 0 to `most`, also if it is written as 12.0; None otherwise."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= most else None
