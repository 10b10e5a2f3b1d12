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
        while header := self._byte():
            delta, kind = header >> 4, header & 0x0F
            field_id = field_id + delta if delta else self._zigzag()
            fields[field_id] = (kind, self._value(kind))
            if field_id == until:
                break
        return fields

    def _byte(self) -> int:
        if self.offset >= len(self._data):
            raise ValueError("its footer ends too early")
        self.offset += 1
        return self._data[self.offset - 1]

    def _bytes(self, size: int) -> bytes:
        start, self.offset = self.offset, self.offset + size
        if self.offset > len(self._data):
            raise ValueError("its footer ends too early")
        return self._data[start : self.offset]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004  the high bit says that another byte follows
                return value
            shift += 7
            if shift >= _VARINT_BITS_MAX:
                raise ValueError("its footer holds a number that is too long")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _value(self, kind: int) -> Any:
        read = _READERS.get(kind)
        if read is None:
            raise ValueError(f"its footer holds a value of the unknown type {kind}")
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise ValueError("its footer is nested too deeply")
        value = read(self)
        self._depth -= 1
        return value

    def _list(self) -> ThriftList:
        header = self._byte()
        size, kind = header >> 4, header & 0x0F
        if size == _LONG_LIST:
            size = self._varint()
        return kind, [self._element(kind) for _ in range(self._checked(size))]

    def _map(self) -> tuple[int, int, list[tuple[Any, Any]]]:
        size = self._checked(self._varint())
        kinds = self._byte() if size else 0
        key, value = kinds >> 4, kinds & 0x0F
        return key, value, [(self._element(key), self._element(value)) for _ in range(size)]

    def _checked(self, size: int) -> int:
        if size > len(self._data) - self.offset:  # an element takes at least a byte
            raise ValueError("its footer ends too early")
        return size

    def _element(self, kind: int) -> Any:
        """Return an element of a list, in which a boolean takes a byte of its own."""
        return self._byte() if kind in (TRUE, FALSE) else self._value(kind)


_READERS: dict[int, Callable[[ThriftReader], Any]] = {
    TRUE: lambda _: True,
    FALSE: lambda _: False,
    BYTE: ThriftReader._byte,  # noqa: SLF001  its own class
    I16: ThriftReader._zigzag,  # noqa: SLF001
    I32: ThriftReader._zigzag,  # noqa: SLF001
    I64: ThriftReader._zigzag,  # noqa: SLF001
    DOUBLE: lambda reader: reader._bytes(_DOUBLE_BYTES),  # noqa: SLF001
    BINARY: lambda reader: reader._bytes(reader._varint()),  # noqa: SLF001
    LIST: ThriftReader._list,  # noqa: SLF001
    SET: ThriftReader._list,  # noqa: SLF001
    MAP: ThriftReader._map,  # noqa: SLF001
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
        out += _encoded(kind, value)
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
    return bytes([value]) if kind in (TRUE, FALSE) else _encoded(kind, value)


def _encoded(kind: int, value: Any) -> bytes:
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
