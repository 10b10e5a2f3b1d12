"""An API that is reached through a proxy alone, behind a certificate authority of its own.

Its host name cannot be looked up: only the proxy knows where it is. It has no dot, because the
simulator answers to no others.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trustme

from tests.fakes.connect_proxy import ConnectProxy
from tests.fakes.relay import in_thread, relay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

HOST = "company-api"
BASE_URL = f"https://{HOST}"
TARGET = f"{HOST}:443"
USER, PASSWORD = "svc-lake", "p4ss/word+%"
CREDENTIALS = f"{USER}:{PASSWORD}"
TYPED_CREDENTIALS = f"{USER}:p4ss%2Fword%2B%25"
SECRETS = (PASSWORD, "p4ss%2Fword%2B%25", "c3ZjLWxha2U6cDRzcy93b3JkKyU=")
"""The password as it is, as part of a URL, and within Proxy-Authorization."""


class TlsFront:
    """Ends TLS, and passes the decrypted bytes on to a port of this machine."""

    def __init__(self, ca: trustme.CA, port: int, *, names: tuple[str, ...] = (HOST,)) -> None:
        self.connections = 0
        self._to_port = port
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert(*names).configure_cert(self._tls)
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        with contextlib.suppress(OSError):
            onward = await asyncio.open_connection("127.0.0.1", self._to_port)
            self._writers.append(onward[1])
            await relay((reader, writer), onward)
        writer.close()


@dataclass(frozen=True, kw_only=True)
class CorporateNetwork:
    """The network between a worker and the API.

    Attributes:
        ca_file: the company's certificate authority, in PEM.
        proxy_url: URL of the proxy, with its credentials.
    """

    proxy: ConnectProxy
    front: TlsFront
    ca_file: Path

    @property
    def proxy_url(self) -> str:
        return f"http://{TYPED_CREDENTIALS}@127.0.0.1:{self.proxy.port}"


@contextlib.contextmanager
def corporate_network(api_port: int, folder: Path) -> Iterator[CorporateNetwork]:
    """Serve an API behind a proxy with credentials, with TLS by a company's authority."""
    ca = trustme.CA()
    ca_file = folder / "company-ca.pem"
    ca.cert_pem.write_to_path(str(ca_file))
    with in_thread(TlsFront(ca, api_port)) as front:
        proxy = ConnectProxy({TARGET: front.port}, credentials=CREDENTIALS)
        with in_thread(proxy):
            yield CorporateNetwork(proxy=proxy, front=front, ca_file=ca_file)
