"""Finds numbers by the hash of a request, in 24 to 48 bytes for each. Mutable; no I/O.

It is a table with open addressing in two arrays. A dictionary would take six times as much memory.
"""

from __future__ import annotations

from array import array

SLOTS_AN_ENTRY = 2
"""At most half of the slots are taken, so that a search ends after two of them on average. With three
quarters, it would take four if the entry is missing, which is the common case."""
KEY_DIGITS = 16
"""The hexadecimal digits of a hash that a slot keeps: 64 bits."""


class HashIndex:
    """Numbers below 2**32 by hash. Two hashes may share a key, so the caller compares them whole.

    Args:
        entries_max: the most entries. All memory is taken at once.
    """

    def __init__(self, entries_max: int) -> None:
        slots = 1 << max(1, SLOTS_AN_ENTRY * entries_max - 1).bit_length()
        self._mask = slots - 1
        self._keys = array("Q", (0,)) * slots  # 0 is a free slot
        self._numbers = array("I", (0,)) * slots
        self._room = entries_max

    @property
    def is_full(self) -> bool:
        """Whether no more numbers can be added."""
        return self._room <= 0

    def add(self, request_hash: str, number: int) -> None:
        """Add a number, unless the index is full."""
        if self._room <= 0:
            return
        keys, key = self._keys, _key(request_hash)
        slot = key & self._mask
        while keys[slot]:
            slot = (slot + 1) & self._mask
        keys[slot] = key
        self._numbers[slot] = number
        self._room -= 1

    def find(self, request_hash: str) -> list[int]:
        """Return the numbers that may belong to a hash, in the order in which they were added."""
        keys, key = self._keys, _key(request_hash)
        slot = key & self._mask
        found = []
        while stored := keys[slot]:
            if stored == key:
                found.append(self._numbers[slot])
            slot = (slot + 1) & self._mask
        return found


def _key(request_hash: str) -> int:
    return int(request_hash[:KEY_DIGITS], 16) or 1
