"""The headers of every request. No other module writes the key into a header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi import __version__

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint

KEYLESS_HEADERS = [
    (b"Accept", b"application/json, text/event-stream"),
    (b"Accept-Encoding", b"identity"),
    (b"User-Agent", b"airflow-provider-aimlapi/" + __version__.encode("ascii")),
]
"""Compression is declined, because answers are small, and a compressed one may expand to gigabytes."""


def headers_for(endpoint: Endpoint) -> list[tuple[bytes, bytes]]:
    """Return the header fields for an endpoint. The key is in them: never print them."""
    return [(b"Authorization", authorization_of(endpoint)), *KEYLESS_HEADERS]


def authorization_of(endpoint: Endpoint) -> bytes:
    """Return the value of the header field that holds the key: never print it."""
    return b"Bearer " + endpoint.key.encode("ascii")
