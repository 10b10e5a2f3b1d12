"""What to do after an exchange that gave no completion. Decides by type, never by text."""

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
"""An answer's Retry-After is honoured up to here: a typo of theirs must not park a run for a day."""
WIRE_VIOLATIONS_MAX = 3
"""An answer that cannot be read may have been billed: it is bought at most this often."""
REJECTIONS_MAX = 2
"""A 400, and most other 4xx, may be a gateway's, and pass. None is billed, so a row is sent once more
before it is rejected."""
FINAL_STATUSES = frozenset({413, 422})
"""These speak of the request itself, its size and its content, which stay what they are."""


class Verdict(Enum):
    """The judge's word on a failed exchange."""

    REQUEUE = "requeue"  # the row waits; the exchange does not count as an attempt
    RETRY = "retry"  # the row waits; the exchange counts
    REJECT = "reject"  # the row is done, without a completion
    DOUBT = "doubt"  # the row waits until another shows whether all are refused; see `refusals`
    HALT = "halt"  # no row can succeed: no new calls


def judge(
    error: ApiError, *, attempts: int, max_attempts: int, violations: int, rejections: int = 1
) -> Verdict:
    """Decide what follows from an error.

    Args:
        attempts: failed exchanges of this row that count, this one included.
        violations: unreadable answers to this row, this one included.
        rejections: answers that this row's request is wrong, this one included.
    """
    if isinstance(error, Throttled):
        return Verdict.REQUEUE
    if isinstance(error, AccessRefused):  # without a status no answer came, for any row
        return Verdict.HALT if error.status is None else Verdict.DOUBT
    is_used_up = attempts >= max_attempts
    if isinstance(error, RequestRejected):
        is_used_up |= rejections >= min(REJECTIONS_MAX, max_attempts) or not _may_pass(error)
    elif isinstance(error, WireViolation):
        is_used_up |= violations >= WIRE_VIOLATIONS_MAX
    return Verdict.REJECT if is_used_up else Verdict.RETRY


def _may_pass(error: RequestRejected) -> bool:
    """Whether the same request may be accepted later; one that was never sent has no status."""
    return error.status is not None and error.status not in FINAL_STATUSES
