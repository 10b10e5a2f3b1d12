"""One HTTP/1.1 connection: a request out, its answer in, then perhaps the next. No pool, no key.

httptools (llhttp, the parser of Node.js) parses what arrives. The limits on its size are here.
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
"""The most bytes of an answer beside its body: status line, fields, chunk sizes, trailers. Far
more than servers send."""
FRAMING_PER_BODY_BYTE = 8
"""The framing bytes that each byte of the body adds: a chunk of one byte takes five others."""
UNTAKEN_BYTES_MAX = 256 * 1024
"""The most bytes of a body that wait to be read. Above that, the socket is not read, so that a slow
reader does not fill the memory."""
STOOD_STILL_S = 1.0
"""A deadline that is noticed later than this shows that the process or the machine stood still.
Answers that arrived meanwhile are still in the sockets, because the loop runs its timers before it
reads. So the deadline is put off once."""
_INTERIM = range(100, 200)


class Incoming(httpx.AsyncByteStream):
    """An answer that is arriving. Iterate over it to read its body, and close it at the end.

    Attributes:
        status: of the final answer, once `is_headed`.
        fields: its header fields as they were written, once `is_headed`.
        is_headed: whether status and fields have arrived.
        is_whole: whether the body has arrived, too.
        is_kept_alive: whether the server will serve another request on this connection.
        failure: why nothing more will arrive.
        untaken: the pieces of the body that have not been read yet.
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
        return self  # asyncio keeps a record of each generator, which costs CPU per row

    async def __anext__(self) -> bytes:
        """Return what has arrived since the last piece. Wait if there is nothing yet."""
        while not self.untaken:
            if self.is_whole:
                raise StopAsyncIteration
            await self._connection.wait_for_data(self)
        pieces, self.untaken = self.untaken, []
        self._connection.note_body_read()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def aclose(self) -> None:
        """Give the connection back."""
        self._connection.end_exchange(self)

    @property
    def ends_with_connection(self) -> bool:
        """Whether the body ends with the connection, because no header field states its end."""
        for name, value in self.fields:
            if name.lower() == b"content-length":
                return False
            if name.lower() == b"transfer-encoding":
                return not value.lower().rstrip().endswith(b"chunked")
        return True


