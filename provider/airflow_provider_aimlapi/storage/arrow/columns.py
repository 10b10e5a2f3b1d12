"""Builds Arrow columns from Python values through their bytes. Knows neither outcomes nor files.

`pa.array` of a list imports pandas if that is installed, which takes half a second and 40 MB.
"""

from __future__ import annotations

from array import array
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ARRAY_BYTES_MAX = 2**31 - 1
"""The largest offset in an Arrow string array."""
_LETTERS = {
    pa.int32(): "i",
    pa.int64(): "q",
    pa.float64(): "d",
    pa.date32(): "i",
    pa.timestamp("us", "UTC"): "q",
}
"""The type codes of the `array` module for what Arrow stores."""
_NUMBERS: dict[pa.DataType, Literal["i", "q", "d"]] = {
    pa.int32(): "i",
    pa.int64(): "q",
    pa.float64(): "d",
}
"""The types that are copied from Arrow's memory, ten times as fast as value by value."""
_BITS = bytes.maketrans(b"\x00\x01", b"01")


def string_column(
    texts: Sequence[str | None], *, bytes_max: int = ARRAY_BYTES_MAX
) -> pa.Array | pa.ChunkedArray:
    """Return strings of any length. Half a surrogate pair, which UTF-8 lacks, becomes U+FFFD.

    Returns:
        Chunks, if there are more than `bytes_max` bytes.
    """
    cells = [b"" if text is None else _encode_text(text) for text in texts]
    offsets = [0, *accumulate(map(len, cells))]
    # An offset has 32 bits, so more bytes take several chunks.
    if offsets[-1] > bytes_max and len(texts) > 1:
        half = len(texts) // 2
        halves = [string_column(part, bytes_max=bytes_max) for part in (texts[:half], texts[half:])]
        return pa.chunked_array([chunk for column in halves for chunk in _chunks_of_column(column)])
    buffers = [
        validity_bits(texts),
        pa.py_buffer(array("i", offsets)),
        pa.py_buffer(b"".join(cells)),
    ]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


def number_column(numbers: Sequence[float | None], kind: pa.DataType) -> pa.Array:
    """Return numbers, or days or microseconds since 1970, as one of the types of `_LETTERS`."""
    cells = array(_LETTERS[kind], (0 if number is None else number for number in numbers))
    return pa.Array.from_buffers(kind, len(numbers), [validity_bits(numbers), pa.py_buffer(cells)])


def flag_column(flags: Sequence[bool | None]) -> pa.Array:
    """Return flags as an array."""
    buffers = [validity_bits(flags), _pack_bits(flag is True for flag in reversed(flags))]
    return pa.Array.from_buffers(pa.bool_(), len(flags), buffers)


def shared_values(array: pa.Array) -> list[Any]:
    """Return an array's values; equal values of a dictionary are one object.

    Dates and moments are days and microseconds since 1970.
    """
    if isinstance(array, pa.DictionaryArray):
        texts = array.dictionary.to_pylist()
        return [None if index is None else texts[index] for index in shared_values(array.indices)]
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    elif pa.types.is_date32(array.type):
        array = array.cast(pa.int32())
    if array.null_count == len(array):
        return [None] * len(array)
    code = _NUMBERS.get(array.type)
    values: list[Any]
    # Where a value is null, Arrow's memory has an arbitrary number.
    if code is None or array.null_count:
        values = array.to_pylist()
    else:
        numbers = memoryview(array.buffers()[1]).cast(code)
        values = numbers[array.offset : array.offset + len(array)].tolist()
    return values


def validity_bits(values: Sequence[object]) -> pa.Buffer | None:
    """Return a bit for each value, the first lowest, that is set if it is there. None: all are."""
    if None not in values:
        return None
    return _pack_bits(value is not None for value in reversed(values))


def _pack_bits(flags: Iterable[bool]) -> pa.Buffer:
    """Return flags as bits, from the last to the first."""
    digits = bytes(flags).translate(_BITS)
    return pa.py_buffer(int(digits or b"0", 2).to_bytes((len(digits) + 7) // 8, "little"))


def _encode_text(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _chunks_of_column(column: pa.Array | pa.ChunkedArray) -> list[pa.Array]:
    return column.chunks if isinstance(column, pa.ChunkedArray) else [column]
