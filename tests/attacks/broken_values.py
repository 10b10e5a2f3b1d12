"""Every way in which a stored document can be something that no run writes."""

from __future__ import annotations

import json
import struct
import zlib
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPTH = 20_000
GIB = 2**30
FEW: tuple[Any, ...] = (None, -1, 10**30, "../../../etc/passwd")
MANY: tuple[Any, ...] = (
    *FEW,
    *(float("nan"), [], True, 0, 1, 1.5, -0.0, 1e308, 2**53, 2**63, -(10**400), 99_999_999),
    *("", ".", "..", "a/../b", "a//b", "\\", "\x00", "\u2028", "/etc/passwd", "x" * 70_000),
    *("f" * 32, "0" * 64, "part-00000.parquet", "9" * 5_000),
    *({}, {"a": {}}, [[[[]]]], [None] * 10_000),
)
ITEMS_MAX = 2
"""Of a list so many are looked into: the others are of the same type."""


class Huge(bytes):
    """Bytes that say they are 3 GiB, so that no test has to hold them."""

    def __len__(self) -> int:
        return 3 * GIB


def broken_bytes(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What may stand there instead of any object."""
    yield "nothing in it", b""
    yield "random bytes", bytes(range(256)) * 4
    yield "its first half", data[: len(data) // 2]
    yield "without its last byte", data[:-1]
    yield "twice", data * 2
    yield "arrays in arrays", b"[" * DEPTH + b"]" * DEPTH
    yield "objects in objects", b'{"a":' * DEPTH + b"1" + b"}" * DEPTH
    yield "half a surrogate pair", b'"\\ud800"'
    yield "3 GiB", Huge(data)


def broken_documents(data: bytes, values: tuple[Any, ...]) -> Iterator[tuple[str, bytes]]:
    """A JSON document with one field broken, for each field and each of the values."""
    whole = json.loads(data)
    for place in _places(whole):
        for value in values:
            yield f"{place} = {str(value)[:40]}", _dumped(_with(whole, place, value))
        yield f"without {place}", _dumped(_with(whole, place, _GONE))
    if isinstance(whole, dict):
        deep = b"[" * DEPTH + b"]" * DEPTH
        yield "a deep value of an unknown key", data.rstrip()[:-1] + b',"new":' + deep + b"}"
        for key in whole:
            double = json.dumps(key).encode() + b":-1}"
            yield f"{key} twice", data.rstrip()[:-1] + b"," + double


def broken_segments(data: bytes, values: tuple[Any, ...]) -> Iterator[tuple[str, bytes]]:
    """A journal segment with one field of its first record broken, its checksum true."""
    (length, _), payload = struct.unpack_from("<II", data), data[8:]
    record = msgspec.msgpack.decode(payload[:length])
    for place in range(len(record)):
        for value in values:
            try:
                broken = [*record[:place], value, *record[place + 1 :]]
                yield f"field {place} = {str(value)[:40]}", framed(msgspec.msgpack.encode(broken))
            except (OverflowError, UnicodeEncodeError):  # no MessagePack says this
                continue
        yield f"only {place} fields", framed(msgspec.msgpack.encode(record[:place]))
    yield (
        "a deep field more",
        framed(bytes([payload[0] + 1]) + payload[1:length] + b"\x91" * DEPTH + b"\xc0"),
    )
    yield "a length that lies", struct.pack("<II", 2**32 - 1, 0) + payload


def framed(payload: bytes) -> bytes:
    """A frame of a journal segment with a true checksum."""
    return struct.pack("<II", len(payload), zlib.crc32(payload)) + payload


_GONE = object()


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _places(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value[:ITEMS_MAX]):
            yield from _places(inner, (*at, index))


def _with(whole: Any, place: tuple[Any, ...], value: Any) -> Any:
    changed = deepcopy(whole)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    if value is _GONE:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return changed


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")
