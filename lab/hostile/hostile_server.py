"""A raw TCP server that answers most rows well, and one row as a case defines. Every byte is its own.

The path's first part names the case; a path that names none is answered well.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import struct
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lab.hostile.case import ALWAYS_ROW, COST_USD, ONCE_ROW, ROWS, Case, right_answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PIECE_BYTES = 65_536
DRIP_S = 0.02
_ROW = re.compile(rb"Row (\d+) of a dozen")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)\r\n")


def http(
    body: bytes, *fields: str, status: str = "200 OK", kind: str = "application/json"
) -> bytes:
    """Return a whole answer with a correct Content-Length."""
    return head(*fields, f"Content-Length: {len(body)}", status=status, kind=kind) + body


def head(*fields: str, status: str = "200 OK", kind: str = "application/json") -> bytes:
    """Return the status line and the fields, including the blank line."""
    lines = (f"HTTP/1.1 {status}", f"Content-Type: {kind}", *fields, "", "")
    return "\r\n".join(lines).encode("latin-1")


def body_of(text: Any, **changes: Any) -> bytes:
    """Return a completion as the API sends it, with the case's own fields."""
    whole = {
        "id": "gen-1",
        "object": "chat.completion",
        "model": "claude-sonnet-4-6",
        "created": 1_780_000_000,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "end_turn",
            }
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
        "meta": {"usage": {"credits_used": 2_000, "usd_spent": COST_USD}},
        **changes,
    }
    return json.dumps(whole).encode()


@dataclass(slots=True)
class Progress:
    """What a case's rows have received so far."""

    asked: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    well: list[Exchange] = field(default_factory=list)
    all_others_well: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request that was received, and the connection to answer it on."""

    row: int
    progress: Progress
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    elsewhere_url: str
    is_over: bool = False

    @property
    def text(self) -> str:
        """The right answer."""
        return right_answer(self.row)

    def json(self, **changes: Any) -> bytes:
        """Return the right answer's body, with the case's own fields."""
        return body_of(self.text, **changes)

    def choice(self, **changes: Any) -> bytes:
        """Return the right answer's body, with another first choice."""
        usual = {"index": 0, "message": {"content": self.text}, "finish_reason": "end_turn"}
        return self.json(choices=[{**usual, **changes}])

    async def say(self, pieces: Iterable[bytes]) -> None:
        """Send the pieces as fast as they are taken; stop when the client has gone."""
        for piece in pieces:
            for start in range(0, len(piece), PIECE_BYTES):
                self.writer.write(piece[start : start + PIECE_BYTES])
                await self.writer.drain()
                await asyncio.sleep(0)  # others are answered meanwhile

    async def drip(self, piece: bytes) -> None:
        """Send the piece again and again, slowly and steadily, until the client has gone."""
        while not self.reader.at_eof():
            self.writer.write(piece)
            await self.writer.drain()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.reader.read(1), DRIP_S)
        self.hang_up()

    async def until_gone(self) -> None:
        """Send nothing more until the client gives up."""
        while await self.reader.read(PIECE_BYTES):
            pass
        self.hang_up()

    def hang_up(self) -> None:
        """Close in good order."""
        self.is_over = True
        self.writer.close()

    def reset(self) -> None:
        """Close with a RST."""
        self.is_over = True
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class HostileServer:
    """Serves cases. `elsewhere` is a second port, to which no client may connect."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self.elsewhere_connections = 0
        self._cases = {case.path: case for case in cases}
        self._progress: defaultdict[str, Progress] = defaultdict(Progress)
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen."""
        server = await asyncio.start_server(self._keep, "127.0.0.1", 0)
        elsewhere = await asyncio.start_server(self._elsewhere, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self.elsewhere_url = f"http://127.0.0.1:{elsewhere.sockets[0].getsockname()[1]}"
        self._servers = (server, elsewhere)

    async def stop(self) -> None:
        """Stop listening, and end all waits."""
        for server in self._servers:
            server.close()
        for task in self._serving:
            task.cancel()

    async def _elsewhere(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.elsewhere_connections += 1
        writer.close()

    async def _keep(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while not await self._answer(reader, writer):
                pass
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; return whether the connection is over."""
        request = await reader.readuntil(b"\r\n\r\n")
        path = request.split(b" ", 2)[1].decode().removesuffix("/v1/chat/completions")
        length = int(_LENGTH.findall(request)[0])
        start = await reader.read(min(length, 4_096))
        row = int(_ROW.findall(start)[0])
        progress = self._progress[path]
        progress.asked[row] += 1
        exchange = Exchange(
            row=row,
            progress=progress,
            reader=reader,
            writer=writer,
            elsewhere_url=self.elsewhere_url,
        )
        case = self._cases.get(path)
        is_hostile = row == ALWAYS_ROW or (row == ONCE_ROW and progress.asked[row] == 1)
        # A case with long prompts leaves them unread.
        if not (is_hostile and case is not None and case.padding):
            await reader.readexactly(length - len(start))
        if is_hostile and case is not None:
            await case.says(exchange)
        else:
            await self._answer_well(exchange)
        return exchange.is_over

    async def _answer_well(self, exchange: Exchange) -> None:
        await exchange.say([http(exchange.json())])
        exchange.progress.well.append(exchange)
        if len(exchange.progress.well) == ROWS - 2:
            exchange.progress.all_others_well.set()


@contextlib.contextmanager
def serving(cases: Iterable[Case]) -> Iterator[HostileServer]:
    """Run a server in a thread of its own."""
    server = HostileServer(cases)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="hostile-server")
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
        yield server
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
