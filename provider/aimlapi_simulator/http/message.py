"""HTTP requests and responses as values, and the bytes of a response."""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import msgspec

if TYPE_CHECKING:
    from aimlapi_simulator.faults.kinds import Delivery

JSON = "application/json; charset=utf-8"
_encode = msgspec.json.Encoder().encode
_STATUSES = frozenset(map(int, HTTPStatus))


class Request(msgspec.Struct, gc=False):
    """One parsed request; header names are lower case."""

    method: str
    path: str
    query: str
    headers: dict[bytes, bytes]
    body: bytes
    is_keep_alive: bool

    def header_value(self, name: bytes) -> str:
        """Return the value of a header, empty if it is absent."""
        return self.headers.get(name, b"").decode("latin-1")

    def query_parameters(self) -> list[tuple[str, str]]:
        """Return the query parameters in their order, repeated ones repeated."""
        return parse_qsl(self.query, keep_blank_values=True)


class Response(msgspec.Struct, kw_only=True, gc=False):
    """One answer, and how its bytes are sent.

    Attributes:
        headers: further header lines, each ended by CR LF. The caller has checked their values.
        body: the whole body; empty when `events` carries a stream.
        events: pieces of a stream, sent in chunks, `interval_s` apart.
        interval_s: seconds between two pieces.
        drip_bytes: size of the pieces of a dripping answer.
    """

    status: int = 200
    content_type: str = JSON
    headers: str = ""
    body: bytes = b""
    events: tuple[bytes, ...] = ()
    delivery: Delivery = "whole"
    interval_s: float = 0.0
    drip_bytes: int = 1


def json_response(value: object, *, status: int = 200, headers: str = "") -> Response:
    """Return a response whose body is `value` as JSON."""
    return Response(status=status, headers=headers, body=_encode(value))


def render_head(response: Response, *, is_keep_alive: bool) -> bytes:
    """Return the bytes of status line and headers, including the empty line."""
    opening = _render_opening(response.status, response.content_type)
    length = (
        "transfer-encoding: chunked" if response.events else f"content-length: {len(response.body)}"
    )
    ending = "\r\n" if is_keep_alive else "connection: close\r\n\r\n"
    return f"{opening}{length}\r\n{response.headers}{ending}".encode("latin-1")


@lru_cache(maxsize=1024)
def _render_opening(status: int, content_type: str) -> str:
    """Return the first lines, which are the same in nearly all answers."""
    phrase = HTTPStatus(status).phrase if status in _STATUSES else "Status"
    kind = f"content-type: {content_type}\r\n" if content_type else ""
    return f"HTTP/1.1 {status} {phrase}\r\n{kind}"


def as_chunk(piece: bytes) -> bytes:
    """Return one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)


LAST_CHUNK = b"0\r\n\r\n"
