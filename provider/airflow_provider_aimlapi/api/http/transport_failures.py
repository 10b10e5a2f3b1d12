"""The errors for a failed exchange, by the kind of exception that a transport raised."""

from __future__ import annotations

import httpx

from airflow_provider_aimlapi.api.http.origin import CertificateRefused
from airflow_provider_aimlapi.api.http.tunnel import ProxyFailed
from airflow_provider_aimlapi.errors import AccessRefused, ApiError, ApiUnavailable, WireViolation

TRANSPORT_FAILURES = (httpx.TransportError,)
"""All exceptions that a transport may raise when an exchange fails."""

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def error_from_failure(failure: BaseException, *, origin: str) -> ApiError:
    """Return our error for what a transport raised. It has no reference to the original.

    Args:
        failure: one of TRANSPORT_FAILURES.
        origin: scheme, host and port of the API, with the proxy, for the text.
    """
    reason = f"{failure}".removesuffix(".") or type(failure).__name__
    # 1. The certificate is not valid: a person must act. 2. So it is if the proxy refuses for good.
    # 3. Nothing was sent. 4. The answer is not HTTP. 5. The connection broke: the call may have
    # been charged.
    if isinstance(failure, CertificateRefused):
        return AccessRefused(
            f"{origin} did not prove who it is ({reason}), so neither the key nor a prompt was "
            f"sent. Check the connection's host. If a company's own certificate authority stands "
            f"in between, name the PEM file with its certificates: as ca_file in the connection's "
            f"extra, or in the worker's environment as SSL_CERT_FILE or REQUESTS_CA_BUNDLE."
        )
    if isinstance(failure, ProxyFailed) and failure.is_lasting:
        return AccessRefused(f"No connection to {origin}: {reason}.")
    if isinstance(failure, _NEVER_SENT):
        return ApiUnavailable(f"No connection to {origin}: {reason}.")
    if isinstance(failure, httpx.RemoteProtocolError):
        return WireViolation(f"{origin} did not answer in HTTP ({reason}).", is_perhaps_billed=True)
    return ApiUnavailable(
        f"The connection to {origin} broke before the answer was whole ({reason}).",
        is_perhaps_billed=True,
    )


def error_from_deadline(timeout_s: float, *, origin: str) -> ApiUnavailable:
    """Return the error for an exchange that took too long. The answer may have been on its way."""
    return ApiUnavailable(
        f"No whole answer from {origin} within {timeout_s:g} s.", is_perhaps_billed=True
    )
