"""A large request body, handed to the connection in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WHOLE_BYTES_MAX = 256 * 1024
"""Above this a body goes out in pieces: writing all of it at once, encrypted, would hold up every
other call, and an answer may come before its end."""


class PiecewiseBody(httpx.AsyncByteStream):
    """Bytes that are sent piece by piece; the request must carry their Content-Length."""

    def __init__(self, body: bytes) -> None:
        self._body = memoryview(body)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), WHOLE_BYTES_MAX):
            yield bytes(self._body[start : start + WHOLE_BYTES_MAX])
