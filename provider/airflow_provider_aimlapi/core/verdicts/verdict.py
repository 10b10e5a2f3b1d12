"""Decides what follows a call that gave no completion, by the error's type, never by its text."""

from __future__ import annotations

from enum import Enum

from airflow_provider_aimlapi.errors import (
    AccessRefused,
    ApiError,
    RequestRejected,
    Throttled,
    WireViolation,
)

RETRY_AFTER_S_MAX = 300.0
"""A longer Retry-After is cut to this, so that a mistake of the API cannot stop a run for a day."""
WIRE_VIOLATIONS_MAX = 3
"""An answer that cannot be read may have been charged, so it is requested at most this often."""
REJECTIONS_MAX = 2
"""A 400, and most other 4xx, may come from a gateway and pass. They are not charged, so a row is sent
once more before it is rejected."""
FINAL_STATUSES = frozenset({413, 422})
"""These are about the request's size and content, which do not change."""

ABOUT_REQUEST = FINAL_STATUSES | {400, None}
"""A row that is rejected with one of these is rejected for its request. One without a status was never
sent. Other 4xx may be about a moment or a path."""


class Verdict(Enum):
    """The decision after a failed call."""

    REQUEUE = "requeue"  # the row waits; the call does not count
    RETRY = "retry"  # the row waits; the call counts
    REJECT = "reject"  # the row is done, without a completion
    DOUBT = "doubt"  # the row waits until another row shows if all are refused; see `refusals`
    HALT = "halt"  # no row can succeed: no new calls


def judge_error(
    error: ApiError, *, attempts: int, max_attempts: int, violations: int, rejections: int = 1
) -> Verdict:
    """Return the decision for an error.

    Args:
        attempts: failed calls of this row that count, this one included.
        violations: unreadable answers to this row, this one included.
        rejections: answers with a 4xx to this row's request, this one included.
    """
    if isinstance(error, Throttled):
        return Verdict.REQUEUE
    if isinstance(error, AccessRefused):  # without a status no answer arrived, for any row
        return Verdict.HALT if error.status is None else Verdict.DOUBT
    # A row is rejected by whichever limit it reaches first: its calls, its 4xx, its unreadable
    # answers.
    is_used_up = attempts >= max_attempts
    if isinstance(error, RequestRejected):
        is_used_up |= rejections >= min(REJECTIONS_MAX, max_attempts) or not _may_pass(error)
    elif isinstance(error, WireViolation):
        is_used_up |= violations >= WIRE_VIOLATIONS_MAX
    return Verdict.REJECT if is_used_up else Verdict.RETRY


def is_about_request(error: ApiError) -> bool:
    """Return whether each row that makes the same request would be rejected, too."""
    return isinstance(error, RequestRejected) and error.status in ABOUT_REQUEST


def _may_pass(error: RequestRejected) -> bool:
    """Return whether the same request may be accepted later. A request that was never sent has no status."""
    return error.status is not None and error.status not in FINAL_STATUSES
