"""One table of what Airflow does about each error of this provider: retry the task, or fail it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_aimlapi import errors
from airflow_provider_aimlapi.errors import AimlapiError

if TYPE_CHECKING:
    from collections.abc import Mapping

FAIL = AirflowFailException
"""A retry would meet the same error, or spend money on it. A person must act first."""
RETRY = AirflowException
"""The cause may pass. The task's own `retries` decide, and the next try continues the run."""

AIRFLOW_ERRORS: Mapping[type[AimlapiError], type[AirflowException]] = {
    errors.AimlapiError: RETRY,
    errors.SetupError: FAIL,
    errors.ApiError: RETRY,
    errors.ApiUnavailable: RETRY,
    errors.RequestRejected: FAIL,
    errors.AccessRefused: FAIL,
    errors.WireViolation: RETRY,
    errors.StorageError: RETRY,
    errors.StoreUnavailable: RETRY,
    errors.StoreUnsafe: FAIL,
    errors.JournalUnreadable: FAIL,
    errors.RunStopped: RETRY,
    errors.RunHalted: FAIL,
    errors.RunInterrupted: RETRY,
}
"""An error that is not listed has the entry of its nearest ancestor."""


def airflow_error(error: AimlapiError, *, has_policy: bool = False) -> AirflowException:
    """Return the exception that an operator raises for an error, with the same text.

    Args:
        has_policy: whether the task has a retry policy. It can wait as long as a spending limit
            lasts, but Airflow calls it only for an exception that may be retried.
    """
    if has_policy and isinstance(error, errors.SpendingLimitReached):
        return RETRY(str(error))
    return kind_of(error)(str(error))


def kind_of(error: AimlapiError) -> type[AirflowException]:
    """Return the table's entry for an error: FAIL or RETRY."""
    for ancestor in type(error).__mro__:
        kind = AIRFLOW_ERRORS.get(ancestor)
        if kind is not None:
            return kind
    raise TypeError(f"{type(error).__name__} is no error of this provider") from error


def shown_text(error: Exception) -> str:
    """Return what a page may show of an error that ended a task.

    The text of an error that is none of this provider may quote anything, so only its name is shown.
    """
    cause = error.__cause__
    if isinstance(cause, AimlapiError):
        return str(cause)
    return f"The task ended with {type(error).__name__}. Its log contains the details."


def without_frames(error: AimlapiError) -> AimlapiError:
    """Return the error without frames, and without the causes that are no errors of this provider.

    Airflow prints the causes of an error. A foreign cause may quote a connection's extra or a file's
    contents, and the error itself already holds what may be shown of it. Airflow 3.0 also prints the
    variables of each frame of a traceback, and some of them hold the key.
    """
    link: AimlapiError | None = error
    while link is not None:
        link.__traceback__ = None
        # Both are set: Python shows the context as well if there is no cause.
        cause = link.__cause__ or link.__context__
        link.__cause__ = cause if isinstance(cause, AimlapiError) else None
        link.__context__ = None
        link = link.__cause__
    return error
