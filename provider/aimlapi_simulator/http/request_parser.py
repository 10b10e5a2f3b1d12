"""A parser of HTTP/1.1 requests without sockets: bytes go in, whole requests come out.

It knows only what a JSON server needs: bodies by length or in chunks, 100-continue, pipelining and
limits.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from aimlapi_simulator.http.message import Request

HEAD_BYTES_MAX = 32 * 1024
"""Bounds the memory of a connection."""
BODY_BYTES_MAX = 64 * 1024 * 1024
"""Bounds the memory of one request. It must hold a large batch."""
_CHUNK_LINE_BYTES_MAX = 1024
"""The size takes a few digits. The rest is room for chunk extensions."""


class MalformedRequest(Exception):
    """The bytes are no request that this server accepts. The connection must close.

    Attributes:
        status: the status to answer before closing: 400, 413, 431, 501 or 505.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _Head(msgspec.Struct, gc=False):
    """A request whose body has not arrived, and the length of that body."""

    request: Request
    body_bytes: int
    is_chunked: bool
    was_waited_for: bool = False


class RequestParser:
    """Turns the bytes of one connection into requests: `feed_bytes` it, then call `next_request` until None."""

    __slots__ = ("_body", "_buffer", "_head")

    def __init__(self) -> None:
        # Most requests arrive in one piece. That piece is kept as it is, which saves a copy.
        self._buffer: bytes | bytearray = b""
        self._head: _Head | None = None  # a head that waits for its body
        self._body = bytearray()  # chunks so far

    def feed_bytes(self, data: bytes) -> None:
        """Add bytes from the socket."""
        if not self._buffer:
            self._buffer = data
        elif isinstance(self._buffer, bytearray):
            self._buffer += data
        else:
            self._buffer = bytearray(self._buffer) + data

    def buffered_bytes(self) -> int:
        """Return the number of bytes that are not part of a request yet."""
        return len(self._buffer)

    def is_continue_due(self) -> bool:
        """Return whether the client waits for `100 Continue`; true once for each such request."""
        head = self._head
        if head is None or head.was_waited_for:
            return False
        head.was_waited_for = True
        return head.request.headers.get(b"expect", b"").lower() == b"100-continue"

    def next_request(self) -> Request | None:
        """Return the next whole request, or None if more bytes are needed.

        Raises:
            MalformedRequest: the bytes are not HTTP/1.x, or exceed a limit.
        """
        # The head is kept between calls, so that a long body does not make it parsed twice.
        head = self._head
        if head is None:
            if not self._buffer:
                return None
            head = self._head = self._take_head()
            if head is None:
                return None
        body = self._take_chunks() if head.is_chunked else self._take_bytes(head.body_bytes)
        if body is None:
            return None
        self._head = None
        head.request.body = body
        return head.request

    def _discard_bytes(self, count: int) -> None:
        """Discard the first `count` bytes."""
        if count == len(self._buffer):
            self._buffer = b""
        elif isinstance(self._buffer, bytearray):
            del self._buffer[:count]
        else:
            self._buffer = self._buffer[count:]

    def _take_head(self) -> _Head | None:
        while self._buffer.startswith(
            b"\r\n"
        ):  # some clients send an extra line break after a body
            self._discard_bytes(2)
        buffer = self._buffer
        end = buffer.find(b"\r\n\r\n", 0, HEAD_BYTES_MAX)
        if end < 0:
            if len(buffer) >= HEAD_BYTES_MAX:
                raise MalformedRequest(431, "the header is too large")
            return None
        head = parse_head(bytes(buffer[:end]))
        self._discard_bytes(end + 4)
        return head

    def _take_bytes(self, wanted: int) -> bytes | None:
        buffer = self._buffer
        if len(buffer) <= wanted:
            if len(buffer) < wanted:
                return None
            self._buffer = b""
            return bytes(buffer)
        body = bytes(buffer[:wanted])
        self._discard_bytes(wanted)
        return body

    def _take_chunks(self) -> bytes | None:
        """Move whole chunks to the body; return it after the last one. The trailer is dropped."""
        # 1. The size line is incomplete, or too long.
        # 2. Size 0 ends the body.
        # 3. The chunk is incomplete: it stays in the buffer, with its size line.
        # 4. The chunk is whole: it must end with a line break.
        while (line_end := self._buffer.find(b"\r\n", 0, _CHUNK_LINE_BYTES_MAX)) >= 0:
            buffer = self._buffer
            size = _chunk_bytes(bytes(buffer[:line_end]))
            if size == 0:
                return self._finish_chunks(line_end)
            if len(self._body) + size > BODY_BYTES_MAX:
                raise MalformedRequest(413, "the body is too large")
            chunk_end = line_end + 2 + size
            if len(buffer) < chunk_end + 2:
                return None
            if buffer[chunk_end : chunk_end + 2] != b"\r\n":
                raise MalformedRequest(400, "a chunk is longer than it says")
            self._body += buffer[line_end + 2 : chunk_end]
            self._discard_bytes(chunk_end + 2)
        if len(self._buffer) >= _CHUNK_LINE_BYTES_MAX:
            raise MalformedRequest(400, "a chunk without a size")
        return None

    def _finish_chunks(self, line_end: int) -> bytes | None:
        end = self._buffer.find(b"\r\n\r\n", line_end)
        if end < 0:
            if len(self._buffer) > HEAD_BYTES_MAX:
                raise MalformedRequest(431, "the trailer is too large")
            return None
        self._discard_bytes(end + 4)
        body = bytes(self._body)
        self._body.clear()
        return body


