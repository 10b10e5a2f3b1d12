"""Where connections go: the addresses of one origin, and whether its certificate holds. No HTTP."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from typing import TYPE_CHECKING, Any, TypeVar

import aiohappyeyeballs
import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

P = TypeVar("P", bound=asyncio.BaseProtocol)

ADDRESSES_KEPT_S = 60.0
"""A thousand connections begin with one look-up; one that fails begins with another."""
HAPPY_EYEBALLS_DELAY_S = 0.25
"""After which the next address is tried beside one that does not answer, as RFC 8305 advises."""
Address = tuple[int, int, int, str, tuple[Any, ...]]
"""As `socket.getaddrinfo` gives it."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


class CertificateRefused(httpx.ConnectError):
    """The server did not prove who it is. Nothing was sent."""


class Origin:
    """Scheme, host and port, and how to connect to them.

    Args:
        url: any URL of the origin.
    """

    def __init__(self, url: httpx.URL) -> None:
        if url.scheme not in _DEFAULT_PORTS:
            raise ValueError(f"{url.scheme!r} is neither http nor https")
        self._host = url.raw_host.decode("ascii")
        self._port = url.port or _DEFAULT_PORTS[url.scheme]
        self._tls = _tls_context() if url.scheme == "https" else None
        self._addresses: list[Address] = []
        self._looked_up_s = 0.0
        self._look_up = asyncio.Lock()

    async def connect(self, make_protocol: Callable[[], P], *, timeout_s: float) -> P:
        """A new connection. Whatever it raises, nothing was sent.

        Args:
            timeout_s: most seconds that it may take, name look-up and TLS included.

        Raises:
            CertificateRefused: the certificate does not hold.
            httpx.ConnectTimeout, httpx.ConnectError: any other failure; the text says why.
        """
        failure: httpx.TransportError
        try:
            async with asyncio.timeout(timeout_s):
                return await self._connect(make_protocol)
        except ssl.SSLCertVerificationError as error:
            failure = CertificateRefused(error.verify_message)
        except (OSError, UnicodeError) as error:  # a name that is none is a UnicodeError
            self._addresses = []
            failure = _failure(error)
        raise failure

    async def _connect(self, make_protocol: Callable[[], P]) -> P:
        loop = asyncio.get_running_loop()
        raw = await aiohappyeyeballs.start_connection(
            await self._resolve(),
            happy_eyeballs_delay=HAPPY_EYEBALLS_DELAY_S,
            interleave=1,
            loop=loop,
        )
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        _, protocol = await loop.create_connection(
            make_protocol,
            sock=raw,
            ssl=self._tls,
            server_hostname=self._host if self._tls else None,
        )
        return protocol

    async def _resolve(self) -> list[Address]:
        loop = asyncio.get_running_loop()
        async with self._look_up:
            if not self._addresses or loop.time() - self._looked_up_s > ADDRESSES_KEPT_S:
                found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
                self._addresses = list(found)
                self._looked_up_s = loop.time()
            return self._addresses


def _tls_context() -> ssl.SSLContext:
    """As httpx verifies, against certifi's list."""
    context = httpx.create_ssl_context(trust_env=False)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _failure(error: OSError | UnicodeError) -> httpx.TransportError:
    if isinstance(error, TimeoutError):
        return httpx.ConnectTimeout("it did not answer in time")
    number = error.errno if isinstance(error, OSError) else None
    return httpx.ConnectError(os.strerror(number) if number and number > 0 else str(error))
