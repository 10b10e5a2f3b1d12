"""What Airflow does about each of our errors: retry the task, or fail it. One table, no exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_aimlapi import errors
from airflow_provider_aimlapi.errors import AimlapiError

if TYPE_CHECKING:
    from collections.abc import Mapping

FAIL = AirflowFailException
"""A retry would meet the same error, or spend money on it: a person acts next."""
RETRY = AirflowException
"""Time may mend it: the task's own `retries` decide, and the next attempt takes up here."""

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
"""An error that is not here has the entry of its nearest ancestor."""


def airflow_error(error: AimlapiError, *, has_policy: bool = False) -> AirflowException:
    """The exception that an operator raises for `error`, with the same words.

    Args:
        has_policy: whether the task has a retry policy, which Airflow does not ask about an
            exception that fails the task. It can wait as long as a spending limit lasts.
    """
    if has_policy and isinstance(error, errors.SpendingLimitReached):
        return RETRY(str(error))
    return kind_of(error)(str(error))


def kind_of(error: AimlapiError) -> type[AirflowException]:
    """What the table says of an error: FAIL or RETRY."""
    for ancestor in type(error).__mro__:
        kind = AIRFLOW_ERRORS.get(ancestor)
        if kind is not None:
            return kind
    raise TypeError(f"{type(error).__name__} is no error of this provider") from error


def without_frames(error: AimlapiError) -> AimlapiError:
    """Return the error with the causes that are ours, all of them without their frames.

    Airflow prints what an error was raised from. A foreign error may quote a connection's extra or
    a file's contents, and ours has said of it what may be said. Airflow 3.0 also prints the variables
    of each frame of a traceback, and some hold the key.
    """
    link: AimlapiError | None = error
    while link is not None:
        link.__traceback__ = None
        cause = link.__cause__ or link.__context__
        link.__cause__ = cause if isinstance(cause, AimlapiError) else None
        link.__context__ = None
        link = link.__cause__
    return error
