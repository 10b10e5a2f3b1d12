"""The error for each kind of failed exchange: who must act, and whether it may have been charged."""

from __future__ import annotations

import httpx
import pytest

from airflow_provider_aimlapi.api.http.origin import CertificateRefused
from airflow_provider_aimlapi.api.http.transport_failures import (
    error_from_deadline,
    error_from_failure,
)
from airflow_provider_aimlapi.api.http.tunnel import ProxyFailed
from airflow_provider_aimlapi.errors import AccessRefused, ApiError, ApiUnavailable, WireViolation

ORIGIN = "https://api.example"


@pytest.mark.parametrize(
    ("failure", "kind", "is_perhaps_billed"),
    [
        (CertificateRefused("expired"), AccessRefused, False),
        (ProxyFailed("HTTP 403", is_lasting=True), AccessRefused, False),
        (ProxyFailed("HTTP 503"), ApiUnavailable, False),
        (httpx.ConnectError("refused"), ApiUnavailable, False),
        (httpx.ConnectTimeout("late"), ApiUnavailable, False),
        (httpx.PoolTimeout("full"), ApiUnavailable, False),
        (httpx.RemoteProtocolError("not HTTP"), WireViolation, True),
        (httpx.ReadError("closed"), ApiUnavailable, True),
        (httpx.WriteError("closed"), ApiUnavailable, True),
    ],
)
def test_failure_decides_the_error(
    failure: httpx.TransportError, kind: type[ApiError], is_perhaps_billed: bool
) -> None:
    error = error_from_failure(failure, origin=ORIGIN)
    assert type(error) is kind
    assert error.is_perhaps_billed is is_perhaps_billed
    assert ORIGIN in str(error)


def test_error_keeps_no_reference_to_the_failure() -> None:
    error = error_from_failure(httpx.ReadError("closed"), origin=ORIGIN)
    assert (error.__cause__, error.__context__) == (None, None)


def test_failure_without_a_text_shows_its_kind() -> None:
    assert "(ReadError)" in str(error_from_failure(httpx.ReadError(""), origin=ORIGIN))


def test_deadline_may_have_been_charged() -> None:
    error = error_from_deadline(2.5, origin=ORIGIN)
    assert error.is_perhaps_billed
    assert "within 2.5 s" in str(error)
