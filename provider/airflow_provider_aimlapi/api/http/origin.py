"""Opens connections to one origin or to its proxy, with TLS. Knows no HTTP except CONNECT."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from typing import TYPE_CHECKING, Any, TypeVar

import aiohappyeyeballs
import httpx

from airflow_provider_aimlapi.api.http.certificates import tls_context
from airflow_provider_aimlapi.api.http.tunnel import ProxyFailed, open_tunnel

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.core.calls.route import Route

P = TypeVar("P", bound=asyncio.BaseProtocol)

ADDRESSES_KEPT_S = 60.0
"""One look-up serves all connections of a start; after a failed connection the name is looked up again."""
HAPPY_EYEBALLS_DELAY_S = 0.25
"""The delay before the next address is tried beside a silent one, as RFC 8305 advises."""
Address = tuple[int, int, int, str, tuple[Any, ...]]
"""An address as `socket.getaddrinfo` returns it."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


class CertificateRefused(httpx.ConnectError):
    """The server's certificate was refused. Nothing was sent."""


class Origin:
    """Scheme, host and port, and how to connect to them.

    Args:
        url: any URL of the origin.
        route: the way to the origin. Its proxy is used for https only, because an http origin is
            always on this machine.

    Raises:
        ConnectionIncomplete: the route's certificates cannot be read.
    """

    def __init__(self, url: httpx.URL, route: Route) -> None:
        if url.scheme not in _DEFAULT_PORTS:
            raise ValueError(f"{url.scheme!r} is neither http nor https")
        is_https = url.scheme == "https"
        self._host = url.raw_host.decode("ascii")
        self._port = url.port or _DEFAULT_PORTS[url.scheme]
        self._route = route
        self._proxy = route.proxy if is_https else None
        self._tls = _tls_context(route) if is_https else None
        self._dialled = (self._host, self._port)
        if self._proxy is not None:  # the proxy looks up the API's name itself
            self._dialled = (self._proxy.host, self._proxy.port)
        # What the name led to, and when. Emptied after a failure, because the service may have
        # moved.
        self._addresses: list[Address] = []
        self._resolved_s = 0.0
        # Hundreds of connections begin at once. The first looks the name up, and the others wait
        # for it.
        self._name_lock = asyncio.Lock()

    async def open_connection(self, make_protocol: Callable[[], P], *, timeout_s: float) -> P:
        """Return a new connection. If this raises, nothing was sent.

        Args:
            timeout_s: most seconds for name look-up, proxy and TLS together.

        Raises:
            CertificateRefused: the certificate does not hold.
            ProxyFailed: the proxy was not reached, or made no tunnel.
            httpx.ConnectTimeout, httpx.ConnectError: any other failure, with the reason.
        """
        steps = _Steps()
        failure: httpx.TransportError
        try:
            async with asyncio.timeout(timeout_s):
                return await self._connect_by_steps(make_protocol, steps)
        except ProxyFailed as error:
            failure = ProxyFailed(self._with_remedy(f"{error}"), is_lasting=error.is_lasting)
        except ssl.SSLCertVerificationError as error:
            trusted = self._route.trusted_certificates
            failure = CertificateRefused(f"{error.verify_message}; checked against {trusted}")
        except (OSError, UnicodeError) as error:  # a name that is not a host name is a UnicodeError
            self._addresses = []
            failure = self._failure_at_step(error, steps)
        raise failure

    async def _connect_by_steps(self, make_protocol: Callable[[], P], steps: _Steps) -> P:
        loop = asyncio.get_running_loop()
        # The socket is connected first, so that the tunnel can be opened on it before TLS begins.
        raw = await aiohappyeyeballs.start_connection(
            await self._resolve_addresses(),
            happy_eyeballs_delay=HAPPY_EYEBALLS_DELAY_S,
            interleave=1,
            loop=loop,
        )
        # A long answer is silent for minutes. Without probes, a firewall forgets the connection,
        # and its end is never seen.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self._proxy is not None:
            steps.at_proxy = "the proxy did not make a tunnel"
            try:
                await open_tunnel(raw, self._proxy, self._host, self._port)
            # Cancelled, too, when the time is over: nothing else knows this socket.
            except BaseException:
                raw.close()
                raise
        steps.at_proxy = ""
        _, protocol = await loop.create_connection(
            make_protocol,
            sock=raw,
            ssl=self._tls,
            server_hostname=self._host if self._tls else None,
        )
        return protocol

    async def _resolve_addresses(self) -> list[Address]:
        loop = asyncio.get_running_loop()
        async with self._name_lock:
            if not self._addresses or loop.time() - self._resolved_s > ADDRESSES_KEPT_S:
                found = await loop.getaddrinfo(*self._dialled, type=socket.SOCK_STREAM)
                self._addresses = list(found)
                self._resolved_s = loop.time()
            return self._addresses

    def _failure_at_step(
        self, error: OSError | UnicodeError, steps: _Steps
    ) -> httpx.TransportError:
        """Return the error for a failed connection, by the step that failed."""
        if self._proxy is not None and steps.at_proxy:
            return ProxyFailed(self._with_remedy(f"{steps.at_proxy} ({_reason_of_failure(error)})"))
        kind = httpx.ConnectTimeout if isinstance(error, TimeoutError) else httpx.ConnectError
        return kind(_reason_of_failure(error))

    def _with_remedy(self, reason: str) -> str:
        return f"{reason}. {self._proxy.setting.remedy}" if self._proxy is not None else reason


class _Steps:
    """The step that a connection has reached.

    Attributes:
        at_proxy: the reason to report if it fails now; empty once the API is reachable.
    """

    def __init__(self) -> None:
        self.at_proxy = "the proxy was not reached"


def _tls_context(route: Route) -> ssl.SSLContext:
    context = tls_context(route.certificates)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _reason_of_failure(error: OSError | UnicodeError) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, ssl.SSLError):  # its number is OpenSSL's, not the system's
        return f"TLS failed ({error.reason or 'closed'})"
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number and number > 0 else str(error)
