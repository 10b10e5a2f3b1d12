"""From an answer outside 2xx to the error that says who must act. Judges by status, never by text.

No decision hangs on the API's own words. All of them go into the record of the row, and into the
error's text only those that `core.redaction` lets through.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.error_messages import (
    read_envelope,
    request_id_in,
    said_by,
    with_words,
)
from airflow_provider_aimlapi.core.redaction import quote
from airflow_provider_aimlapi.core.verdict import RETRY_AFTER_S_MAX
from airflow_provider_aimlapi.errors import (
    AccessRefused,
    ApiError,
    ApiUnavailable,
    RequestRejected,
    Throttled,
    WireViolation,
)

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.completion import Answer

_KINDS: dict[int, type[ApiError]] = {
    401: AccessRefused,
    402: AccessRefused,
    403: AccessRefused,
    404: AccessRefused,
    405: AccessRefused,
    408: ApiUnavailable,
    409: ApiUnavailable,
    425: ApiUnavailable,
    429: Throttled,
}
_KINDS_BY_HUNDREDS: dict[int, type[ApiError]] = {
    3: AccessRefused,
    4: RequestRejected,
    5: ApiUnavailable,
}
_NO_CREDIT = (
    "Either the account is out of credit: top up at https://aimlapi.com/app/billing. Or the key's "
    "own USD threshold is reached: raise it, or wait, it resets at 00:00 UTC. Or the key lacks "
    "the scope model:chat, or was disabled: see https://aimlapi.com/app/keys."
)
_WRONG_PATH = (
    "Check the model's id, and the connection's host: it must be the base URL alone, such as "
    "https://api.aimlapi.com, without /v1."
)
_REMEDIES = {
    401: "Put a valid key from https://aimlapi.com/app/keys into the connection's API key "
    "(password) field.",
    402: _NO_CREDIT,
    403: _NO_CREDIT,
    404: _WRONG_PATH,
    405: _WRONG_PATH,
}
_MOVED = (
    "The API answered with a redirect, which is not followed because it would carry the key and "
    "the prompts elsewhere. The base URL has moved: put the new one into the connection's host."
)


def error_of(answer: Answer, request: bytes = b"") -> ApiError:
    """The error that an answer outside 2xx stands for.

    Args:
        request: the body that was answered, which holds a row's text; empty where none was sent.

    429 is Throttled; 408, 409, 425 and 5xx are ApiUnavailable; 401, 402, 403, 404, 405 and
    redirects are AccessRefused; any other 4xx is RequestRejected; the rest is no HTTP that we
    know, a WireViolation.
    """
    status = answer.status
    envelope = read_envelope(answer.body)
    said = said_by(answer.body, envelope)
    words = with_words(f"HTTP {status}", quote(said, request))
    in_full = with_words(f"HTTP {status}", said)
    request_id = answer.request_id or request_id_in(envelope)
    kind = _KINDS.get(status) or _KINDS_BY_HUNDREDS.get(status // 100, WireViolation)
    if issubclass(kind, ApiUnavailable):
        return kind(
            words,
            in_full=in_full,
            status=status,
            request_id=request_id,
            # The API bills nothing for a failure that it tells of itself. A gateway that gave
            # up waiting knows nothing of an answer that comes, and is billed, later.
            is_perhaps_billed=kind is not Throttled and not envelope,
            retry_after_s=parse_retry_after(answer.retry_after),
        )
    if kind is AccessRefused:
        remedy = _REMEDIES.get(status, _MOVED)
        words, in_full = (f"{text.removesuffix('.')}. {remedy}" for text in (words, in_full))
    return kind(
        words,
        in_full=in_full,
        status=status,
        request_id=request_id,
        is_perhaps_billed=kind is WireViolation,
    )


def parse_retry_after(value: str | None) -> float | None:
    """Seconds to wait, at most RETRY_AFTER_S_MAX; None for a date, a negative or no number."""
    if value is None:
        return None
    try:
        delay_s = float(value)
    except ValueError:
        return None
    if not math.isfinite(delay_s) or delay_s < 0:
        return None
    return min(delay_s, RETRY_AFTER_S_MAX)
