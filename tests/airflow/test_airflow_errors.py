"""Which of our errors Airflow retries, and which end the task at once."""

from __future__ import annotations

import inspect

import pytest

from airflow_provider_aimlapi import errors

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_database")]

ALL = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.AimlapiError)
]
RETRIED = {
    errors.AimlapiError,
    errors.ApiError,
    errors.ApiUnavailable,
    errors.Throttled,
    errors.WireViolation,
    errors.StorageError,
    errors.StoreUnavailable,
    errors.RunStopped,
    errors.RunInterrupted,
}


@pytest.mark.parametrize("kind", ALL)
def test_a_task_is_retried_only_where_time_may_help(kind: type[errors.AimlapiError]) -> None:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    from airflow_provider_aimlapi.operators.airflow_errors import airflow_error

    raised = airflow_error(kind("what happened, and what to do"))
    assert isinstance(raised, AirflowException)
    assert isinstance(raised, AirflowFailException) is (kind not in RETRIED)
    assert str(raised) == f"{kind.__name__}: what happened, and what to do"


def test_unlisted_errors_use_their_nearest_ancestor() -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from airflow_provider_aimlapi.operators.airflow_errors import airflow_error

    class KeyExpired(errors.AccessRefused):
        pass

    assert isinstance(airflow_error(KeyExpired("gone")), AirflowFailException)
