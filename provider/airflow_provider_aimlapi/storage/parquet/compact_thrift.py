"""Thrift's compact protocol, in which Parquet writes its footers. Has no field names of Parquet.

A struct is a dictionary from a field's id to its wire type and value, in the order of the bytes. So
unknown fields are written as they were read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
Field = tuple[int, Any]
Struct = dict[int, Field]
ThriftList = tuple[int, list[Any]]
"""The wire type of the elements, and the elements."""

# Ten bytes of seven bits hold the longest number, of 64 bits.
_VARINT_BITS_MAX = 70
# Parquet's own footers have fewer than ten levels. Python's limit on recursion would raise an
# error that no caller expects.
_DEPTH_MAX = 64
_LONG_LIST = 15
_DOUBLE_BYTES = 8
_SHORT_DELTA_MAX = 15


class ThriftReader:
    """Reads values from bytes.

    Attributes:
        offset: the first byte that is not read yet.

    Raises:
        ValueError: in each method, if the bytes are not in the compact protocol.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.offset = 0
        self._depth = 0

    def read_struct(self, until: int | None = None) -> Struct:
        """Read a struct.

        Args:
            until: the id of the last field to read; None for all.
        """
        fields: Struct = {}
        field_id = 0
        while header := self._read_byte():
            delta, kind = header >> 4, header & 0x0F
            field_id = field_id + delta if delta else self._read_zigzag()
            fields[field_id] = (kind, self._read_value(kind))
            if field_id == until:
                break
        return fields

    def _read_byte(self) -> int:
        if self.offset >= len(self._data):
            raise ValueError("its footer ends too early")
        self.offset += 1
        return self._data[self.offset - 1]

    def _read_bytes(self, size: int) -> bytes:
        start, self.offset = self.offset, self.offset + size
        if self.offset > len(self._data):
            raise ValueError("its footer ends too early")
        return self._data[start : self.offset]

    def _read_varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._read_byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004  the high bit says that another byte follows
                return value
            shift += 7
            if shift >= _VARINT_BITS_MAX:
                raise ValueError("its footer holds a number that is too long")

    def _read_zigzag(self) -> int:
        value = self._read_varint()
        return (value >> 1) ^ -(value & 1)

    def _read_value(self, kind: int) -> Any:
        read = _READERS.get(kind)
        if read is None:
            raise ValueError(f"its footer holds a value of the unknown type {kind}")
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise ValueError("its footer is nested too deeply")
        value = read(self)
        self._depth -= 1
        return value

    def _read_list(self) -> ThriftList:
        header = self._read_byte()
        size, kind = header >> 4, header & 0x0F
        if size == _LONG_LIST:
            size = self._read_varint()
        return kind, [self._read_element(kind) for _ in range(self._check_size(size))]

    def _read_map(self) -> tuple[int, int, list[tuple[Any, Any]]]:
        size = self._check_size(self._read_varint())
        kinds = self._read_byte() if size else 0
        key, value = kinds >> 4, kinds & 0x0F
        return (
            key,
            value,
            [(self._read_element(key), self._read_element(value)) for _ in range(size)],
        )

    def _check_size(self, size: int) -> int:
        if size > len(self._data) - self.offset:  # an element takes at least a byte
            raise ValueError("its footer ends too early")
        return size

    def _read_element(self, kind: int) -> Any:
        """Return an element of a list, in which a boolean takes a byte of its own."""
        return self._read_byte() if kind in (TRUE, FALSE) else self._read_value(kind)


_READERS: dict[int, Callable[[ThriftReader], Any]] = {
    TRUE: lambda _: True,
    FALSE: lambda _: False,
    BYTE: ThriftReader._read_byte,  # noqa: SLF001  its own class
    I16: ThriftReader._read_zigzag,  # noqa: SLF001
    I32: ThriftReader._read_zigzag,  # noqa: SLF001
    I64: ThriftReader._read_zigzag,  # noqa: SLF001
    DOUBLE: lambda reader: reader._read_bytes(_DOUBLE_BYTES),  # noqa: SLF001
    BINARY: lambda reader: reader._read_bytes(reader._read_varint()),  # noqa: SLF001
    LIST: ThriftReader._read_list,  # noqa: SLF001
    SET: ThriftReader._read_list,  # noqa: SLF001
    MAP: ThriftReader._read_map,  # noqa: SLF001
    STRUCT: ThriftReader.read_struct,
}


def encode_struct(fields: Struct) -> bytes:
    """Return the bytes of a struct."""
    out = bytearray()
    last = 0
    for field_id, (kind, value) in fields.items():
        delta = field_id - last
        if 0 < delta <= _SHORT_DELTA_MAX:
            out.append(delta << 4 | kind)
        else:
            out.append(kind)
            out += _encoded_zigzag(field_id)
        out += _encoded_value(kind, value)
        last = field_id
    out.append(0)
    return bytes(out)


def _encoded_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004  seven bits to a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _encoded_zigzag(value: int) -> bytes:
    return _encoded_varint(value << 1 if value >= 0 else (-value << 1) - 1)


def _encoded_binary(value: bytes) -> bytes:
    return _encoded_varint(len(value)) + value


def _encoded_list(value: ThriftList) -> bytes:
    kind, elements = value
    size = len(elements)
    head = (
        bytes([size << 4 | kind])
        if size < _LONG_LIST
        else bytes([0xF0 | kind]) + _encoded_varint(size)
    )
    return head + b"".join(_encoded_element(kind, element) for element in elements)


def _encoded_map(value: tuple[int, int, list[tuple[Any, Any]]]) -> bytes:
    key, item, pairs = value
    if not pairs:
        return b"\x00"
    parts = (_encoded_element(key, one) + _encoded_element(item, other) for one, other in pairs)
    return _encoded_varint(len(pairs)) + bytes([key << 4 | item]) + b"".join(parts)


def _encoded_element(kind: int, value: Any) -> bytes:
    return bytes([value]) if kind in (TRUE, FALSE) else _encoded_value(kind, value)


def _encoded_value(kind: int, value: Any) -> bytes:
    return _WRITERS[kind](value)


_WRITERS: dict[int, Callable[[Any], bytes]] = {
    TRUE: lambda _: b"",
    FALSE: lambda _: b"",
    BYTE: lambda value: bytes([value]),
    I16: _encoded_zigzag,
    I32: _encoded_zigzag,
    I64: _encoded_zigzag,
    DOUBLE: lambda value: value,
    BINARY: _encoded_binary,
    LIST: _encoded_list,
    SET: _encoded_list,
    MAP: _encoded_map,
    STRUCT: encode_struct,
}
