"""The headers that every request carries, and the key's way into them. Nothing else sees the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi import __version__

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.endpoint import Endpoint

_KEY_CHARACTERS_MIN = 8
"""A shorter key opens nothing, and taking it out would tear words apart."""


def headers_for(endpoint: Endpoint) -> list[tuple[bytes, bytes]]:
    """Header fields for an endpoint, the key among them: never print them.

    Compression is declined: answers are small, and inflating is where small answers grow large.
    """
    return [
        (b"Authorization", b"Bearer " + endpoint.key.encode("ascii")),
        (b"Accept", b"application/json, text/event-stream"),
        (b"Accept-Encoding", b"identity"),
        (b"User-Agent", b"airflow-provider-aimlapi/" + __version__.encode("ascii")),
    ]


def without_key(body: bytes, endpoint: Endpoint) -> bytes:
    """A body of an error, with the key taken out in case the server repeated it."""
    key = endpoint.key.encode("ascii")
    return body.replace(key, b"[key]") if len(key) >= _KEY_CHARACTERS_MIN else body
