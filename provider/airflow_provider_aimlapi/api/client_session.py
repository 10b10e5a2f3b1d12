"""A plain httpx client for users who want to call the API themselves. The engine never uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from airflow_provider_aimlapi.api.request_headers import headers_for

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.endpoint import Endpoint


def open_client(endpoint: Endpoint, *, timeout_s: float = 300.0) -> httpx.Client:
    """A synchronous client with base URL and key set; paths such as "/v1/models" go into it.

    The key goes to this host only: redirects are not followed, and proxies and .netrc are not
    taken from the environment. Close it, or use it in a `with`.

    Args:
        timeout_s: most seconds for a connection, and between two pieces of an answer.
    """
    return httpx.Client(
        base_url=endpoint.base_url,
        headers=headers_for(endpoint),
        timeout=timeout_s,
        follow_redirects=False,
        trust_env=False,
    )
