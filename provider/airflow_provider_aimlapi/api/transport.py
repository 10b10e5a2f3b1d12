"""The connections of a run behind httpx's transport interface, with our limits. Makes no requests.

httpx's own pool walks all its connections for each request, and general clients do much for each
that is the same for all. This one knows one origin, a fixed number of connections, and HTTP/1.1.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import httpx

from airflow_provider_aimlapi.api.connection import READ_BYTES, Connection
from airflow_provider_aimlapi.api.origin import Origin

if TYPE_CHECKING:
    from airflow_provider_aimlapi.api.connection import Incoming

EXCHANGE_TIMEOUT = "exchange_timeout_s"
"""The request's extension that says how many seconds it may take, from asking for a connection to the
answer's last byte, however steadily that drips. Without it there is no end to waiting."""
CONNECT_TIMEOUT_S = 15.0
KEEP_ALIVE_S = 50.0
"""Longer than a row ever waits for its turn, and below the minute after which servers usually
close: a request sent into a closing connection is lost, and nobody can say whether it was billed."""


def open_transport(
    *,
    connections_max: int,
    connect_timeout_s: float = CONNECT_TIMEOUT_S,
    keep_alive_s: float = KEEP_ALIVE_S,
) -> httpx.AsyncBaseTransport:
    """A transport that keeps up to so many connections open, and follows nothing by itself.

    It serves one origin, that of its first request. Certificates are verified against certifi's
    list; no proxies, no .netrc, no cookies. It must be used within one event loop, and closed.

    What it raises tells whether a request can have been read: after `httpx.ConnectError`,
    `httpx.ConnectTimeout` and `httpx.PoolTimeout` it cannot, after anything else it may have been.
    It never sends a request twice.

    Args:
        connections_max: most connections at once; a further request waits for one to be free.
        connect_timeout_s: most seconds for a new connection, TLS included. How long all of an
            exchange may take is the request's business: see EXCHANGE_TIMEOUT.
        keep_alive_s: how long a connection may lie idle and be used again.
    """
    return _Transport(connections_max, connect_timeout_s, keep_alive_s)


class _Transport(httpx.AsyncBaseTransport):
    """A request must carry its Content-Length, and not be HEAD, whose answers have no body."""

    def __init__(self, connections_max: int, connect_timeout_s: float, keep_alive_s: float) -> None:
        self._connect_timeout_s = connect_timeout_s
        self._keep_alive_s = keep_alive_s
        self._loop = asyncio.get_running_loop()
        self._places = asyncio.Semaphore(connections_max)
        self._idle: list[Connection] = []
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._origin: Origin | None = None
        self._place = (b"", b"")
        self._is_closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer's head, as soon as it is there; its body is to be read, and closed."""
        head, origin = _head(request), self._origin_of(request.url)
        until_s = self._loop.time() + request.extensions.get(EXCHANGE_TIMEOUT, math.inf)
        await self._take_place(until_s)
        try:
            connection = self._idle_one() or await self._new_one(origin, until_s)
        except BaseException:
            self._places.release()
            raise
        incoming = connection.ask(head + _whole_body(request), until_s)
        try:
            if not isinstance(request.stream, httpx.ByteStream):
                await _send_pieces(connection, incoming, request)
            while not incoming.is_headed:
                await connection.wait(incoming)
        except BaseException:
            connection.end(incoming)
            raise
        return httpx.Response(incoming.status, headers=incoming.fields, stream=incoming)

    async def aclose(self) -> None:
        """Close what lies idle, and what is given back from now on."""
        self._is_closed = True
        for connection in self._idle:
            connection.abort()
        self._idle.clear()
        await asyncio.sleep(0)  # sockets are closed in the loop's next round

    async def _take_place(self, until_s: float) -> None:
        """Wait until there may be one connection more."""
        if not self._places.locked():  # a time-out costs more than all the rest of this
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout_at(until_s):
                await self._places.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("no connection became free in time") from None

    def _idle_one(self) -> Connection | None:
        """The connection that was used last, if it can be used again."""
        now_s = self._loop.time()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_lost:
                continue
            if now_s - connection.idle_since_s < self._keep_alive_s:
                return connection
            connection.abort()
        return None

    async def _new_one(self, origin: Origin, until_s: float) -> Connection:
        connection = await origin.connect(
            lambda: Connection(self._buffer, self._give_back),
            timeout_s=min(self._connect_timeout_s, until_s - self._loop.time()),
        )
        if connection.is_lost:
            raise httpx.ConnectError("it closed, or spoke, before it was asked")
        return connection

    def _give_back(self, connection: Connection) -> None:
        self._places.release()
        if self._is_closed:
            connection.abort()
        elif not connection.is_lost:
            self._idle.append(connection)

    def _origin_of(self, url: httpx.URL) -> Origin:
        place = (url.raw_scheme, url.netloc)
        if self._origin is None:
            self._origin = Origin(url)
            self._place = place
        if place != self._place:
            raise ValueError("a transport serves one origin")
        return self._origin


def _head(request: httpx.Request) -> bytes:
    """Request line and fields, the blank line included.

    Raises:
        ValueError: a field would become two.
    """
    fields = request.headers.raw
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += map(b": ".join, fields)
    head = b"\r\n".join((*lines, b"\r\n"))
    if head.count(b"\n") != len(fields) + 2 or head.count(b"\r") != len(fields) + 2:
        raise ValueError("a header field holds a line break")
    return head


def _whole_body(request: httpx.Request) -> bytes:
    """The body, where it is at hand."""
    return b"".join(request.stream) if isinstance(request.stream, httpx.ByteStream) else b""


async def _send_pieces(connection: Connection, incoming: Incoming, request: httpx.Request) -> None:
    """Send a large body as fast as it is taken, unless the answer comes before its end."""
    if not isinstance(request.stream, httpx.AsyncByteStream):
        raise TypeError("the request has a synchronous body")
    async for piece in request.stream:
        if not await connection.ask_on(incoming, piece):
            return
