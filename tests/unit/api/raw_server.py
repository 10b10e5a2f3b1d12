"""A server that says exactly the bytes a test wants, for answers that no honest server gives."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.calls.endpoint import Endpoint

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Iterable
    from typing import Self

    Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

KEY = "test-key-that-opens-nothing-0123456789"


class RawServer:
    """Runs a script for each connection. `requests` holds what was received, by read_request."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._script = script
        self._tls = tls
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    @property
    def endpoint(self) -> Endpoint:
        scheme = "https" if self._tls else "http"
        return Endpoint(base_url=f"{scheme}://127.0.0.1:{self.port}", key=KEY)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._script(reader, writer)
        writer.close()

    async def read_request(self, reader: asyncio.StreamReader) -> bytes:
        """One whole request with a Content-Length, or none."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        self.requests.append(head + await reader.readexactly(length))
        return self.requests[-1]


def answering(*answers: bytes) -> RawServer:
    """A server that reads a request and gives these answers, one after the other, on and on."""
    rest = list(answers)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.read_request(reader)
            writer.write(rest.pop(0) if len(rest) > 1 else rest[0])
            await writer.drain()

    server = RawServer(script)
    return server


def saying(pieces: Iterable[bytes]) -> RawServer:
    """A server that reads one request, says the pieces as fast as it can, and closes."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    server = RawServer(script)
    return server


def http_answer(
    body: bytes = b"{}",
    *,
    status: str = "200 OK",
    content_type: str = "application/json",
    headers: tuple[str, ...] = (),
) -> bytes:
    """A whole answer with a truthful Content-Length."""
    lines = (
        f"HTTP/1.1 {status}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        *headers,
    )
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


async def hang_up(reader: asyncio.StreamReader) -> None:
    """Wait until the other side closes."""
    while await reader.read(65_536):
        pass
