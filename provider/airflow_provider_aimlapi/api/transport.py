"""The connections: aiohttp under httpx's transport interface, with our limits. No requests here.

httpx's own pool walks all its connections for each request; aiohttp's does not. The transport is
called directly, without `httpx.AsyncClient`, which would double what a call costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from httpx_aiohttp import AiohttpTransport

if TYPE_CHECKING:
    import httpx
    from aiohttp.client import ClientTimeout
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

CONNECT_TIMEOUT_S = 15.0
KEEP_ALIVE_S = 50.0
"""Longer than a row ever waits for its turn, and below the minute after which servers usually
close: a request sent into a closing connection is lost, and nobody can say whether it was billed."""
HEADER_BYTES_MAX = 8_190
"""Most bytes of a status line or of one header field; aiohttp also limits how many there are."""


def open_transport(
    *, connections_max: int, connect_timeout_s: float = CONNECT_TIMEOUT_S
) -> httpx.AsyncBaseTransport:
    """A transport that keeps up to so many connections open, and follows nothing by itself.

    Certificates are verified against certifi's list; neither proxies nor .netrc are taken from
    the environment; cookies are dropped. It must be used within one event loop, and closed.

    Args:
        connections_max: most connections at once; a further request waits for one to be free.
        connect_timeout_s: most seconds for a new connection, TLS included. How long an answer
            may take is the client's business.
    """
    return _Transport(connections_max=connections_max, connect_timeout_s=connect_timeout_s)


class _Connector(aiohttp.TCPConnector):
    """aiohttp's connector, without connections on which something was said while they lay idle.

    aiohttp 3.14 keeps such bytes, and takes them for the answer to the next request: one row
    would get another's answer, or whatever a broken or hostile server makes up.
    """

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109  # aiohttp's own signature
    ) -> Connection:
        """A connection on which nothing was said since its last answer, or a new one."""
        for _ in range(self.limit + 1):  # all that lie idle, and a new one
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if protocol is not None and not protocol.should_close:
                return connection
            connection.close()
        raise aiohttp.ClientConnectionError


class _Transport(AiohttpTransport):
    """httpx-aiohttp's transport over a session of our own making.

    Left to itself it would keep cookies, and its time-outs would have to come with each request.
    """

    def __init__(self, *, connections_max: int, connect_timeout_s: float) -> None:
        self._connections_max = connections_max
        self._timeouts = {"connect": connect_timeout_s}
        super().__init__(client=self._open_session, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["timeout"] = self._timeouts
        return await super().handle_async_request(request)

    def _open_session(self) -> aiohttp.ClientSession:
        """Called by the transport at its first request, inside the event loop."""
        connector = _Connector(
            limit=self._connections_max,
            keepalive_timeout=KEEP_ALIVE_S,
            ssl=self.ssl_context,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=HEADER_BYTES_MAX,
            max_field_size=HEADER_BYTES_MAX,
            trust_env=False,
        )
