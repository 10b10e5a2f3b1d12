"""An S3 server for the demo and the tests: moto, made safe for concurrent writers. It has no faults.

moto checks whether a key exists and then writes it, without a lock. So two requests with
`If-None-Match: *` may both create the same object, which no real store allows. A lock around every
write restores S3's promise.

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
POLL_S = 0.05  # the interval at which the serving thread checks whether to stop


class S3Server:
    """An S3 endpoint on this machine, empty at the start and gone at the end.

    The constructor takes the port, so that `url` is known before `start`. Until then, connections are
    refused. The server accepts any access key and any secret.
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Take a port on a host; 0 means any free port. Raise OSError if it is in use."""
        self._host = host
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((host, port))
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """Return the port."""
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """Return the endpoint URL for clients, without a slash at the end."""
        return f"http://{self._host}:{self.port}"

    def start(self) -> None:
        """Serve in a thread of this process until `stop`."""
        # moto takes a second to import, which a caller that needs only the URL does not wait for.
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
        """Create a bucket, unless it exists."""
        connection = http.client.HTTPConnection(self._host, self.port, timeout=30)
        try:
            connection.request("PUT", f"/{name}")
            response = connection.getresponse()
            answer = response.read().decode()
        finally:
            connection.close()
        if response.status not in {http.HTTPStatus.OK, http.HTTPStatus.CONFLICT}:
            raise OSError(
                f"Bucket {name!r} cannot be created. The server answered {response.status}: {answer}"
            )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class AtomicWrites:
    """A WSGI application in front of another one, which lets one write at a time through.

    It refuses web pages, because moto checks no key: any page could read and write every object.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._one_at_a_time = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        origin, host = environ.get("HTTP_ORIGIN", ""), environ.get("HTTP_HOST", "")
        if is_from_web_page(origin=origin, host=host):
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [REFUSAL.encode()]
        if environ["REQUEST_METHOD"] not in WRITES:
            return self._app(environ, start_response)
        # The body is received before the lock is taken: a slow sender must not stop other writers.
        environ["wsgi.input"] = io.BytesIO(_received_body(environ))
        with self._one_at_a_time:
            return self._app(environ, start_response)


def _received_body(environ: WSGIEnvironment) -> bytes:
    """Return the whole body of a request."""
    stream: InputStream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        return stream.read()
    return stream.read(int(environ.get("CONTENT_LENGTH") or 0))


def _quiet_requests() -> type:
    from moto.moto_server.werkzeug_app import MotoRequestHandler

    class QuietRequests(MotoRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Print nothing, because a bulk run makes thousands of requests."""

    return QuietRequests


def main() -> None:
    """Serve until Ctrl-C or SIGTERM. The first printed line is the URL."""
    parser = argparse.ArgumentParser(prog="python -m demo.s3_server", description=main.__doc__)
    parser.add_argument(
        "--port", type=int, default=0, help="the port; 0, the default, takes a free one"
    )
    parser.add_argument(
        "--bucket", action="append", default=[], help="a bucket that is created at the start"
    )
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
