"""A simulator that listens, inside a running loop or in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from aimlapi_simulator.app import App
from aimlapi_simulator.faults.script import Script
from aimlapi_simulator.http.connection import Connection, Connections
from aimlapi_simulator.state import State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from aimlapi_simulator.ledger import Ledger

_BACKLOG = 4096
"""asyncio's default of 100 is too small for a load test that opens more connections at once."""


class Simulator:
    """Serves at `sim.url` inside `async with Simulator(script) as sim:`.

    Args:
        script: how to behave; `sim.follow(script)` changes it.
        host: address to listen at.
        port: port to listen at; 0 takes a free one.
    """

    def __init__(
        self, script: Script | None = None, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.state = State(script or Script())
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._connections = Connections()
        self._app: App | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        app = self._app = App(self.state, loop)
        self._server = await loop.create_server(
            lambda: Connection(app, self._connections), self._host, self._port, backlog=_BACKLOG
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None  # noqa: S101 - for the type checker
        self._server.close()
        for connection in list(self._connections):
            connection.cut_connection()
        while self._connections:  # noqa: ASYNC110 - they close in the next turn of the loop
            await asyncio.sleep(0)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        """Base URL, without a trailing slash."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def ledger(self) -> Ledger:
        """All requests and charges since the start or the last reset."""
        self.state.settle_batches()
        return self.state.ledger

    def follow(self, script: Script) -> None:
        """Follow another script from now on."""
        self.state.change_script(script)

    def stats(self) -> dict[str, Any]:
        """Return what `GET /_simulator/stats` answers."""
        assert self._app is not None, "the simulator has not been started"  # noqa: S101
        return self._app.control.count_requests()


@contextmanager
def simulator_thread(script: Script | None = None, *, port: int = 0) -> Iterator[Simulator]:
    """Serve from a thread of its own, for code without a loop.

    Use it as `with simulator_thread() as sim:`. Then `sim` is a `Simulator`.
    """
    simulator = Simulator(script, port=port)
    is_ready, failure = threading.Event(), list[BaseException]()
    # The loop and its event exist only once the thread runs, so that the thread hands them over.
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve_simulator() -> None:
        async with simulator:
            stop.append((asyncio.get_running_loop(), asyncio.Event()))
            is_ready.set()
            await stop[0][1].wait()

    def run_loop() -> None:
        try:
            asyncio.run(serve_simulator())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's thread
            failure.append(error)
            is_ready.set()

    thread = threading.Thread(target=run_loop, name="aimlapi-simulator", daemon=True)
    thread.start()
    is_ready.wait()
    if failure:
        raise failure[0]
    try:
        yield simulator
    finally:
        loop, event = stop[0]
        loop.call_soon_threadsafe(event.set)
        thread.join()
