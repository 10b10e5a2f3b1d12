"""A tunnel through an HTTP proxy: sends CONNECT, reads the head of the answer. No TLS, no key."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    import socket

    from airflow_provider_aimlapi.core.calls.route import Proxy

HEAD_BYTES_MAX = 16 * 1024
"""The most bytes of an answer to CONNECT. Proxies send a few hundred."""
_READ_BYTES = 4096
_HEAD_END = re.compile(rb"\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([2-5]\d\d)[ \r\n]")
_SUCCESS = range(200, 300)
_CREDENTIALS_WANTED = 407
_MAY_PASS = frozenset({408, 425, 429, *range(500, 600)} - {501, 505, 511})
"""The proxy, or the network behind it, is overloaded or down. 501, 505 and 511 are left out, because
they report what the proxy can do or allows, which does not pass."""


class ProxyFailed(httpx.ConnectError):
    """The proxy made no tunnel. Nothing was sent to the API.

    Attributes:
        is_lasting: whether a person must change something before it can succeed.
    """

    def __init__(self, message: str, *, is_lasting: bool = False) -> None:
        super().__init__(message)
        self.is_lasting = is_lasting


async def open_tunnel(raw: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    """Make the proxy behind a connected socket open a tunnel to a host.

    When it returns, the next byte that is read comes from that host. The caller sets the time-out,
    and closes the socket.

    Raises:
        ProxyFailed: the proxy refused, or did not answer in HTTP.
        OSError: the network failed.
    """
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(raw, _connect_request(proxy, host, port))
        head, rest = await _read_head(loop, raw)
    except (ConnectionError, EOFError):
        raise ProxyFailed(
            "the proxy closed the connection before it had answered CONNECT"
        ) from None
    found = _STATUS_LINE.match(head)
    if found is None:
        raise ProxyFailed("the proxy did not answer CONNECT in HTTP, so it may be no HTTP proxy")
    status = int(found[1])
    if status not in _SUCCESS:
        raise _refusal_of_tunnel(status, proxy)
    if rest:  # a TLS server waits for its client, so these bytes are not the API's
        raise ProxyFailed("the proxy sent more than the head of an answer to CONNECT")


def _connect_request(proxy: Proxy, host: str, port: int) -> bytes:
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


async def _read_head(loop: asyncio.AbstractEventLoop, raw: socket.socket) -> tuple[bytes, bytes]:
    """Read up to the blank line. Return the head, and the bytes that came with it."""
    data = bytearray()
    while len(data) < HEAD_BYTES_MAX:
        # The blank line may be spread over two pieces. It has at most three bytes before its last
        # one.
        seen = max(0, len(data) - 3)
        piece = await loop.sock_recv(raw, _READ_BYTES)
        if not piece:
            raise EOFError
        data += piece
        if end := _HEAD_END.search(data, seen):
            return bytes(data[: end.end()]), bytes(data[end.end() :])
    raise ProxyFailed(f"the proxy's answer to CONNECT is longer than {HEAD_BYTES_MAX:,} bytes")


def _refusal_of_tunnel(status: int, proxy: Proxy) -> ProxyFailed:
    if status == _CREDENTIALS_WANTED:
        wanted = (
            "another user name and password" if proxy.authorization else "a user name and password"
        )
        return ProxyFailed(
            f"the proxy answered HTTP 407, so it wants {wanted}. Put them into the proxy's URL as "
            f"http://user:password@host:port. Only Basic authentication is supported",
            is_lasting=True,
        )
    if status in _MAY_PASS:
        return ProxyFailed(f"the proxy answered CONNECT with HTTP {status}")
    return ProxyFailed(
        f"the proxy answered CONNECT with HTTP {status}, so it does not let this worker reach the API. Ask "
        f"those who run it to allow the API's host",
        is_lasting=True,
    )
