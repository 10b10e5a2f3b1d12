"""Google Cloud Storage on this machine: gcp-storage-emulator, with "only if absent" added.

The emulator takes no notice of `ifGenerationMatch`. With 0 it is checked here, at the start of an
upload and at its end, as https://cloud.google.com/storage/docs/request-preconditions has it: 412
when there is a live object. Requests are served one at a time, so that check and write are one.
"""

from __future__ import annotations

import json
import threading
from functools import partial
from http import HTTPStatus
from http.server import HTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from gcp_storage_emulator.handlers.buckets import create_bucket
from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.storage import Storage

POLL_S = 0.02
UPLOAD_CANCELLED = 499


class GcsServer:
    """A running server. With `is_conditional` False, the emulator is not changed."""

    def __init__(self, *, is_conditional: bool = True) -> None:
        self._storage = Storage(use_memory_fs=True)
        handler = partial(_Exchange if is_conditional else _Plain, self._storage)
        self._server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_S,), name="gcs", daemon=True
        )

    def create_bucket(self, name: str) -> None:
        create_bucket(name, self._storage)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(HTTPServer):
    request_queue_size = 128  # many writers connect at once


class _Plain(RequestHandler):  # type: ignore[misc]  # untyped
    def log_message(self, *_: object) -> None:
        """Print nothing."""


class _Exchange(_Plain):
    storage: Any

    def do_POST(self) -> None:  # noqa: N802  http.server's name
        query = parse_qs(urlsplit(self.path).query)
        if query.get("ifGenerationMatch") == ["0"]:
            self.storage = _AbsentOnly(self.storage)
        try:
            super().do_POST()
        except _ThereAlreadyError:
            self._answer(HTTPStatus.PRECONDITION_FAILED, "conditionNotMet")

    def do_DELETE(self) -> None:  # noqa: N802  http.server's name
        if "upload_id=" in self.path:
            self._answer(UPLOAD_CANCELLED, "Client Closed Request")
        else:
            super().do_DELETE()

    def _answer(self, status: int, reason: str) -> None:
        errors = [{"domain": "global", "reason": reason, "message": reason}]
        error = {"code": int(status), "message": reason, "errors": errors}
        body = json.dumps({"error": error}).encode()
        self.send_response(status, reason)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _ThereAlreadyError(Exception):
    """A live object with that name exists."""


class _AbsentOnly:
    """The emulator's storage during a request with "only if absent"."""

    def __init__(self, storage: Any) -> None:
        self._storage = storage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def create_file(self, bucket: str, name: str, *rest: Any) -> None:
        self._check(bucket, name)
        self._storage.create_file(bucket, name, *rest)

    def create_resumable_upload(self, bucket: str, name: str, resource: Any) -> Any:
        self._check(bucket, name)
        return self._storage.create_resumable_upload(bucket, name, resource)

    def _check(self, bucket: str, name: str) -> None:
        if name in self._storage.objects.get(bucket, {}):
            raise _ThereAlreadyError
