"""Turns an answer outside 2xx into the error that names who must act, by its status only.

No decision depends on the API's own words. The row's record gets all of them. The error's text
gets only those that `core.texts.redaction` permits.
"""

from __future__ import annotations

import math
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.error_details import explained_error
from airflow_provider_aimlapi.api.messages.error_messages import (
    read_envelope,
    request_id_in,
    with_message,
)
from airflow_provider_aimlapi.core.texts.redaction import quote_permitted_words
from airflow_provider_aimlapi.core.verdicts.verdict import RETRY_AFTER_S_MAX
from airflow_provider_aimlapi.errors import (
    AccessRefused,
    ApiError,
    ApiUnavailable,
    RequestRejected,
    Throttled,
    WireViolation,
)

if TYPE_CHECKING:
    from airflow_provider_aimlapi.answer import Answer

_KINDS: dict[int, type[ApiError]] = {
    401: AccessRefused,
    402: AccessRefused,
    403: AccessRefused,
    404: AccessRefused,
    405: AccessRefused,
    408: ApiUnavailable,
    409: ApiUnavailable,
    421: ApiUnavailable,
    423: ApiUnavailable,
    425: ApiUnavailable,
    429: Throttled,
}
_KINDS_BY_HUNDREDS: dict[int, type[ApiError]] = {
    3: AccessRefused,
    4: RequestRejected,
    5: ApiUnavailable,
}
_THREE_CAUSES = (
    "Top up at https://aimlapi.com/app/billing if the account is out of credit. Or the key "
    "may not: its own USD threshold is reached (raise it, or wait, it resets at 00:00 UTC), it "
    "lacks the scope model:chat, or it was disabled: see https://aimlapi.com/app/keys. Or a "
    "firewall or proxy in front of the API refuses the calls: contact those who run it."
)
_WRONG_PATH = (
    "Check the model's id, and the connection's host: it must be the base URL alone, such as "
    "https://api.aimlapi.com, without /v1."
)
_REMEDIES = {
    401: "Put a valid key from https://aimlapi.com/app/keys into the connection's API key "
    "(password) field.",
    402: _THREE_CAUSES,
    403: _THREE_CAUSES,
    404: _WRONG_PATH,
    405: _WRONG_PATH,
}
_MOVED = (
    "Put the new base URL into the connection's host: the API answered with a redirect, which is not "
    "followed because it would carry the key and the prompts elsewhere."
)


def error_of(answer: Answer, request: bytes = b"", *, wall_s: float | None = None) -> ApiError:
    """Return the error that an answer outside 2xx stands for.

    1. 429 is Throttled.
    2. 408, 409, 421, 423, 425 and 5xx are ApiUnavailable.
    3. 401, 402, 403, 404, 405 and redirects are AccessRefused.
    4. Any other 4xx is RequestRejected.
    5. The rest is not HTTP as we know it: a WireViolation.

    Args:
        request: the body that was answered, which holds a row's text; empty if none was sent.
        wall_s: seconds since 1970, for a Retry-After that is a date; None without a clock.
    """
    status = answer.status
    envelope = read_envelope(answer.body)
    message = explained_error(answer.body, envelope)
    words = with_message(f"HTTP {status}", quote_permitted_words(message, request))
    in_full = with_message(f"HTTP {status}", message)
    request_id = answer.request_id or request_id_in(envelope)
    # 1. Statuses with a meaning of their own. 2. The class of the status, as HTTP asks clients to
    #    read an unknown one. 3. A status that HTTP does not have.
    kind = _KINDS.get(status) or _KINDS_BY_HUNDREDS.get(status // 100, WireViolation)
    if issubclass(kind, ApiUnavailable):
        return kind(
            words,
            in_full=in_full,
            status=status,
            request_id=request_id,
            # The API charges nothing for a failure that it reports itself. A gateway that stopped
            # waiting cannot know of an answer that arrives, and is charged, later.
            is_perhaps_billed=kind is not Throttled and not envelope,
            retry_after_s=parse_retry_after(answer.retry_after, date=answer.date, wall_s=wall_s),
        )
    if kind is AccessRefused:
        return AccessRefused(
            words,
            remedy=_REMEDIES.get(status, _MOVED),
            in_full=in_full,
            status=status,
            request_id=request_id,
        )
    return kind(
        words,
        in_full=in_full,
        status=status,
        request_id=request_id,
        is_perhaps_billed=kind is WireViolation,
    )


def parse_retry_after(
    value: str | None, *, date: str | None = None, wall_s: float | None = None
) -> float | None:
    """Return the seconds to wait, at most RETRY_AFTER_S_MAX; None if the value cannot be read.

    Args:
        value: a number of seconds, or an HTTP date. A date in the past means no wait.
        date: the answer's own Date. The wait is counted from it, because clocks differ.
        wall_s: seconds since 1970, used if the answer has no Date.
    """
    if value is None:
        return None
    try:
        delay_s = float(value)
    except ValueError:
        until_s, from_s = _instant_s(value), _instant_s(date or "") or wall_s
        if until_s is None or from_s is None:
            return None
        delay_s = max(0.0, until_s - from_s)
    # `float` also reads "inf", "nan" and negative numbers, which are no seconds to wait.
    if not math.isfinite(delay_s) or delay_s < 0:
        return None
    return min(delay_s, RETRY_AFTER_S_MAX)


def _instant_s(date: str) -> float | None:
    """Return an HTTP date, in any of its three forms, in seconds since 1970; None if it is none."""
    try:
        instant = parsedate_to_datetime(date)
        return instant.replace(tzinfo=instant.tzinfo or UTC).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
