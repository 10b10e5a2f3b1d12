"""What a failed exchange means, judged by what aiohttp really raised. Words, never headers.

httpx-aiohttp calls both a refused connection and one that closed after it had read the request a
ConnectTimeout: only the cause tells whether the request can have been billed. aiohttp's own errors
carry the request's headers, and so the key: neither they nor their text ever leave this ring.
"""

from __future__ import annotations

import aiohttp
import httpx

from airflow_provider_aimlapi.errors import AccessRefused, ApiError, ApiUnavailable, WireViolation

TRANSPORT_FAILURES = (httpx.HTTPError, httpx.StreamError, aiohttp.ClientError, OSError)
"""All that a transport raises when an exchange fails; httpx-aiohttp lets some of aiohttp's through."""

_NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_BAD_CERTIFICATE = (aiohttp.ClientConnectorCertificateError, aiohttp.ServerFingerprintMismatch)


def error_from_failure(failure: BaseException, *, origin: str) -> ApiError:
    """The error of our tree for what a transport raised. It refers to nothing of the original.

    Args:
        failure: one of TRANSPORT_FAILURES.
        origin: scheme, host and port of the API, for the text.
    """
    cause = failure.__cause__ if isinstance(failure, httpx.HTTPError) else failure
    name = type(cause or failure).__name__
    if isinstance(cause, _BAD_CERTIFICATE):
        return AccessRefused(
            f"{origin} did not prove who it is ({name}), so neither the key nor a prompt was "
            f"sent. Check the connection's host, and whether a proxy stands in between."
        )
    if isinstance(cause, _NEVER_SENT):
        why = cause.strerror if isinstance(cause, OSError) else None
        return ApiUnavailable(f"No connection to {origin}: {why or name}.")
    if isinstance(cause, aiohttp.ClientResponseError):
        return WireViolation(f"{origin} did not answer in HTTP ({name}).", is_perhaps_billed=True)
    return ApiUnavailable(
        f"The connection to {origin} broke before the answer was whole ({name}).",
        is_perhaps_billed=True,
    )


def error_from_deadline(timeout_s: float, *, origin: str) -> ApiUnavailable:
    """The error for an exchange that took too long. The answer may have been under way."""
    return ApiUnavailable(
        f"No whole answer from {origin} within {timeout_s:g} s.", is_perhaps_billed=True
    )
