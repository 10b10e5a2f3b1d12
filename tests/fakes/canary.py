"""A port on loopback that counts who connects: nothing that a test asks for may lead there."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Canary:
    """A listening port.

    Attributes:
        port: where it listens. connections: those that came.
    """

    def __init__(self, listener: socket.socket, *, hangs: bool) -> None:
        self.port = int(listener.getsockname()[1])
        self.connections = 0
        self._listener = listener
        self._hangs = hangs
        self._open: list[socket.socket] = []

    def serve(self) -> None:
        """Accept until the listener is closed. End each connection at once, or never."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self._hangs:
                self._open.append(connection)
            else:
                connection.close()

    def close(self) -> None:
        """End all connections."""
        for connection in self._open:
            connection.close()


@contextmanager
def canary(*, hangs: bool = False) -> Iterator[Canary]:
    """Run a canary.

    Args:
        hangs: whether it keeps its connections open, and answers nothing.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    bird = Canary(listener, hangs=hangs)
    thread = threading.Thread(target=bird.serve, daemon=True)
    thread.start()
    try:
        yield bird
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        bird.close()
