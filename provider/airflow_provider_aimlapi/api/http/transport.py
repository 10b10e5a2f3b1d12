"""The connections of a run behind httpx's transport interface, with our limits. Makes no requests.

httpx's own pool walks all its connections for each request, and general clients do much for each
that is the same for all. This one knows one origin, a fixed number of connections, and HTTP/1.1.
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
"""The request's extension that says how many seconds it may take, from asking for a connection to the
answer's last byte, however steadily that drips. Without it there is no end to waiting."""
ROUTE_NOTE = "route_note"
"""The request's extension in which the transport leaves what errors say of a way that is not plain."""
CONNECT_TIMEOUT_S = 15.0
KEEP_ALIVE_S = 50.0
"""Longer than a row ever waits for its turn, and below the minute after which servers usually
close: a request sent into a closing connection is lost, and nobody can say whether it was billed."""


def open_transport(
    *,
    connections_max: int,
    route: Route = PLAIN_ROUTE,
    connect_timeout_s: float = CONNECT_TIMEOUT_S,
    keep_alive_s: float = KEEP_ALIVE_S,
) -> httpx.AsyncBaseTransport:
    """A transport that keeps up to so many connections open, and follows nothing by itself.

    It serves one origin, that of its first request. It reads nothing from the environment, and
    knows no .netrc and no cookies. It must be used within one event loop, and closed.

    What it raises tells whether a request can have been read: after `httpx.ConnectError`,
    `httpx.ConnectTimeout` and `httpx.PoolTimeout` it cannot, after anything else it may have been.
    It never sends a request twice.

    Args:
        connections_max: most connections at once; a further request waits for one to be free.
        route: the proxy to go through, and the certificates to verify the origin against.
        connect_timeout_s: most seconds for a new connection, TLS included. How long all of an
            exchange may take is the request's business: see EXCHANGE_TIMEOUT.
        keep_alive_s: how long a connection may lie idle and be used again.
    """
    return _Transport(connections_max, route, connect_timeout_s, keep_alive_s)


class _Transport(httpx.AsyncBaseTransport):
    """A request must carry its Content-Length, and not be HEAD, whose answers have no body."""

    def __init__(
        self, connections_max: int, route: Route, connect_timeout_s: float, keep_alive_s: float
    ) -> None:
        self._route = route
        self._note = route.note
        self._connect_timeout_s = connect_timeout_s
        self._keep_alive_s = keep_alive_s
        self._loop = asyncio.get_running_loop()
        self._places: asyncio.LifoQueue[Connection | None] = asyncio.LifoQueue()
        for _ in range(connections_max):
            self._places.put_nowait(None)
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._origin: Origin | None = None
        self._place = (b"", b"")
        self._is_closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer's head, as soon as it is there; its body is to be read, and closed."""
        head, origin = _head(request), self._origin_of(request.url)
        if self._note:
            request.extensions[ROUTE_NOTE] = self._note
        until_s = self._loop.time() + request.extensions.get(EXCHANGE_TIMEOUT, math.inf)
        try:
            connection = self._places.get_nowait()
        except asyncio.QueueEmpty:
            connection = await self._next_place(until_s)
        if connection is None or not self._is_usable(connection):
            connection = await self._new_one(origin, until_s)
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
        places = [self._places.get_nowait() for _ in range(self._places.qsize())]
        for connection in places:
            if connection is not None:
                connection.abort()
            self._places.put_nowait(None)
        await asyncio.sleep(0)  # sockets are closed in the loop's next round

    async def _next_place(self, until_s: float) -> Connection | None:
        """Wait for a place to be given back."""
        try:
            async with asyncio.timeout_at(until_s):
                return await self._places.get()
        except TimeoutError:
            raise httpx.PoolTimeout("no connection became free in time") from None

    def _is_usable(self, connection: Connection) -> bool:
        """Whether the connection in a place can be used again; it is closed if not."""
        idle_s = self._loop.time() - connection.idle_since_s
        if not connection.is_lost and idle_s < self._keep_alive_s:
            return True
        connection.abort()
        return False

    async def _new_one(self, origin: Origin, until_s: float) -> Connection:
        """A connection for a place that has none; the place is given back where there will be none."""
        try:
            connection = await origin.connect(
                lambda: Connection(self._buffer, self._give_back),
                timeout_s=min(self._connect_timeout_s, until_s - self._loop.time()),
            )
        except BaseException:
            self._places.put_nowait(None)
            raise
        if connection.is_lost:
            self._places.put_nowait(None)
            raise httpx.ConnectError("it closed, or spoke, before it was asked")
        return connection

    def _give_back(self, connection: Connection) -> None:
        if self._is_closed:
            connection.abort()
        self._places.put_nowait(None if connection.is_lost else connection)

    def _origin_of(self, url: httpx.URL) -> Origin:
        place = (url.raw_scheme, url.netloc)
        if self._origin is None:
            self._origin = Origin(url, self._route)
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
    lines = b"\r\n".join([b": ".join(field) for field in fields])
    head = b"%b %b HTTP/1.1\r\n%b\r\n\r\n" % (request.method.encode(), request.url.raw_path, lines)
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
