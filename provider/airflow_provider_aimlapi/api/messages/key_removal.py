"""Removes the key from everything that a server sends. Knows no other secret.

A server receives the key with each request, and some servers repeat it in their errors.
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cached_property

_KEY_CHARACTERS_MIN = 8
"""A shorter key gives no access, and removing it would damage other words."""
_STANDS_FOR_KEY = b"[key]"
_ESCAPED_BY_NAME = frozenset('"\\/')
_PART_LETTERS = 8
"""A sequence of this many letters and digits of the key counts as a part of it. With 4, it
could match ordinary words; with 16, half a key could be shown."""
ERROR_BYTES_MAX = 16 * 1024
"""An error is short. The search for each spelling in a longer text would delay other calls."""
_UNITS = re.compile(
    rb"\\{1,4}u00([0-9a-f]{2})|%([0-9a-f]{2})|&#x0*([0-9a-f]{2});|&#0*([0-9]{2,3});"
    rb"|\\{1,4}(?:u[0-9a-f]{4}|[bfnrt])|&[a-z]+;|([0-9a-z])|.",
    re.IGNORECASE | re.DOTALL,
)
_PLAIN, _DECIMAL = 5, 4


class KeyRemoval:
    """Replaces one key with "[key]"."""

    def __init__(self, key: str) -> None:
        """Keep the key, which no repr shows."""
        self._key = key.encode("ascii") if len(key) >= _KEY_CHARACTERS_MIN else b""
        # Made once. A body without a backslash, as nearly all are, is never searched with it.
        self._escaped = re.compile("".join(map(_written_in_json, key)).encode("ascii"))
        self._mark = b"\\" if _ESCAPED_BY_NAME & set(key) else b"\\u00"

    def remove_key(self, text: bytes) -> bytes:
        """Return bytes without the key in plain text or in JSON's escapes."""
        if not self._key or len(text) < len(self._key):
            return text
        cleaned = text.replace(self._key, _STANDS_FOR_KEY)
        if b"\\" not in cleaned or self._mark not in cleaned:  # the first search is much faster
            return cleaned
        return self._escaped.sub(_STANDS_FOR_KEY, cleaned)

    def clean_error(self, text: bytes) -> bytes:
        """Return an error's bytes without the key and without longer parts of it, in any spelling.

        Spellings are: either case, backwards, spaced out, the escapes of JSON, URLs and HTML,
        base64, and hexadecimal.
        """
        cleaned = self.remove_key(text)
        if not self._key or len(cleaned) > ERROR_BYTES_MAX:
            return cleaned
        letters, spans = _letters_with_spans(cleaned)
        pieces: list[bytes] = []
        found_until = 0
        for index in range(len(letters) - _PART_LETTERS + 1):
            if letters[index : index + _PART_LETTERS] in self._parts_of_key:
                start, end = spans[index][0], spans[index + _PART_LETTERS - 1][1]
                # Parts overlap, because each letter of the key but the last few begins one. All of
                # them become one mark.
                if start >= found_until:
                    pieces += [cleaned[found_until:start], _STANDS_FOR_KEY]
                found_until = end
        return b"".join((*pieces, cleaned[found_until:]))

    @cached_property
    def _parts_of_key(self) -> frozenset[bytes]:
        """Return each sequence of _PART_LETTERS letters in the key's spellings."""
        plain, _ = _letters_with_spans(self._key)
        # The bytes before the key shift its base64, and its ends mix with the bytes around it.
        shifted = [b64encode(b"\0" * shift + self._key)[4:-4] for shift in range(3)]
        spellings = [plain, plain[::-1], self._key.hex().encode()]
        spellings += [_letters_with_spans(one)[0] for one in (*shifted, b64encode(self._key))]
        return frozenset(
            spelling[index : index + _PART_LETTERS]
            for spelling in spellings
            for index in range(len(spelling) - _PART_LETTERS + 1)
        )


def _written_in_json(character: str) -> str:
    """Return a pattern that matches each spelling of a character in JSON."""
    named = "\\\\?" if character in _ESCAPED_BY_NAME else ""
    return f"(?:{named}{re.escape(character)}|\\\\u00(?i:{ord(character):02x}))"


def _letters_with_spans(text: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """Return a text's letters and digits, unescaped and in lower case, and the span of each."""
    letters, spans = bytearray(), []
    for unit in _UNITS.finditer(text):
        letter = _letter_of_unit(unit)
        if letter.isalnum():
            letters += letter.lower()
            spans.append(unit.span())
    return bytes(letters), spans


def _letter_of_unit(unit: re.Match[bytes]) -> bytes:
    """Return the character that a unit stands for; b"" for one that is not a letter or digit."""
    kind = unit.lastindex
    if kind is None:
        return b""
    if kind == _PLAIN:
        return unit[kind]
    return bytes([int(unit[kind], 10 if kind == _DECIMAL else 16) & 0xFF])
