"""Answers in a temporary file, found by the hash of their request. Blocking.

The file has no name, so that it is gone when the process is, however that ends. In memory are only
the hashes and the offsets. Every function may raise OSError, for instance when the disk is full or
the table is closed. The table is of no use after that.
"""

from __future__ import annotations

import os
import struct
from shutil import disk_usage
from tempfile import TemporaryFile, gettempdir
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.calls.completion import Outcome
from airflow_provider_aimlapi.core.reuse.hash_index import HashIndex

if TYPE_CHECKING:
    from collections.abc import Iterable

BYTES_MAX = 2 * 1024**3
"""The most bytes of answers in a table: about 2 million of 1 kB. Offsets of the index end at 4 GiB."""
FREE_SHARE = 4
"""At most a quarter of the free disk is taken, because other tasks write there as well."""
ANSWER_BYTES_MIN = 64
"""No answer takes less, because its hash alone has so many digits."""
BUFFER_BYTES = 256 * 1024
"""Answers are written in pieces of this size. A system call for each would take as long as the rest."""
FIRST_READ_BYTES = 4096
"""Most answers fit into one read."""

_LENGTH = struct.Struct("<I")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, Outcome]).decode


class AnswerTable:
    """A table of answers. Nothing is removed from it.

    Args:
        rows_max: the most answers.
        bytes_max: the most bytes of them.

    Attributes:
        is_full: whether an answer was left out because there was no more room.
    """

    def __init__(self, rows_max: int, *, bytes_max: int = BYTES_MAX) -> None:
        self.is_full = False
        self._descriptor = -1  # of the file
        self._written = 0  # bytes in the file
        self._buffer = bytearray()  # what follows them
        self._bytes_left = min(bytes_max, disk_usage(gettempdir()).free // FREE_SHARE)
        self._index = HashIndex(min(rows_max, self._bytes_left // ANSWER_BYTES_MIN))
        with TemporaryFile() as file:
            # The file stays until its last descriptor is closed. A number may be dropped unclosed.
            self._descriptor = os.dup(file.fileno())

    def __del__(self) -> None:
        self.delete_file()

    def add_answers(self, part: int, answers: Iterable[Outcome]) -> None:
        """Add the answers of a part, as long as there is room."""
        for answer in answers:
            self.add(part, answer)

    def add(self, part: int, answer: Outcome) -> None:
        """Add one answer, unless there is no more room."""
        data = _encode((part, answer))
        size = _LENGTH.size + len(data)
        if self._index.is_full or size > self._bytes_left:
            self.is_full = True
            return
        self._index.add(str(answer.request_hash), self._written + len(self._buffer))
        self._buffer += _LENGTH.pack(len(data))
        self._buffer += data
        self._bytes_left -= size
        if len(self._buffer) >= BUFFER_BYTES:
            self._write()

    def find_answer(self, request_hash: str) -> tuple[int, Outcome] | None:
        """Return the first answer to a request, and its part; None if there is none."""
        # Two hashes may have one key, so the whole hash is compared.
        for offset in self._index.find(request_hash):
            part, answer = _decode(self._read(offset))
            if answer.request_hash == request_hash:
                return part, answer
        return None

    def delete_file(self) -> None:
        """Delete the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1
        self._written += len(self._buffer)  # so that nothing is found in the buffer either
        self._buffer.clear()

    def _write(self) -> None:
        """Write the buffer to the file."""
        while self._buffer:  # a file that is almost full takes a part
            written = os.write(self._descriptor, self._buffer)
            self._written += written
            del self._buffer[:written]

    def _read(self, offset: int) -> bytes:
        data = self._bytes_at(offset, FIRST_READ_BYTES)
        (length,) = _LENGTH.unpack_from(data)
        start, end = _LENGTH.size, _LENGTH.size + length
        return data[start:end] if end <= len(data) else self._bytes_at(offset + start, length)

    def _bytes_at(self, offset: int, count: int) -> bytes:
        """Return bytes of one answer, which is either in the file or in the buffer."""
        if offset < self._written:
            return os.pread(self._descriptor, count, offset)
        first = offset - self._written
        return bytes(self._buffer[first : first + count])
