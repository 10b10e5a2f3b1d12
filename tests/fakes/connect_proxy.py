"""An HTTP proxy for CONNECT that listens on a port, counts, and misbehaves if a test says so."""

from __future__ import annotations

import asyncio
import contextlib
from base64 import b64encode
from typing import TYPE_CHECKING

from tests.fakes.relay import relay

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Self

    Misbehave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
CREDENTIALS_WANTED = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
TARGET_UNKNOWN = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\nwhere"


class ConnectProxy:
    """Makes tunnels to the targets that it knows.

    Args:
        targets: for each "host:port", the port of this machine to which its tunnels lead.
        credentials: "user:password" that every CONNECT must carry; None for none.
        answer: the bytes that every CONNECT gets instead of a tunnel.
        misbehave: the function that runs instead of an answer. The connection is closed after it.

    Attributes:
        heads: the heads of all CONNECT requests, as received.
        tunnels: number of tunnels made.
        rest: the bytes received after a CONNECT that got no tunnel.
        seen: all bytes that passed through the tunnels, in both directions.
        is_down: whether connections are cut at once.
        outage_after_bytes: after this number of bytes, all tunnels are cut, and so are the next
            `outage_connections` connections; None for no outage.
        outage_answer: the answer while it is down or in an outage, instead of a cut.
    """

    def __init__(
        self,
        targets: Mapping[str, int] | None = None,
        *,
        credentials: str | None = None,
        answer: bytes | None = None,
        misbehave: Misbehave | None = None,
    ) -> None:
        self.heads: list[bytes] = []
        self.tunnels = 0
        self.connections = 0
        self.rest = b""
        self.seen = bytearray()
        self.is_down = False
        self.outage_after_bytes: int | None = None
        self.outage_connections = 0
        self.outage_answer = b""
        self._targets = targets or {}
        self._credentials = credentials
        self._answer = answer
        self._misbehave = misbehave
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._cut()

    @property
    def url(self) -> str:
        """URL with the credentials that the proxy requires."""
        user = f"{self._credentials}@" if self._credentials else ""
        return f"http://{user}127.0.0.1:{self.port}"

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            is_outage = self.is_down or self._is_in_outage()
            if not is_outage or self.outage_answer:
                await self._connect(reader, writer, self.outage_answer if is_outage else None)
        writer.close()

    def _is_in_outage(self) -> bool:
        after_bytes = self.outage_after_bytes
        if after_bytes is None or len(self.seen) <= after_bytes or not self.outage_connections:
            return False
        self.outage_connections -= 1
        return True

    async def _connect(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, refusal: bytes | None
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        if self._misbehave is not None:
            await self._misbehave(reader, writer)
            return
        target = head.split(b" ", 2)[1].decode()
        refusal = refusal or self._refusal(head, target)
        if refusal is not None:
            writer.write(refusal)
            writer.write_eof()
            self.rest = await reader.read()
            return
        onward = await asyncio.open_connection("127.0.0.1", self._targets[target])
        self._writers.append(onward[1])
        writer.write(ESTABLISHED)
        self.tunnels += 1
        await relay((reader, writer), onward, self._see)

    def _refusal(self, head: bytes, target: str) -> bytes | None:
        if self._answer is not None:
            return self._answer
        if self._credentials is not None:
            token = b64encode(self._credentials.encode())
            if b"\r\nProxy-Authorization: Basic %b\r\n" % token not in head:
                return CREDENTIALS_WANTED
        return None if target in self._targets else TARGET_UNKNOWN

    def _see(self, piece: bytes) -> None:
        was_bytes = len(self.seen)
        self.seen += piece
        after_bytes = self.outage_after_bytes
        if after_bytes is not None and was_bytes <= after_bytes < len(self.seen):
            self._cut()
