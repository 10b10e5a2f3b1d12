"""The connections of a run behind httpx's transport interface, with our limits.

httpx's own pool walks all its connections for each request. General clients also do much work per
request that is the same for all. This transport knows one origin, a fixed number of connections,
and HTTP/1.1.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import httpx

from airflow_provider_aimlapi.api.http.connection import READ_BYTES, Connection
from airflow_provider_aimlapi.api.http.origin import Origin
from airflow_provider_aimlapi.core.calls.route import PLAIN_ROUTE

if TYPE_CHECKING:
    from airflow_provider_aimlapi.api.http.connection import Incoming
    from airflow_provider_aimlapi.core.calls.route import Route

EXCHANGE_TIMEOUT = "exchange_timeout_s"
"""The request's extension with its time limit in seconds, from the request for a connection to the
answer's last byte, however slowly bytes arrive. Without it the wait has no limit."""
ROUTE_NOTE = "route_note"
"""The request's extension in which the transport leaves what errors report about a proxy."""
CONNECT_TIMEOUT_S = 15.0
KEEP_ALIVE_S = 50.0
"""Longer than a row ever waits for its turn. Below one minute, after which servers usually close: a
request that is sent into a closing connection is lost, and its cost is unknown."""


def open_transport(
    *,
    connections_max: int,
    route: Route = PLAIN_ROUTE,
    connect_timeout_s: float = CONNECT_TIMEOUT_S,
    keep_alive_s: float = KEEP_ALIVE_S,
) -> httpx.AsyncBaseTransport:
    """Return a transport with at most `connections_max` open connections.

    It serves one origin, that of its first request. It follows no redirect, and reads no
    environment variable, .netrc or cookie. Use it within one event loop, and close it.

    Its errors show whether the server may have read the request: after `httpx.ConnectError`,
    `httpx.ConnectTimeout` and `httpx.PoolTimeout` the server cannot have read it, after any other
    error it may have. The transport never sends a request twice.

    Args:
        connections_max: a further request waits until a connection is free.
        route: the proxy, and the certificates to verify the origin against.
        connect_timeout_s: the most seconds for a new connection, TLS included. EXCHANGE_TIMEOUT
            limits the whole exchange.
        keep_alive_s: how long an idle connection may be used again.
    """
    return _Transport(connections_max, route, connect_timeout_s, keep_alive_s)


