"""Takes the key out of what a server says, before anything else sees it. Knows no other secret.

A server knows the key that it was sent, and some repeat it in their errors.
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cached_property

_KEY_CHARACTERS_MIN = 8
"""A shorter key opens nothing, and taking it out would tear words apart."""
_STANDS_FOR_KEY = b"[key]"
_ESCAPED_BY_NAME = frozenset('"\\/')
_PART_LETTERS = 8
"""So many letters and digits of a key in a row are taken for a part of it."""
ERROR_BYTES_MAX = 16 * 1024
"""An error is short. Searching a longer one for each spelling would hold up other calls."""
_UNITS = re.compile(
    rb"\\{1,4}u00([0-9a-f]{2})|%([0-9a-f]{2})|&#x0*([0-9a-f]{2});|&#0*([0-9]{2,3});"
    rb"|\\{1,4}(?:u[0-9a-f]{4}|[bfnrt])|&[a-z]+;|([0-9a-z])|.",
    re.IGNORECASE | re.DOTALL,
)
_PLAIN, _DECIMAL = 5, 4


class KeyRemoval:
    """Replaces one key by "[key]"."""

    def __init__(self, key: str) -> None:
        """Keep the key; it is left out of the repr."""
        self._key = key.encode("ascii") if len(key) >= _KEY_CHARACTERS_MIN else b""
        self._escaped = re.compile("".join(map(_written_in_json, key)).encode("ascii"))
        self._mark = b"\\" if _ESCAPED_BY_NAME & set(key) else b"\\u00"

    def clean(self, said: bytes) -> bytes:
        """What was said, without the key in plain text or in JSON's escapes."""
        if not self._key or len(said) < len(self._key):
            return said
        cleaned = said.replace(self._key, _STANDS_FOR_KEY)
        if b"\\" not in cleaned or self._mark not in cleaned:  # the first is found much faster
            return cleaned
        return self._escaped.sub(_STANDS_FOR_KEY, cleaned)

    def clean_error(self, said: bytes) -> bytes:
        """What an error says, also without longer parts of the key, however they are written.

        In either case, backwards, spaced out, in the escapes of JSON, URLs or HTML, in base64 or in
        hexadecimal.
        """
        cleaned = self.clean(said)
        if not self._key or len(cleaned) > ERROR_BYTES_MAX:
            return cleaned
        letters, spans = _letters(cleaned)
        pieces: list[bytes] = []
        found_until = 0
        for place in range(len(letters) - _PART_LETTERS + 1):
            if letters[place : place + _PART_LETTERS] in self._parts:
                start, end = spans[place][0], spans[place + _PART_LETTERS - 1][1]
                if start >= found_until:
                    pieces += [cleaned[found_until:start], _STANDS_FOR_KEY]
                found_until = end
        return b"".join((*pieces, cleaned[found_until:]))

    @cached_property
    def _parts(self) -> frozenset[bytes]:
        """Each run of _PART_LETTERS letters of the key's spellings."""
        plain, _ = _letters(self._key)
        # What stands before the key shifts its base64; the ends mix it with what is around it.
        shifted = [b64encode(b"\0" * shift + self._key)[4:-4] for shift in range(3)]
        spellings = [plain, plain[::-1], self._key.hex().encode()]
        spellings += [_letters(one)[0] for one in (*shifted, b64encode(self._key))]
        return frozenset(
            spelling[place : place + _PART_LETTERS]
            for spelling in spellings
            for place in range(len(spelling) - _PART_LETTERS + 1)
        )


def _written_in_json(character: str) -> str:
    """A pattern for each way in which JSON can hold the character."""
    named = "\\\\?" if character in _ESCAPED_BY_NAME else ""
    return f"(?:{named}{re.escape(character)}|\\\\u00(?i:{ord(character):02x}))"


def _letters(text: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """The letters and digits of a text, escapes undone, in lower case; and where each stands."""
    letters, spans = bytearray(), []
    for unit in _UNITS.finditer(text):
        letter = _letter(unit)
        if letter.isalnum():
            letters += letter.lower()
            spans.append(unit.span())
    return bytes(letters), spans


def _letter(unit: re.Match[bytes]) -> bytes:
    """What a unit stands for; b"" for nothing that counts."""
    kind = unit.lastindex
    if kind is None:
        return b""
    if kind == _PLAIN:
        return unit[kind]
    return bytes([int(unit[kind], 10 if kind == _DECIMAL else 16) & 0xFF])
