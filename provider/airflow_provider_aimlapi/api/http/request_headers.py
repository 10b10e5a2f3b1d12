"""The headers that every request carries. The only place that writes the key into one."""

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
"""Compression is declined: answers are small, and inflating is where small answers grow large."""


def headers_for(endpoint: Endpoint) -> list[tuple[bytes, bytes]]:
    """Header fields for an endpoint, the key among them: never print them."""
    return [(b"Authorization", authorization_of(endpoint)), *KEYLESS_HEADERS]


def authorization_of(endpoint: Endpoint) -> bytes:
    """The value of the header field that holds the key: never print it."""
    return b"Bearer " + endpoint.key.encode("ascii")
