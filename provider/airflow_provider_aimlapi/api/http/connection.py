"""One HTTP/1.1 connection: a request out, its answer in, then perhaps the next. No pool, no key.

httptools (llhttp, the parser of Node.js) reads what comes; what it may cost is limited here.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, cast

import httptools
import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

READ_BYTES = 64 * 1024
FRAMING_BYTES_MAX = 64 * 1024
"""Of an answer beside its body: status line, fields, chunk sizes, trailers."""
FRAMING_PER_BODY_BYTE = 8
"""What each byte of body adds to that: in a chunk of its own, it comes with five others."""
UNTAKEN_BYTES_MAX = 256 * 1024
"""Of a body that nobody has taken yet; beyond, nothing is read from the connection."""
STOOD_STILL_S = 1.0
"""A deadline noticed so late says that this process, or its machine, stood still: answers that came
meanwhile lie in the sockets, and loops tell of time before they read. So it is put off once."""
_INTERIM = range(100, 200)


class Incoming(httpx.AsyncByteStream):
    """An answer on its way in, which is its body to whoever iterates. Close it in the end.

    Attributes:
        status, fields: of the final answer, once `is_headed`; fields as they were written.
        is_headed: whether status and fields are there. is_whole: whether the body is, too.
        is_kept_alive: whether the server will serve another request on this connection.
        failure: why nothing more will come.
        untaken: pieces of the body that nobody has taken yet.
    """

    def __init__(self, connection: Connection) -> None:
        self.status = 0
        self.fields: list[tuple[bytes, bytes]] = []
        self.is_headed = False
        self.is_whole = False
        self.is_kept_alive = False
        self.failure: httpx.TransportError | None = None
        self.untaken: list[bytes] = []
        self._connection = connection

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self  # asyncio keeps a book of generators, at a row's expense

    async def __anext__(self) -> bytes:
        """What has come since the last piece, at once or when there is something."""
        while not self.untaken:
            if self.is_whole:
                raise StopAsyncIteration
            await self._connection.wait(self)
        pieces, self.untaken = self.untaken, []
        self._connection.read_on()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def aclose(self) -> None:
        """Give the connection back."""
        self._connection.end(self)

    @property
    def ends_with_connection(self) -> bool:
        """Whether the fields tell no other end of the body than the connection's."""
        for name, value in self.fields:
            if name.lower() == b"content-length":
                return False
            if name.lower() == b"transfer-encoding":
                return not value.lower().rstrip().endswith(b"chunked")
        return True