class Connection(asyncio.BufferedProtocol):
    """A connection, as its pool, asyncio and httptools call it.

    Args:
        buffer: READ_BYTES to read into. All connections of a loop may share it: what was read is
            parsed before the loop reads again.
        give_back: called when an exchange has ended, whether the connection can be used again or
            not.

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
        # The answer of the exchange that is going on; None between two exchanges.
        self._incoming: Incoming | None = None
        # Resolved when there is news for the reader of the answer.
        self._waiter: asyncio.Future[None] | None = None
        # The deadline of the exchange. The timer may be due earlier, from an exchange before.
        self._until_s = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at_s = math.inf
        # How many bytes beside the body the answer may still have.
        self._framing_left = 0
        self._untaken_bytes = 0
        # Whether reading from the socket is paused, because the reader is slow.
        self._is_paused = False
        # Whether asyncio's write buffer is full, because the server is slow.
        self._is_full = False

    # Called by the pool and by the reader of an answer.

    def send_request(self, data: bytes, until_s: float) -> Incoming:
        """Write a request, or its beginning. The server may have read it, whatever happens next.

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

    async def send_more(self, incoming: Incoming, data: bytes) -> bool:
        """Write more of a request when there is room. Return False if the answer came first."""
        # 1. The server reads slowly: wait, because the body would fill the memory.
        # 2. The answer has come: what is left of the body is not wanted.
        # 3. The connection failed.
        while self._is_full and not incoming.is_headed:
            await self.wait_for_data(incoming)
        if incoming.is_headed or incoming.failure is not None:
            self.is_lost = True  # the server would take the next request for the rest of this one
            return False
        self._transport.write(data)
        return True

    async def wait_for_data(self, incoming: Incoming) -> None:
        """Wait until more of the answer has arrived.

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

    def note_body_read(self) -> None:
        """Note that the body's pieces were read, and read from the socket again."""
        self._untaken_bytes = 0
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def end_exchange(self, incoming: Incoming) -> None:
        """End an exchange. The connection stays open if request and answer were complete."""
        # A second close of the same answer. The connection may serve another request by now.
        if incoming is not self._incoming:
            return
        self._incoming = None
        # A request that is not written to its end would continue in the middle of the next one.
        is_over = incoming.is_whole and not self._transport.get_write_buffer_size()
        if self.is_lost or not is_over or not incoming.is_kept_alive:
            self.close_at_once()
        self.idle_since_s = self._loop.time()
        self._give_back(self)

    def close_at_once(self) -> None:
        """Close at once."""
        self.is_lost = True
        self._transport.abort()

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Return the buffer to read into."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Parse what was read."""
        incoming = self._incoming
        if incoming is None or incoming.is_whole:
            self.close_at_once()  # these bytes belong to no request, so they must not answer the next one
            return
        # All bytes count at first. `on_body` gives back those that belong to the body.
        self._framing_left -= nbytes
        try:
            self._parser.feed_data(self._buffer[:nbytes])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail_exchange(incoming, httpx.RemoteProtocolError(type(error).__name__))
        if self._framing_left < 0:
            too_much = "more than an answer may take beside its body"
            self._fail_exchange(incoming, httpx.RemoteProtocolError(too_much))
        if incoming.is_headed:
            self._wake_reader()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake the reader. For an answer without a stated length, this is its regular end."""
        self.is_lost = True
        if self._timer is not None:
            self._timer.cancel()
        incoming = self._incoming
        if incoming is not None and not incoming.is_whole and incoming.failure is None:
            # Without a stated length, the end of the connection is the end of the body. With one,
            # the body is cut off.
            if exc is None and incoming.is_headed and incoming.ends_with_connection:
                incoming.is_whole = True
            else:
                incoming.failure = httpx.ReadError(type(exc).__name__ if exc else "closed")
        self._wake_reader()

    def pause_writing(self) -> None:
        """Note that the write buffer is full."""
        self._is_full = True

    def resume_writing(self) -> None:
        """Note that there is room again."""
        self._is_full = False
        self._wake_reader()

    def _set_timer(self, at_s: float) -> None:
        """Replace the timer. One serves many exchanges, because most end long before it is due."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(at_s, self._on_time)
        self._timer_at_s = at_s

    def _on_time(self) -> None:
        """Fail the exchange if its deadline has passed and the process did not stand still."""
        due_s, self._timer_at_s = self._timer_at_s, math.inf
        incoming, now_s = self._incoming, self._loop.time()
        if incoming is None:
            return
        # 1. The timer is an earlier exchange's, and this one still has time.
        # 2. The process stood still: the answer may be in the socket, unread.
        # 3. The time is over.
        if now_s < self._until_s:
            self._set_timer(self._until_s)
        elif now_s > due_s + STOOD_STILL_S:
            self._set_timer(now_s + STOOD_STILL_S)
        else:
            self._fail_exchange(incoming, httpx.ReadTimeout("the answer was not whole in time"))

    def _fail_exchange(self, incoming: Incoming, failure: httpx.TransportError) -> None:
        """End the exchange with an error. An answer that was complete before stays valid."""
        if not incoming.is_whole and incoming.failure is None:
            incoming.failure = failure
        self.close_at_once()
        self._wake_reader()

    def _wake_reader(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # Called by httptools. `_incoming` is set in all of them.

    def on_message_begin(self) -> None:
        """Refuse a second answer to one request."""
        if self._incoming is None or self._incoming.is_whole:
            raise httpx.RemoteProtocolError("a second answer to one request")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header field. Trailers are dropped, because no trailer is used."""
        incoming = self._incoming
        if incoming is not None and not incoming.is_headed:
            incoming.fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Note the final answer. Interim answers (1xx) are skipped."""
        incoming = self._incoming
        status = self._parser.get_status_code()
        if incoming is not None and status not in _INTERIM:
            incoming.status = status
            incoming.is_kept_alive = self._parser.should_keep_alive()
            incoming.is_headed = True

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body until it is read."""
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
            # httptools reports the end of an interim answer, too. Its fields must not be those of
            # the final one.
            incoming.is_whole = incoming.is_headed
            if not incoming.is_headed:
                incoming.fields.clear()
