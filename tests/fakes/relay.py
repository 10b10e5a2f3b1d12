"""The relay of bytes between two connections, for proxies and TLS fronts."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractAsyncContextManager

PIECE_BYTES = 65_536
T = TypeVar("T")


async def relay(
    one: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    other: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    seen: Callable[[bytes], None] = lambda _piece: None,
) -> None:
    """Pass bytes on in both directions until one side ends; then cut both."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE_BYTES):
                seen(piece)
                writer.write(piece)
                await writer.drain()
        for end in (one[1], other[1]):
            end.transport.abort()

    async with asyncio.TaskGroup() as group:
        group.create_task(pass_on(one[0], other[1]))
        group.create_task(pass_on(other[0], one[1]))


@contextlib.contextmanager
def in_thread(server: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Serve on a loop in a thread of its own, for code without a loop."""
    is_ready = threading.Event()
    started: list[T] = []
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        try:
            async with server as ready:
                started.append(ready)
                stop.append((asyncio.get_running_loop(), asyncio.Event()))
                is_ready.set()
                await stop[0][1].wait()
        finally:
            is_ready.set()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    is_ready.wait()
    try:
        yield started[0]
    finally:
        loop, event = stop[0]
        loop.call_soon_threadsafe(event.set)
        thread.join()