class Connection(asyncio.BufferedProtocol):
    """A connection, as its pool, asyncio and httptools see it.

    Args:
        buffer: READ_BYTES to read into. All connections of a loop may share it: what was read is
            parsed before the loop reads again.
        give_back: called when an exchange has ended, whether the connection lives or not.

    Attributes:
        is_lost: whether it can serve no further request.
        idle_since_s: the loop's time when its last exchange ended.
    """

    def __init__(self, buffer: memoryview, give_back: Callable[[Connection], None]) -> None:
        self.is_lost = False
        self.idle_since_s = 0.0
        self._buffer = buffer
        self._give_back = give_back
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._incoming: Incoming | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._until_s = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at_s = math.inf
        self._framing_left = 0
        self._untaken_bytes = 0
        self._is_paused = False
        self._is_full = False

    # For the pool and whoever reads an answer.

    def ask(self, data: bytes, until_s: float) -> Incoming:
        """Write a request, or its beginning. Whatever follows, it may have been read.

        Args:
            until_s: the loop's time at which the exchange fails if it is not over; may be inf.
        """
        self._incoming = Incoming(self)
        self._until_s = until_s
        if until_s < self._timer_at_s:
            self._set_timer(until_s)
        self._framing_left = FRAMING_BYTES_MAX
        self._untaken_bytes = 0
        self._transport.write(data)
        return self._incoming

    async def ask_on(self, incoming: Incoming, data: bytes) -> bool:
        """Write more of a request, when there is room; False when the answer came before it."""
        while self._is_full and not incoming.is_headed:
            await self.wait(incoming)
        if incoming.is_headed or incoming.failure is not None:
            self.is_lost = True  # what it would be asked next would be taken for the rest of this
            return False
        self._transport.write(data)
        return True

    async def wait(self, incoming: Incoming) -> None:
        """Wait until there is news of an answer.

        Raises:
            httpx.RemoteProtocolError: what came is no HTTP, or too much of it.
            httpx.ReadError: the connection ended before the answer did.
            httpx.ReadTimeout: the exchange took too long.
        """
        if incoming.failure is not None:
            raise incoming.failure
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        if incoming.failure is not None:
            raise incoming.failure

    def read_on(self) -> None:
        """Say that the body's pieces were taken."""
        self._untaken_bytes = 0
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def end(self, incoming: Incoming) -> None:
        """End an exchange. The connection lives on if all that was asked and said was whole."""
        if incoming is not self._incoming:
            return
        self._incoming = None
        is_over = incoming.is_whole and not self._transport.get_write_buffer_size()
        if self.is_lost or not is_over or not incoming.is_kept_alive:
            self.abort()
        self.idle_since_s = self._loop.time()
        self._give_back(self)

    def abort(self) -> None:
        """Close at once."""
        self.is_lost = True
        self._transport.abort()

    # asyncio's calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Where to read into."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Parse what was read."""
        incoming = self._incoming
        if incoming is None or incoming.is_whole:
            self.abort()  # said to nobody: it must not answer the next request
            return
        self._framing_left -= nbytes
        try:
            self._parser.feed_data(self._buffer[:nbytes])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(incoming, httpx.RemoteProtocolError(type(error).__name__))
        if self._framing_left < 0:
            too_much = "more than an answer may take beside its body"
            self._fail(incoming, httpx.RemoteProtocolError(too_much))
        if incoming.is_headed:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits: for some answers this is their end."""
        self.is_lost = True
        if self._timer is not None:
            self._timer.cancel()
        incoming = self._incoming
        if incoming is not None and not incoming.is_whole and incoming.failure is None:
            if exc is None and incoming.is_headed and incoming.ends_with_connection:
                incoming.is_whole = True
            else:
                incoming.failure = httpx.ReadError(type(exc).__name__ if exc else "closed")
        self._wake()

    def pause_writing(self) -> None:
        """Enough is on its way out."""
        self._is_full = True

    def resume_writing(self) -> None:
        """There is room again."""
        self._is_full = False
        self._wake()

    def _set_timer(self, at_s: float) -> None:
        """One timer serves many exchanges: most are over long before it is due."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(at_s, self._on_time)
        self._timer_at_s = at_s

    def _on_time(self) -> None:
        """Fail the exchange that takes too long, by time in which an answer could be read."""
        due_s, self._timer_at_s = self._timer_at_s, math.inf
        incoming, now_s = self._incoming, self._loop.time()
        if incoming is None:
            return
        if now_s < self._until_s:
            self._set_timer(self._until_s)
        elif now_s > due_s + STOOD_STILL_S:
            self._set_timer(now_s + STOOD_STILL_S)
        else:
            self._fail(incoming, httpx.ReadTimeout("the answer was not whole in time"))

    def _fail(self, incoming: Incoming, failure: httpx.TransportError) -> None:
        """End it here; an answer that was whole before stays one."""
        if not incoming.is_whole and incoming.failure is None:
            incoming.failure = failure
        self.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # httptools' calls; `_incoming` is set in all of them.

    def on_message_begin(self) -> None:
        """Refuse a second answer to one request."""
        if self._incoming is None or self._incoming.is_whole:
            raise httpx.RemoteProtocolError("an answer to nobody")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field; trailers say nothing that matters."""
        incoming = self._incoming
        if incoming is not None and not incoming.is_headed:
            incoming.fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Note the final answer; interim ones (1xx) are passed over."""
        incoming = self._incoming
        status = self._parser.get_status_code()
        if incoming is not None and status not in _INTERIM:
            incoming.status = status
            incoming.is_kept_alive = self._parser.should_keep_alive()
            incoming.is_headed = True

    def on_body(self, data: bytes) -> None:
        """Keep a piece until it is taken."""
        self._framing_left += FRAMING_PER_BODY_BYTE * len(data)
        self._untaken_bytes += len(data)
        if self._incoming is not None:
            self._incoming.untaken.append(data)
        if self._untaken_bytes > UNTAKEN_BYTES_MAX and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """Note the end of the final answer."""
        incoming = self._incoming
        if incoming is not None:
            incoming.is_whole = incoming.is_headed
            if not incoming.is_headed:
                incoming.fields.clear()
