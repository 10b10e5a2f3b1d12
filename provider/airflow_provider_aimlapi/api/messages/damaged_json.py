"""Reads JSON whose text is damaged, or is surrounded by other text. Knows no field of the API.

It reads what strict decoding refused. It is ten times as slow, and takes linear time. Lost
characters become U+FFFD, REPLACEMENT CHARACTER. A number that JSON does not allow becomes null.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FALSE_STARTS_MAX = 32
"""How many braces may fail to begin an object before a search ends. Each may cost a reading of the
whole rest."""
# A double has at most 309 digits. Reading a longer whole number takes quadratic time.
_DIGITS_MAX = 400
_LOST = "\ufffd"
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_ZEROS_WITHIN_BYTES = 4
"""JSON has a zero in its first four bytes in UTF-16 and UTF-32, and none in UTF-8."""
_ESCAPE = re.compile(
    r"""
    (?: \\ ["\\/bfnrt] )+
    | \\u [dD][89abAB][0-9a-fA-F]{2} \\u [dD][c-fC-F][0-9a-fA-F]{2}
    | (?P<half> \\u [dD][89a-fA-F][0-9a-fA-F]{2} )
    | \\u [0-9a-fA-F]{4}
    | (?P<none> \\ )
    """,
    re.VERBOSE,
)
"""The escapes of JSON, and two faults: half a surrogate pair, and a backslash that begins no escape."""
_STRING = re.compile(r'"[^"\\]*(?:\\.?[^"\\]*)*(?:"|\Z)', re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f]")


def utf8_of(body: bytes) -> bytes:
    """Return a body in UTF-8, from any Unicode encoding. UTF-8 is returned unchanged."""
    if not body.startswith(_BYTE_ORDER_MARKS) and 0 not in body[:_ZEROS_WITHIN_BYTES]:
        return body
    text = body.decode(json.detect_encoding(body), "replace")
    # What was taken for UTF-16 by its zeros may be something else. Without a brace it is not JSON.
    return text.encode() if "{" in text else body


def sound_text(text: bytes | str, *, keep_halves: bool = False) -> str:
    """Return a JSON text in which all characters and escapes can be read.

    Args:
        keep_halves: keep the escape of half a surrogate pair, because the second half may come
            with the next piece of the text.
    """
    whole = text if isinstance(text, str) else text.decode("utf-8", "replace")
    if "\\" not in whole:
        return whole

    def repaired_escape(escape: re.Match[str]) -> str:
        if escape.lastgroup == "none":
            return r"\\"
        return r"\ufffd" if escape.lastgroup == "half" and not keep_halves else escape[0]

    return _ESCAPE.sub(repaired_escape, whole)


def strict_text(text: str) -> str:
    """Return a JSON text that strict JSON allows: sound, without control characters in strings."""
    return _STRING.sub(
        lambda string: _CONTROL.sub(lambda mark: f"\\u{ord(mark[0]):04x}", string[0]),
        sound_text(text),
    )


def whole_text(text: str) -> str:
    """Return a text with the halves of surrogate pairs joined. A single half becomes U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def decode_damaged(text: bytes | str, *, keep_halves: bool = False) -> object:
    """Return the value of a JSON text, read leniently.

    Strings may hold control characters.

    Raises:
        ValueError: the text is not JSON.
        RecursionError: it is nested too deeply.
    """
    value: object = _DECODER.decode(sound_text(text, keep_halves=keep_halves))
    return value


def decode_start(text: str) -> tuple[object, int]:
    """Return the JSON value at the start of a sound text, and the index of its end.

    Raises:
        ValueError, RecursionError: as for `decode_damaged`.
    """
    return _DECODER.raw_decode(text)


def objects_in(text: str) -> Iterator[dict[str, object]]:
    """Yield the JSON objects in a sound text, in order, whatever surrounds them.

    Objects inside of a yielded object are not yielded.
    """
    false_starts, start = 0, text.find("{")
    while start >= 0 and false_starts < FALSE_STARTS_MAX:
        try:
            value, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            false_starts, end = false_starts + 1, start + 1
        else:
            yield value
        start = text.find("{", end)


def _finite_number(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _whole_number(digits: str) -> int | None:
    return int(digits) if len(digits) <= _DIGITS_MAX else None


def _read_as_null(_name: str) -> None:
    """Return None for NaN and Infinity, which some servers write."""


_DECODER = json.JSONDecoder(
    strict=False, parse_float=_finite_number, parse_int=_whole_number, parse_constant=_read_as_null
)
