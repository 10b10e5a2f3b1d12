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


class Verdict(Enum):
    """The judge's word on a failed exchange."""

    REQUEUE = "requeue"  # the row waits; the exchange does not count as an attempt
    RETRY = "retry"  # the row waits; the exchange counts
    REJECT = "reject"  # the row is done, without a completion
    HALT = "halt"  # no row can succeed: no new calls


def judge(error: ApiError, *, attempts: int, max_attempts: int, violations: int) -> Verdict:
    """Decide what follows from an error.

    Args:
        attempts: exchanges of this row that count, this one included.
        violations: unreadable answers of this row, this one included.
    """
    if isinstance(error, Throttled):
        return Verdict.REQUEUE
    if isinstance(error, AccessRefused):
        return Verdict.HALT
    if isinstance(error, RequestRejected) or attempts >= max_attempts:
        return Verdict.REJECT
    if isinstance(error, WireViolation) and violations >= WIRE_VIOLATIONS_MAX:
        return Verdict.REJECT
    return Verdict.RETRY
