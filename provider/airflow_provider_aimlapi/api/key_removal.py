"""Takes the key out of what a server says, before anything else sees it. Knows no other secret.

A server knows the key that it was sent, and some repeat it in their errors.
"""

from __future__ import annotations

import re

_KEY_CHARACTERS_MIN = 8
"""A shorter key opens nothing, and taking it out would tear words apart."""
_STANDS_FOR_KEY = b"[key]"
_ESCAPED_BY_NAME = frozenset('"\\/')


class KeyRemoval:
    """Replaces one key, in plain text or in JSON's escapes, by "[key]"."""

    def __init__(self, key: str) -> None:
        """Keep the key; it is left out of the repr."""
        self._key = key.encode("ascii") if len(key) >= _KEY_CHARACTERS_MIN else b""
        self._escaped = re.compile("".join(map(_written_in_json, key)).encode("ascii"))
        self._mark = b"\\" if _ESCAPED_BY_NAME & set(key) else b"\\u00"

    def clean(self, said: bytes) -> bytes:
        """What was said, without the key."""
        if not self._key or len(said) < len(self._key):
            return said
        cleaned = said.replace(self._key, _STANDS_FOR_KEY)
        if b"\\" not in cleaned or self._mark not in cleaned:  # the first is found much faster
            return cleaned
        return self._escaped.sub(_STANDS_FOR_KEY, cleaned)


def _written_in_json(character: str) -> str:
    """A pattern for each way in which JSON can hold the character."""
    named = "\\\\?" if character in _ESCAPED_BY_NAME else ""
    return f"(?:{named}{re.escape(character)}|\\\\u00(?i:{ord(character):02x}))"