def parse_head(raw: bytes) -> _Head:
    """Parse the request line and the headers.

    Raises:
        MalformedRequest: a line is malformed, or the framing of the body is ambiguous.
    """
    first, *lines = raw.split(b"\r\n")
    method, path, query, is_newer = _parse_request_line(first)
    headers = dict(map(_parse_header, lines))
    # A smaller dict means that a header was repeated. This is rare, so that the join is separate.
    if len(headers) < len(lines):
        headers = _join_repeated(lines)
    get = headers.get
    body_bytes, is_chunked = _body_framing(get(b"content-length"), get(b"transfer-encoding"))
    is_keep_alive = _is_keep_alive(get(b"connection"), is_newer)
    return _Head(Request(method, path, query, headers, b"", is_keep_alive), body_bytes, is_chunked)


@lru_cache(maxsize=1024)
def _parse_request_line(line: bytes) -> tuple[str, str, str, bool]:
    """Return method, path, query, and whether the version is HTTP/1.1."""
    words = line.decode("latin-1").split(" ")
    if len(words) != 3:  # noqa: PLR2004 - method, target, version
        raise MalformedRequest(400, "the request line is malformed")
    method, target, version = words
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise MalformedRequest(505, "HTTP/1.1 only")
    path, _, query = target.partition("?")
    return method, path, query, version == "HTTP/1.1"


@lru_cache(maxsize=1024)
def _parse_header(line: bytes) -> tuple[bytes, bytes]:
    """Return name, in lower case, and value. Cached, because a client repeats the same lines."""
    name, colon, value = line.partition(b":")
    if not colon or not name or name[-1] in b" \t" or name[0] in b" \t":
        raise MalformedRequest(400, "a header line is malformed")
    return name.lower(), value.strip()


def _join_repeated(lines: list[bytes]) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for name, value in map(_parse_header, lines):
        headers[name] = _join_values(name, headers[name], value) if name in headers else value
    return headers


def _join_values(name: bytes, first: bytes, second: bytes) -> bytes:
    """Join the values of a header that came twice."""
    if name != b"content-length":
        return first + b", " + second
    if first != second:
        raise MalformedRequest(400, "two lengths that differ")
    return first


@lru_cache(maxsize=1024)
def _is_keep_alive(connection: bytes | None, is_newer: bool) -> bool:  # noqa: FBT001 - a key of the cache
    word = b"" if connection is None else connection.lower()
    return word != b"close" if is_newer else word == b"keep-alive"


@lru_cache(maxsize=1024)
def _body_framing(length: bytes | None, coding: bytes | None) -> tuple[int, bool]:
    """Return the length of the body, and whether it comes in chunks instead."""
    # Both headers at once are refused, because servers disagree on which one counts.
    if coding is not None:
        if length is not None:
            raise MalformedRequest(400, "a length and a transfer coding")
        if coding.lower() != b"chunked":
            raise MalformedRequest(501, "only chunked transfer coding")
        return 0, True
    if length is None:
        return 0, False
    if not length.isdigit():
        raise MalformedRequest(400, "the length is no number")
    if int(length) > BODY_BYTES_MAX:
        raise MalformedRequest(413, "the body is too large")
    return int(length), False


def _chunk_bytes(line: bytes) -> int:
    size = line.partition(b";")[0].strip()
    try:
        number = int(size, 16)
    except ValueError:
        raise MalformedRequest(400, "a chunk's size is no number") from None
    if number < 0 or not size.isalnum():
        raise MalformedRequest(400, "a chunk's size is no number")
    return number
