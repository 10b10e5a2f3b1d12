"""A plain httpx client for users who call the API themselves. The engine does not use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from airflow_provider_aimlapi.api.http.certificates import tls_context
from airflow_provider_aimlapi.api.http.origin_key import OriginKey
from airflow_provider_aimlapi.api.http.request_headers import KEYLESS_HEADERS, authorization_of

if TYPE_CHECKING:
    import ssl

    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint


def open_client(endpoint: Endpoint, *, timeout_s: float = 300.0) -> httpx.Client:
    """Return a synchronous client with base URL and key. Its requests take paths, as "/v1/models".

    The client sends the key to this origin only, and refuses requests to others. It follows no
    redirects and reads no .netrc. It uses the endpoint's proxy, if there is one. Close it, or use
    it in a `with`.

    Args:
        timeout_s: the most seconds for a connection, and between two pieces of an answer.
    """
    context = tls_context(endpoint.route.certificates)
    add_key = OriginKey(httpx.URL(endpoint.base_url), authorization_of(endpoint))
    return httpx.Client(
        base_url=endpoint.base_url,
        headers=KEYLESS_HEADERS,
        event_hooks={"request": [add_key]},
        timeout=timeout_s,
        follow_redirects=False,
        verify=context,
        mounts=_proxy_mounts(endpoint, context),
        trust_env=False,
    )


def _proxy_mounts(endpoint: Endpoint, context: ssl.SSLContext) -> dict[str, httpx.BaseTransport]:
    """Return the proxy for https only, because a proxy can read what http sends."""
    proxy = endpoint.route.proxy
    if proxy is None:
        return {}
    authorization = proxy.authorization
    headers = {"Proxy-Authorization": authorization} if authorization is not None else None
    through = httpx.Proxy(f"http://{proxy.shown_address}", headers=headers)
    return {"https://": httpx.HTTPTransport(verify=context, proxy=through, trust_env=False)}