class _Transport(httpx.AsyncBaseTransport):
    """Requires a Content-Length, and no HEAD, because answers to HEAD have no body."""

    def __init__(
        self, connections_max: int, route: Route, connect_timeout_s: float, keep_alive_s: float
    ) -> None:
        self._route = route
        self._note = route.note_for_errors
        self._connect_timeout_s = connect_timeout_s
        self._keep_alive_s = keep_alive_s
        self._loop = asyncio.get_running_loop()
        # A slot for each connection that may exist: an idle connection, or None for one to be
        # opened.
        self._slots: asyncio.LifoQueue[Connection | None] = asyncio.LifoQueue()
        for _ in range(connections_max):
            self._slots.put_nowait(None)
        # Shared by all connections, because the loop reads one socket at a time and its bytes are
        # parsed at once.
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._origin: Origin | None = None
        # The origin of the first request. The key must go to no other.
        self._served = (b"", b"")
        # Set by `aclose`. Connections in use close when they are given back.
        self._is_closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer once its head has arrived. Read its body, then close it."""
        head, origin = _request_head(request), self._origin_of(request.url)
        if self._note:
            request.extensions[ROUTE_NOTE] = self._note
        until_s = self._loop.time() + request.extensions.get(EXCHANGE_TIMEOUT, math.inf)
        # The last connection that was given back comes first, so that the others can grow old and
        # close.
        try:
            connection = self._slots.get_nowait()
        except asyncio.QueueEmpty:
            connection = await self._next_slot(until_s)
        if connection is None or not self._is_usable(connection):
            connection = await self._open_connection(origin, until_s)
        incoming = connection.send_request(head + _whole_body(request), until_s)
        try:
            if not isinstance(request.stream, httpx.ByteStream):
                await _send_pieces(connection, incoming, request)
            while not incoming.is_headed:
                await connection.wait_for_data(incoming)
        except BaseException:
            connection.end_exchange(incoming)
            raise
        return httpx.Response(incoming.status, headers=incoming.fields, stream=incoming)

    async def aclose(self) -> None:
        """Close idle connections now, and each other connection when its exchange ends."""
        self._is_closed = True
        connections = [self._slots.get_nowait() for _ in range(self._slots.qsize())]
        for connection in connections:
            if connection is not None:
                connection.close_at_once()
            self._slots.put_nowait(None)
        await asyncio.sleep(0)  # the loop closes sockets in its next round

    async def _next_slot(self, until_s: float) -> Connection | None:
        """Wait until a slot is free."""
        try:
            async with asyncio.timeout_at(until_s):
                return await self._slots.get()
        except TimeoutError:
            raise httpx.PoolTimeout("no connection became free in time") from None

    def _is_usable(self, connection: Connection) -> bool:
        """Return whether a slot's connection can be used again. Closes it if not."""
        idle_s = self._loop.time() - connection.idle_since_s
        if not connection.is_lost and idle_s < self._keep_alive_s:
            return True
        connection.close_at_once()
        return False

    async def _open_connection(self, origin: Origin, until_s: float) -> Connection:
        """Return a new connection for an empty slot. Frees the slot if there is none."""
        try:
            connection = await origin.open_connection(
                lambda: Connection(self._buffer, self._give_back),
                timeout_s=min(self._connect_timeout_s, until_s - self._loop.time()),
            )
        except BaseException:
            self._slots.put_nowait(None)
            raise
        # It ended between the handshake and now. Nothing was sent, so the call can be repeated for
        # free.
        if connection.is_lost:
            self._slots.put_nowait(None)
            raise httpx.ConnectError(
                "the server closed the connection, or sent data, before a request"
            )
        return connection

    def _give_back(self, connection: Connection) -> None:
        # The request began before the transport was closed, and its answer was paid for.
        if self._is_closed:
            connection.close_at_once()
        self._slots.put_nowait(None if connection.is_lost else connection)

    def _origin_of(self, url: httpx.URL) -> Origin:
        origin = (url.raw_scheme, url.netloc)
        if self._origin is None:
            self._origin = Origin(url, self._route)
            self._served = origin
        if origin != self._served:
            raise ValueError("a transport serves one origin")
        return self._origin


def _request_head(request: httpx.Request) -> bytes:
    """Return the request line and the header fields, with the blank line.

    Raises:
        ValueError: a field would become two.
    """
    fields = request.headers.raw
    lines = b"\r\n".join([b": ".join(field) for field in fields])
    head = b"%b %b HTTP/1.1\r\n%b\r\n\r\n" % (request.method.encode(), request.url.raw_path, lines)
    # A line break in a value would add a field, or end the head and begin another request.
    if head.count(b"\n") != len(fields) + 2 or head.count(b"\r") != len(fields) + 2:
        raise ValueError("a header field holds a line break")
    return head


def _whole_body(request: httpx.Request) -> bytes:
    """Return the body if it is in memory as a whole; b"" otherwise."""
    return b"".join(request.stream) if isinstance(request.stream, httpx.ByteStream) else b""


async def _send_pieces(connection: Connection, incoming: Incoming, request: httpx.Request) -> None:
    """Send a large body as fast as the server reads it, and stop if the answer arrives early."""
    if not isinstance(request.stream, httpx.AsyncByteStream):
        raise TypeError("the request has a synchronous body")
    async for piece in request.stream:
        if not await connection.send_more(incoming, piece):
            return
