"""Counts the content of Thrift's compact encoding, in which Parquet writes its headers, without objects.

Parquet's own reader makes objects of everything at once, which takes a gigabyte for a footer of 4 MB. So
data from a store is counted first.
"""

from __future__ import annotations

from typing import Any

DEPTH_MAX = 16
"""Parquet's own headers have half this depth."""
_NUMBER_BITS_MAX = 70


class TooLarge(ValueError):
    """The data exceeds what the caller allows, or is not in this encoding."""


class CompactReader:
    """Reads one struct after another.

    Attributes:
        offset: the index of the next byte.
    """

    def __init__(self, data: bytes, offset: int = 0, *, structs_max: int) -> None:
        self.offset = offset
        self._data = data
        self._structs_left = structs_max

    def read_struct(self) -> dict[int, Any]:
        """Return a struct's whole numbers, and the structs directly in it, by field.

        Raises:
            TooLarge: the data ends too early, or holds too much.
        """
        try:
            return self._read_struct(0)
        except IndexError:
            raise TooLarge("it ends too early") from None

    def _read_struct(self, depth: int) -> dict[int, Any]:
        self._structs_left -= 1
        if self._structs_left < 0 or depth > DEPTH_MAX:
            raise TooLarge("it holds too many structs")
        fields: dict[int, Any] = {}
        field = 0
        while head := self._read_byte():
            field = field + (head >> 4) if head >> 4 else self._read_signed()
            match head & 15:
                case 4 | 5 | 6:
                    fields[field] = self._read_signed()
                case 12:
                    fields[field] = self._read_struct(depth + 1)
                case 1 | 2:  # the type of a boolean field is its value
                    pass
                case kind:
                    self._skip_value(kind, depth)
        return fields

    def _skip_value(self, kind: int, depth: int) -> None:
        match kind:
            case 1 | 2 | 3:
                self.offset += 1
            case 4 | 5 | 6:
                self._read_number()
            case 7:
                self.offset += 8
            case 8:
                length = self._read_number()
                self.offset += length
            case 9 | 10:
                self._skip_list(depth)
            case 12:
                self._read_struct(depth + 1)
            case _:  # Parquet uses no maps
                raise TooLarge("it holds a type that no Parquet file has")

    def _skip_list(self, depth: int) -> None:
        head = self._read_byte()
        size = head >> 4 if head >> 4 < 15 else self._read_number()  # noqa: PLR2004  # then it follows
        # An element takes a byte at least, so a list cannot have more of them than there are
        # bytes.
        if depth > DEPTH_MAX or size > len(self._data):
            raise TooLarge("it holds too many values")
        for _ in range(size):
            self._skip_value(head & 15, depth + 1)

    def _read_byte(self) -> int:
        byte = self._data[self.offset]
        self.offset += 1
        return byte

    def _read_signed(self) -> int:
        number = self._read_number()
        return (number >> 1) ^ -(number & 1)

    def _read_number(self) -> int:
        number = shift = 0
        while True:
            byte = self._read_byte()
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:  # noqa: PLR2004  # the last one
                return number
            if shift > _NUMBER_BITS_MAX:
                raise TooLarge("it holds a number that is too long")
