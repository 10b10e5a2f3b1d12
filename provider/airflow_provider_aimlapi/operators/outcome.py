"""What Airflow does about each of our errors: retry the task, or fail it. One table, no exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_aimlapi import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aimlapi.errors import AimlapiError

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
    """The error and what caused it, with their words and without their frames.

    Airflow 3.0 prints the variables of each frame of a traceback, and some hold the key.
    """
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error
