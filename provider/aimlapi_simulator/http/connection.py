"""The connection of one client. It reads requests, passes them on and writes answers in order."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from aimlapi_simulator.http.message import (
    LAST_CHUNK,
    Request,
    Response,
    as_chunk,
    render_head,
)
from aimlapi_simulator.http.request_parser import MalformedRequest, RequestParser

_PIPELINE_BYTES_MAX = 256 * 1024
"""A client that sends more while it waits for an answer is not read from, to bound the memory."""
_READ_BYTES = 256 * 1024
"""Most requests fit in one read."""


class Application(Protocol):
    """The receiver of a connection's requests."""

    def serve_request(self, request: Request, connection: Connection) -> None:
        """Call `connection.send_response` exactly once, now or later."""

    def refuse_bytes(self, status: int, reason: str) -> Response:
        """Return the answer to bytes that are no request."""


class Connections(set["Connection"]):
    """All connections of one server, with the buffer that they share.

    Each turn of the loop first reads for all connections, then answers, then writes. Alternating
    between answers and system calls for every request costs a fifth of the rate.
    """

    def __init__(self) -> None:
        super().__init__()
        self.buffer = memoryview(bytearray(_READ_BYTES))
        # The connections with something to parse, and those with something to write, in this turn.
        self._with_input: list[Connection] = []
        self._with_output: list[Connection] = []

    def advance_later(self, connection: Connection) -> None:
        """Continue this connection once all input of this turn is read."""
        if not self._with_input:
            asyncio.get_running_loop().call_soon(self._advance_all)
        self._with_input.append(connection)

    def write_later(self, connection: Connection) -> None:
        """Flush this connection once all answers of this turn are made."""
        if not self._with_output:
            asyncio.get_running_loop().call_soon(self._flush_all)
        self._with_output.append(connection)

    def _advance_all(self) -> None:
        due, self._with_input = self._with_input, []
        for connection in due:
            try:
                connection.start_requests()
            except Exception as error:  # noqa: BLE001 - a bug at one client must not stop the rest
                connection.cut_connection()
                context = {"message": "a request could not be answered", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)

    def _flush_all(self) -> None:
        due, self._with_output = self._with_output, []
        for connection in due:
            connection.flush_output()


class Connection(asyncio.BufferedProtocol):
    """Answers requests one after another, also when they were pipelined."""

    def __init__(self, application: Application, connections: Connections) -> None:
        self._application = application
        self._connections = connections
        self._parser = RequestParser()
        self._transport: asyncio.Transport | None = None  # None when the connection is lost
        self._output: list[bytes] = []  # gathered for one write per turn of the loop
        self._is_busy = False  # a request waits for its answer
        self._is_advancing = False  # `start_requests` is running, further up the stack
        self._is_keep_alive = True  # False closes after the current answer
        self._is_paused = False  # reading is paused, because the client pipelines too much
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: D102
        # uvloop's transports are no asyncio.Transport, but have the same methods.
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002, D102
        self._transport = None
        self._connections.discard(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002, D102
        return self._connections.buffer

    def buffer_updated(self, nbytes: int) -> None:  # noqa: D102
        # The buffer is shared. Its bytes are copied before the next connection reads.
        self._parser.feed_bytes(bytes(self._connections.buffer[:nbytes]))
        if not self._is_busy:
            self._connections.advance_later(self)
        elif self._parser.buffered_bytes() > _PIPELINE_BYTES_MAX and self._transport is not None:
            self._transport.pause_reading()
            self._is_paused = True

    def cut_connection(self) -> None:
        """Cut the connection at once, without finishing an answer."""
        if self._transport is not None:
            self._transport.abort()

    def start_requests(self) -> None:
        """Start requests until one must wait for its answer, or none is left."""
        self._is_advancing = True
        try:
            while not self._is_busy and self._start_next():
                pass
        finally:
            self._is_advancing = False

    def _start_next(self) -> bool:
        """Pass the next request on; return False if there is nothing more to do now."""
        # 1. The client has gone: nothing to do.
        # 2. The bytes are no request: answer with the error, then close.
        # 3. The request is incomplete: wait for more bytes.
        # 4. A whole request: pass it on. It may be answered before `serve_request` returns.
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        try:
            request = self._parser.next_request()
        except MalformedRequest as error:
            self._is_keep_alive = False
            self.send_response(self._application.refuse_bytes(error.status, str(error)))
            return False
        if request is None:
            self._await_more(transport)
            return False
        self._is_busy = True
        self._is_keep_alive = request.is_keep_alive
        self._application.serve_request(request, self)
        return self._is_paused or self._parser.buffered_bytes() > 0

    def _await_more(self, transport: asyncio.Transport) -> None:
        if self._parser.is_continue_due():
            self._queue_output(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._is_paused:
            self._is_paused = False
            transport.resume_reading()

    def send_response(self, response: Response) -> None:
        """Send the answer to the request that was passed on last. A client that left gets none."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if response.delivery == "drop":
            self._close_after_output()
            return
        head = render_head(response, is_keep_alive=self._is_keep_alive)
        if response.delivery == "whole" and not response.events:
            self._queue_output(head + response.body)
            self._finish_answer()
            return
        # Streams and broken deliveries leave in pieces.
        self._queue_output(head)
        self._send_pieces(_pieces_of(response), 0, response)

    def _queue_output(self, data: bytes) -> None:
        if not self._output:
            self._connections.write_later(self)
        self._output.append(data)

    def flush_output(self) -> None:
        """Write the gathered output. A lost connection drops it."""
        if self._transport is not None and self._output:
            self._transport.write(b"".join(self._output))
        self._output.clear()

    def _close_after_output(self) -> None:
        """Close the connection once all output is written."""
        self.flush_output()
        if self._transport is not None:
            self._transport.close()

    def _send_pieces(self, pieces: list[bytes], position: int, response: Response) -> None:
        """Write piece after piece, `interval_s` apart."""
        # The client may have left between two pieces.
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if response.interval_s <= 0:
            self._queue_output(b"".join(pieces[position:]))
            position = len(pieces)
        else:
            self._queue_output(pieces[position])
            position += 1
        if position < len(pieces):
            self._loop.call_later(
                response.interval_s, self._send_pieces, pieces, position, response
            )
        elif response.delivery == "cut":
            self._close_after_output()
        else:
            self._finish_answer()

    def _finish_answer(self) -> None:
        self._is_busy = False
        if not self._is_keep_alive:
            self._close_after_output()
        elif not self._is_advancing:  # otherwise the loop in `start_requests` continues
            self.start_requests()


def _pieces_of(response: Response) -> list[bytes]:
    if response.events:
        wire = [as_chunk(event) for event in response.events]
        if response.delivery == "cut":
            return wire[: max(1, len(wire) // 2)]
        wire.append(LAST_CHUNK)
    elif response.delivery == "cut":
        return [response.body[: len(response.body) // 2]]
    else:
        wire = [response.body]
    if response.delivery != "drip":
        return wire
    size, whole = response.drip_bytes, b"".join(wire)
    return [whole[start : start + size] for start in range(0, len(whole), size)] or [b""]
