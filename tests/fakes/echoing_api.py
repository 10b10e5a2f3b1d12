"""An API whose answers repeat what it received, in the form that a test chooses."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOOD = {
    "model": "claude-sonnet-4-6",
    "choices": [
        {"message": {"role": "assistant", "content": "Fine."}, "finish_reason": "end_turn"}
    ],
    "usage": {"prompt_tokens": 11, "completion_tokens": 7},
    "meta": {"usage": {"credits_used": 2_000, "usd_spent": 0.001}},
}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer, byte for byte."""

    status: int = 200
    reason: str = "Whatever"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def good() -> Reply:
    """Return a completion with this text."""
    headers = {"Content-Type": "application/json"}
    return Reply(headers=headers, body=json.dumps(GOOD).encode())


class EchoingApi(ThreadingHTTPServer):
    """Answers each request with what `reply` makes of the prompt and the key; "" without a prompt."""

    def __init__(self, reply: Callable[[str, str], Reply]) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.reply = reply
        self.requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer("")

    def do_POST(self) -> None:
        body: Any = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(body["messages"][0]["content"])

    def _answer(self, prompt: str) -> None:
        assert isinstance(self.server, EchoingApi)
        self.server.requests += 1
        reply = self.server.reply(prompt, self.headers["Authorization"].removeprefix("Bearer "))
        lines = [f"HTTP/1.1 {reply.status} {reply.reason}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        lines += [f"Content-Length: {len(reply.body)}", "", ""]
        self.wfile.write("\r\n".join(lines).encode("latin-1", "replace") + reply.body)

    def log_message(self, *words: object) -> None:
        """Print nothing, because a test's output is for its failures."""


@contextmanager
def echoing(reply: Callable[[str, str], Reply]) -> Iterator[EchoingApi]:
    """Serve the API from a thread of its own."""
    with EchoingApi(reply) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
