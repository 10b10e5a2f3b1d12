"""A large request body, written to the connection in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WHOLE_BYTES_MAX = 256 * 1024
"""Larger bodies are sent in pieces. Encrypting and writing one at once would delay all other calls,
and the answer may come before the body's end."""


class PiecewiseBody(httpx.AsyncByteStream):
    """A body that is sent piece by piece. The request must carry its Content-Length."""

    def __init__(self, body: bytes) -> None:
        self._body = memoryview(body)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), WHOLE_BYTES_MAX):
            yield bytes(self._body[start : start + WHOLE_BYTES_MAX])
