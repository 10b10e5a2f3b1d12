"""One table of what Airflow does about each error of this provider: retry the task, or fail it.

Airflow logs an exception with its causes. So the exception that a task raises takes the error's place,
with its name and its text, and has only the error's own causes: each text is logged once.
"""

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

ERROR_ATTRIBUTE = "aimlapi_error"
"""The attribute of a raised exception that holds the error in whose place it is raised."""

_CAUSES_MAX = 20
"""How many causes of an exception are examined. A chain of causes may be a ring."""

AIRFLOW_ERRORS: Mapping[type[AimlapiError], type[AirflowException]] = {
    errors.AimlapiError: RETRY,
    errors.SetupError: FAIL,
    errors.ApiError: RETRY,
    errors.ApiUnavailable: RETRY,
    errors.RequestRejected: FAIL,
    errors.AccessRefused: FAIL,
    errors.WireViolation: RETRY,
    errors.AnswerInvalid: FAIL,
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
    """Return the exception that an operator raises for an error, with the error's name and text.

    Raise it `from causes_of(error)`.

    Args:
        has_policy: whether the task has a retry policy. It can wait as long as a spending limit
            lasts, but Airflow calls it only for an exception that may be retried.
    """
    is_retried = has_policy and isinstance(error, errors.SpendingLimitReached)
    kind = RETRY if is_retried else kind_of(error)
    raised = kind(named_error(error))
    setattr(raised, ERROR_ATTRIBUTE, error)
    return raised


def named_error(error: AimlapiError) -> str:
    """Return the error's name and text. The page of errors is ordered by names."""
    return f"{type(error).__name__}: {error}"


def causes_of(error: AimlapiError) -> BaseException | None:
    """Return the error's cause, for the exception that takes its place. None: it has none of ours."""
    return without_frames(error).__cause__


def kind_of(error: AimlapiError) -> type[AirflowException]:
    """Return the table's entry for an error: FAIL or RETRY."""
    for ancestor in type(error).__mro__:
        kind = AIRFLOW_ERRORS.get(ancestor)
        if kind is not None:
            return kind
    raise TypeError(f"{type(error).__name__} is no error of this provider") from error


def our_error(exception: BaseException) -> AimlapiError | None:
    """Return the error of this provider: the exception's own, or the first among it and its causes."""
    link: BaseException | None = exception
    for _ in range(_CAUSES_MAX):
        if link is None or isinstance(link, AimlapiError):
            return link
        error = getattr(link, ERROR_ATTRIBUTE, None)
        if isinstance(error, AimlapiError):
            return error
        link = link.__cause__
    return None


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
