"""Airflow's public API, as far as a scenario asks for it."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

PATIENCE_S = 30.0
PUBLIC = "/api/v2"


class Rest:
    """A client that is anybody: where everybody is an administrator, a token needs no password."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._token = ""

    def get(self, path: str, *, below: str = PUBLIC) -> dict[str, Any]:
        """What is at a path below another.

        Raises:
            OSError: Airflow did not answer, or with a status from 400 on.
        """
        return self._ask("GET", below + path)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make something; raises as `get`."""
        return self._ask("POST", PUBLIC + path, body)

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Change something; raises as `get`."""
        return self._ask("PATCH", PUBLIC + path, body)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        if not self._token:
            self._token = str(self._send("GET", "/auth/token", None)["access_token"])
        return self._send(method, path, body)

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310  # http, our own Airflow
            f"{self._url}{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
        return found
