"""The headers that every request carries. The only place where the key goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi import __version__

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.endpoint import Endpoint


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
