"""A port on loopback that counts connections. No location in a test may lead there."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
"""It keeps a client from retrying. A client of another protocol cannot read it."""
REQUEST_S_MAX = 5.0


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
        """Accept until the listener is closed. Refuse each request, or never answer."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self._hangs:
                self._open.append(connection)
            else:
                with connection, suppress(OSError):
                    connection.settimeout(REQUEST_S_MAX)
                    connection.recv(65_536)
                    connection.sendall(REFUSAL)

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
