"""An S3 server for the demo and the tests: moto's, made safe for concurrent writers; no faults here.

moto looks whether a key exists and then writes it, without a lock between the two. Two requests
with `If-None-Match: *` can so both be told that they created the object, which no real store does.
One lock around every write gives back what S3 promises.

    with S3Server() as s3:
        s3.create_bucket("lake")
        fsspec.filesystem("s3", endpoint_url=s3.url, key="any", secret="any")

All servers of one process share moto's memory, and so the same buckets.
"""

from __future__ import annotations

import argparse
import http.client
import io
import signal
import socket
import threading
from typing import TYPE_CHECKING, Self

from aimlapi_simulator.http.web_pages import REFUSAL, is_from_web_page

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

    from werkzeug.serving import BaseWSGIServer

WRITES = frozenset({"PUT", "POST", "DELETE"})
POLL_S = 0.05  # how often the serving thread looks whether it shall stop


class S3Server:
    """An S3 endpoint on this machine, empty at the start and gone at the end.

    The port is taken when the object is made, so that `url` can be handed out before `start`;
    until then connections are refused. Any access key and any secret are accepted.
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Take `port` on `host`; 0 means any free one. Raise OSError if it is in use."""
        self._host = host
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((host, port))
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that was taken."""
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """What clients call the endpoint URL, without a slash at the end."""
        return f"http://{self._host}:{self.port}"

    def start(self) -> None:
        """Serve in a thread of this process until `stop`."""
        # moto takes a second to import: whoever only wants the URL does not wait for it.
        from moto.moto_server.werkzeug_app import (
            DomainDispatcherApplication,
            create_backend_app,
        )
        from werkzeug.serving import make_server

        app = AtomicWrites(DomainDispatcherApplication(create_backend_app))
        self._server = make_server(
            self._host,
            self.port,
            app,
            threaded=True,
            request_handler=_quiet_requests(),
            fd=self._socket.fileno(),
        )
        self._socket.listen(128)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_S,), name="s3", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the server and free the port."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._socket.close()

    def create_bucket(self, name: str) -> None:
        """Make an empty bucket; one that is there already stays as it is."""
        connection = http.client.HTTPConnection(self._host, self.port, timeout=30)
        try:
            connection.request("PUT", f"/{name}")
            response = connection.getresponse()
            answer = response.read().decode()
        finally:
            connection.close()
        if response.status not in {http.HTTPStatus.OK, http.HTTPStatus.CONFLICT}:
            raise OSError(f"no bucket {name!r}: the server said {response.status}: {answer}")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class AtomicWrites:
    """A WSGI application in front of another that lets it do one write at a time.

    It refuses web pages. moto asks for no key, and would let any page read and write every object.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._one_at_a_time = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; a write's body is received before the lock is asked for."""
        origin, host = environ.get("HTTP_ORIGIN", ""), environ.get("HTTP_HOST", "")
        if is_from_web_page(origin=origin, host=host):
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [REFUSAL.encode()]
        if environ["REQUEST_METHOD"] not in WRITES:
            return self._app(environ, start_response)
        environ["wsgi.input"] = io.BytesIO(_received_body(environ))
        with self._one_at_a_time:
            return self._app(environ, start_response)


def _received_body(environ: WSGIEnvironment) -> bytes:
    """The whole body, so that a slow sender keeps nobody else from writing."""
    stream: InputStream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        return stream.read()
    return stream.read(int(environ.get("CONTENT_LENGTH") or 0))


def _quiet_requests() -> type:
    from moto.moto_server.werkzeug_app import MotoRequestHandler

    class QuietRequests(MotoRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Print nothing: a bulk run makes thousands of requests."""

    return QuietRequests


def main() -> None:
    """Serve until Ctrl-C or SIGTERM; the first line printed is the URL."""
    parser = argparse.ArgumentParser(prog="python -m demo.s3_server", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--bucket", action="append", default=[], help="made at the start")
    arguments = parser.parse_args()
    ended = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: ended.set())
    with S3Server(arguments.port) as s3:
        for name in arguments.bucket:
            s3.create_bucket(name)
        print(s3.url, flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
