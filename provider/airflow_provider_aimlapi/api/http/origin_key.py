"""Adds the key to requests of a user's own httpx client, for one origin only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    import httpx


class OriginKey:
    """An event hook that httpx calls before each request, redirects included.

    It adds the key to a request to its own scheme, host and port, and refuses any other request.
    """

    def __init__(self, url: httpx.URL, authorization: bytes) -> None:
        """Keep the origin of a URL, and the header's value, which no repr shows."""
        self._origin = _origin_of_url(url)
        self._authorization = authorization.decode("ascii")

    def __call__(self, request: httpx.Request) -> None:
        """Add the key to a request.

        Raises:
            InvalidSpec: the request goes elsewhere. Nothing was sent.
        """
        # Compared on each request, because a redirect or an absolute URL may lead elsewhere.
        if _origin_of_url(request.url) != self._origin:
            scheme, host, port = self._origin
            address = f"{scheme}://{host.decode('ascii')}{'' if port is None else f':{port}'}"
            raise InvalidSpec(
                f"This client sends requests to {address} only, because it adds the API key to them. "
                f"Give it a path, such as /v1/models. For other addresses use a client of your own."
            )
        request.headers.setdefault("Authorization", self._authorization)


def _origin_of_url(url: httpx.URL) -> tuple[str, bytes, int | None]:
    """Return scheme, host in ASCII, and port. The port is None for the scheme's default."""
    return url.scheme, url.raw_host, url.port
