"""JSON as plain values, read without trust. Knows no field of the API, and raises `Unreadable` only.

Answers are decoded without a schema: a schema would refuse a paid answer for a wrong type in a
field that nobody needs.
"""

from __future__ import annotations

import json
import re
from typing import TypeAlias

import msgspec

from airflow_provider_aimlapi.api.messages.damaged_json import decode_damaged, sound_text

JsonObject: TypeAlias = dict[str, object]

COUNT_MAX = 2**63 - 1
"""The largest number that a column of 64-bit integers can hold."""
VALUES_MAX = 100_000
"""Most values in a JSON text: an empty object takes 3 bytes of it and 72 of memory."""
_SMALL_BYTES = 64 * 1024
"""A text that cannot hold values enough to matter."""
_STRING = re.compile(rb'"[^"\\]*(?:\\.?[^"\\]*)*(?:"|\Z)', re.DOTALL)
"""A string of JSON, or the rest of the text where its end is missing: so it never backtracks."""
_LEADING_MARKS = b" \t\r\n\v\f\xef\xbb\xbf"


class Unreadable(Exception):
    """An answer holds no completion. `wire` makes an error of the tree of it.

    Attributes:
        reason: why, in words of ours.
        said: what the answer itself says; "" for nothing.
        payload: what could be read of it, which may say what it cost.
    """

    def __init__(self, reason: str, said: str = "", payload: JsonObject | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.said = said
        self.payload: JsonObject = payload or {}


def decode_json(text: bytes | str, *, keep_halves: bool = False) -> object:
    """The value of a JSON text; the last of two equal keys counts.

    Decoded strictly. Only where that fails, it is read again as `damaged_json` does.

    Args:
        keep_halves: see `damaged_json.sound_text`.

    Raises:
        Unreadable: not JSON, nested too deeply to be decoded, or more than VALUES_MAX values.
    """
    if len(text) > _SMALL_BYTES and _has_too_many_values(text):
        raise Unreadable(f"it holds more than {VALUES_MAX:,} values")
    try:
        value: object = msgspec.json.decode(text)
    except ValueError:
        return _decode_again(text, keep_halves=keep_halves)
    except RecursionError as error:
        raise _no_json(error) from None
    return value


def is_strict_json(text: str) -> bool:
    """Whether a text is JSON by the letter, and of no more than VALUES_MAX values."""
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
    """Whether a text that may be no JSON at all has marks of more than VALUES_MAX values."""
    return _marks(text, 0, len(text)) > VALUES_MAX


def _has_too_many_values(text: bytes | str) -> bool:
    """Whether commas and brackets are too many, those inside of strings left out."""
    body = text.encode() if isinstance(text, str) else text
    if _marks(body, 0, len(body)) <= VALUES_MAX:
        return False
    marks = end = 0
    # One string at a time: a list of what lies between them would take more than the values.
    for strings, string in enumerate(_STRING.finditer(body)):
        marks += _marks(body, end, string.start())
        end = string.end()
        if marks > VALUES_MAX or strings > 2 * VALUES_MAX:  # an object's member takes two
            return True
    return marks + _marks(body, end, len(body)) > VALUES_MAX


def _marks(body: bytes, start: int, end: int) -> int:
    return sum(body.count(mark, start, end) for mark in (b",", b"[", b"{"))


def encode_json(value: object) -> str:
    """Compact JSON of a part of what `decode_json` gave.

    Raises:
        Unreadable: it is nested so deeply that it could just be decoded.
    """
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # halves of surrogate pairs that were kept
        return sound_text(json.dumps(value, separators=(",", ":")))
    except RecursionError as error:
        raise _no_json(error) from None


def strip_leading_marks(body: bytes) -> bytes:
    """The body without byte order marks and white space in front."""
    return body.lstrip(_LEADING_MARKS)


def as_object(value: object) -> JsonObject:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[object]:
    """The value if it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def as_word(value: object, characters_max: int = 200) -> str | None:
    """A short string, such as a model's name, cut to a sane length; None for anything else."""
    return value[:characters_max] if isinstance(value, str) and value else None


def as_count(value: object, most: int = COUNT_MAX) -> int | None:
    """A whole number from 0 to `most`, also when it was written as 12.0; None otherwise."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= most else None
