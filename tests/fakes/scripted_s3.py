"""An HTTP server that answers as an S3 in trouble: refusals, overload, cut or lost answers.

It passes requests without trouble on to a working S3 server.
"""

from __future__ import annotations

import http.client
import threading
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """The trouble of one request.

    Attributes:
        status, code: the answer, and S3's word for it.
        is_lost: the request is carried out, and the connection closed without an answer.
        is_cut: the answer ends before its announced length.
        is_unconditional: the request is carried out without its "only if absent".
    """

    status: int = 0
    code: str = ""
    is_lost: bool = False
    is_cut: bool = False
    is_unconditional: bool = False


class ScriptedS3:
    """Meets requests of a method with one trouble after another. The last trouble stays."""

    def __init__(self, behind_url: str = "") -> None:
        self._behind = urlsplit(behind_url).netloc
        self._script: dict[str, deque[Trouble]] = {}
        self.requests: list[str] = []
        self.headers: list[Message] = []

    def script(self, method: str, *troubles: Trouble | None) -> None:
        self._script[method] = deque(trouble or Trouble() for trouble in troubles)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Exchange", (_Exchange,), {"s3": self})
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_S,), daemon=True
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def next_trouble(self, method: str) -> Trouble:
        self.requests.append(method)
        script = self._script.get(method)
        if not script:
            return Trouble()
        return script.popleft() if len(script) > 1 else script[0]

    def pass_on(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self._behind, timeout=30)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()


class _Exchange(BaseHTTPRequestHandler):
    s3: ScriptedS3
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        body = b"".join(self._body())
        self.s3.headers.append(self.headers)
        trouble = self.s3.next_trouble(self.command)
        if trouble.status:
            self._refuse(trouble)
            return
        headers = dict(self.headers.items())
        if trouble.is_unconditional:
            headers.pop("If-None-Match", None)
        headers.pop("Transfer-Encoding", None)
        status, answered, content = self.s3.pass_on(self.command, self.path, headers, body)
        if trouble.is_lost:
            self.close_connection = True
            return
        self._send(status, answered, content, is_cut=trouble.is_cut)

    def _body(self) -> Iterator[bytes]:
        length = self.headers.get("Content-Length")
        if length is not None:
            yield self.rfile.read(int(length))
            return
        if self.headers.get("Transfer-Encoding") != "chunked":
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()

    def _refuse(self, trouble: Trouble) -> None:
        content = (
            f"<?xml version='1.0'?><Error><Code>{trouble.code}</Code>"
            f"<Message>as scripted</Message></Error>"
        ).encode()
        self._send(trouble.status, [("Content-Type", "application/xml")], content)

    def _send(
        self,
        status: int,
        headers: list[tuple[str, str]],
        content: bytes,
        *,
        is_cut: bool = False,
    ) -> None:
        self.send_response(status)
        length = str(len(content))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in {"content-length", "connection", "transfer-encoding"}:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if is_cut else content)
        self.close_connection = self.close_connection or is_cut

    do_PUT = do_HEAD = do_DELETE = do_POST = do_GET  # noqa: N815  http.server's names
