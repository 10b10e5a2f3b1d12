"""Airflow's public API, as far as the scenarios use it."""

from __future__ import annotations

import json
import urllib.request
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_S = 30.0
PUBLIC = "/api/v2"


class Rest:
    """A client that logs in as the administrator."""

    def __init__(self, url: str, login: Path) -> None:
        """Send nothing yet.

        Args:
            login: the file with the password, which need not exist before the first request.
        """
        self._url = url
        self._login = login
        self._token = ""

    def get(self, path: str, *, below: str = PUBLIC) -> dict[str, Any]:
        """Return the value at a path below another.

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

    def open_without_login(self) -> list[str]:
        """Return the requests that succeed for a client that has no password."""
        stranger = Rest(self._url, self._login)
        tried = (
            ("GET", "/auth/token", None),
            ("POST", "/auth/token", {"username": "admin", "password": "admin"}),
            ("GET", f"{PUBLIC}/connections", None),
            ("GET", "/aimlapi/progress", None),
            ("GET", f"{PUBLIC}/dags", None),
            ("PATCH", f"{PUBLIC}/dags/summarise_documents", {"is_paused": False}),
        )
        return [f"{one[0]} {one[1]}" for one in tried if not stranger._is_refused(*one)]

    def _is_refused(self, method: str, path: str, body: dict[str, Any] | None) -> bool:
        try:
            self._send(method, path, body)
        except HTTPError as error:
            return error.code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
        return False

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        if not self._token:
            ((user, password),) = json.loads(self._login.read_text(encoding="utf-8")).items()
            answer = self._send("POST", "/auth/token", {"username": user, "password": password})
            self._token = str(answer["access_token"])
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
