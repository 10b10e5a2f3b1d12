"""Decisions of the retry policy, alone and inside a real Airflow."""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator.faults.script import Account, Fault, Script
from airflow_provider_aimlapi import errors

if TYPE_CHECKING:
    from collections.abc import Callable

DAYS = itertools.count(1)
pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_database")]

ALL = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.AimlapiError)
]


@pytest.fixture
def first_try(
    monkeypatch: pytest.MonkeyPatch, run_first_try: Callable[..., Any]
) -> Callable[..., tuple[str, Any]]:
    """Return a function that runs the first try of `patient_task`, and returns its message to Airflow."""

    def run(**arguments: object) -> tuple[str, Any]:
        monkeypatch.setenv("AIMLAPI_TEST_ARGUMENTS", json.dumps(arguments))
        result = run_first_try("patient_task", datetime(2026, 3, next(DAYS), tzinfo=UTC))
        assert result.ti.state is not None
        return str(result.ti.state.value), result.msg

    return run


def decide(error: BaseException, *, try_number: int = 1, **options: Any) -> Any:
    from airflow_provider_aimlapi.operators.retry_policy import AimlapiRetryPolicy

    return AimlapiRetryPolicy(**options).evaluate(error, try_number, 3)


def wrapped(error: errors.AimlapiError) -> BaseException:
    """Return the exception that the operator raises for an error."""
    from airflow_provider_aimlapi.operators.airflow_errors import airflow_error

    return airflow_error(error, has_policy=True)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("wrap", [wrapped, lambda error: error], ids=["operator", "hook"])
def test_policy_and_exceptions_agree(
    kind: type[errors.AimlapiError], wrap: Callable[[errors.AimlapiError], BaseException]
) -> None:
    from airflow.sdk import RetryAction

    from airflow_provider_aimlapi.operators.airflow_errors import FAIL, kind_of

    error = kind("what happened")
    fails = kind_of(error) is FAIL and kind is not errors.SpendingLimitReached
    assert (decide(wrap(error)).action is RetryAction.FAIL) is fails


@pytest.mark.parametrize(
    ("error", "tries", "delays_s"),
    [
        (errors.RunInterrupted("stopped"), (1, 2), (0, 0)),
        (errors.StoreUnavailable("503"), (1, 2, 3), (30, 60, 120)),
        (errors.ApiUnavailable("503"), (1, 2, 5, 99), (300, 600, 4800, 4800)),
        (errors.ApiUnavailable("503", retry_after_s=7200), (1, 2), (7200, 7200)),
        (errors.WireViolation("no JSON"), (1,), (300,)),
    ],
    ids=["interrupted", "store", "api", "api says when", "unreadable"],
)
def test_a_retry_waits_as_long_as_its_cause_needs(
    error: errors.AimlapiError, tries: tuple[int, ...], delays_s: tuple[int, ...]
) -> None:
    decisions = [decide(wrapped(error), try_number=number) for number in tries]
    assert [decision.retry_delay.total_seconds() for decision in decisions] == list(delays_s)
    assert all(type(error).__name__ in decision.reason for decision in decisions)


def test_the_delays_can_be_set() -> None:
    delay = timedelta(seconds=7)
    assert decide(errors.ApiUnavailable("503"), api_delay=delay).retry_delay == delay
    assert decide(errors.StoreUnavailable("503"), store_delay=delay).retry_delay == delay


def test_foreign_exceptions_follow_the_tasks_settings() -> None:
    from airflow.sdk import RetryAction

    assert decide(ValueError("not ours")).action is RetryAction.DEFAULT
    assert decide(errors.ApiError("of a kind that says nothing")).action is RetryAction.DEFAULT


@pytest.mark.parametrize(
    ("now", "hours"),
    [("2026-03-01T00:00:00", 24), ("2026-03-01T18:00:00", 6), ("2026-12-31T23:00:00", 1)],
)
def test_a_spending_limit_is_waited_for_until_midnight_utc(now: str, hours: int) -> None:
    from airflow_provider_aimlapi.operators.retry_policy import until_reset

    now_s = datetime.fromisoformat(now).replace(tzinfo=UTC).timestamp()
    assert until_reset(now_s) == timedelta(hours=hours, minutes=1)


def test_users_policy_and_delay_replace_the_default() -> None:
    from airflow.sdk import DAG, ExceptionRetryPolicy, RetryAction

    from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator
    from airflow_provider_aimlapi.operators.retry_policy import DEFAULT_RETRY_POLICY as DEFAULT

    own = ExceptionRetryPolicy(rules=[])
    paths: dict[str, Any] = {"input_path": "/in", "output_path": "/out", "prompt": "{text}"}

    def decided(**settings: Any) -> Any:
        task = ClaudeCompletionOperator(task_id="complete", **paths, **settings)
        assert DEFAULT is not None
        assert task.retry_policy is DEFAULT
        failure = wrapped(errors.StoreUnavailable("503"))
        return DEFAULT.evaluate(failure, 1, 3, {"task": task})

    assert decided(retries=2).retry_delay == timedelta(seconds=30)
    assert decided(retry_delay=timedelta(hours=1)).action is RetryAction.DEFAULT
    assert decided(retry_exponential_backoff=True).action is RetryAction.DEFAULT
    for given in (own, None):
        task = ClaudeCompletionOperator(task_id="own", **paths, retry_policy=given)
        assert task.retry_policy is given
    with DAG("defaults", schedule=None, default_args={"retry_policy": own}):
        assert ClaudeCompletionOperator(task_id="own", **paths).retry_policy is own
        paths.pop("input_path")
        mapped = ClaudeCompletionOperator.partial(task_id="mapped", **paths).expand(
            input_path=["/a", "/b"]
        )
        assert mapped.retry_policy is own
    with DAG("no_defaults", schedule=None):
        mapped = ClaudeCompletionOperator.partial(task_id="mapped", **paths).expand(
            input_path=["/a", "/b"]
        )
        assert mapped.retry_policy is DEFAULT


class TestAskedByAirflow:
    @pytest.fixture(autouse=True)
    def texts(self, lake: Any) -> None:
        lake.put("in/texts.parquet", {"text": [f"Text {number}." for number in range(20)]})
        self.paths = {"input_path": lake.url("in/"), "output_path": lake.url("out/")}

    def test_silent_api_is_retried_after_minutes(
        self, api: Any, first_try: Callable[..., tuple[str, Any]]
    ) -> None:
        api.follow(Script(faults=(Fault(kind="503"),)))
        state, told = first_try(**self.paths, stall_timeout_s=1)
        assert state == "up_for_retry"
        assert told.retry_delay_seconds == 300
        assert "ApiUnavailable" in told.retry_reason

    @pytest.mark.parametrize("without_policy", [False, True])
    def test_daily_limit_needs_a_policy_to_retry(
        self, api: Any, first_try: Callable[..., tuple[str, Any]], *, without_policy: bool
    ) -> None:
        """Only a policy can wait until the reset."""
        api.follow(Script(account=Account(key_limit_usd=0.0001, key_limit_retention="day")))
        state, told = first_try(**self.paths, max_concurrency=1, without_policy=without_policy)
        assert api.paid_calls > 0
        if without_policy:
            assert state == "failed"
        else:
            assert state == "up_for_retry"
            assert 0 < told.retry_delay_seconds <= 24 * 3600 + 60
            assert told.retry_reason == "SpendingLimitReached: resets at 00:00 UTC"

    def test_monthly_limit_and_empty_account_fail(
        self, api: Any, first_try: Callable[..., tuple[str, Any]]
    ) -> None:
        for account in (
            Account(key_limit_usd=0.0001, key_limit_retention="month"),
            Account(balance_usd=0.0001, key_limit_usd=100, key_limit_retention="day"),
            Account(balance_usd=0.0001, key_limit_usd=0.0001, key_limit_retention="day"),
        ):
            api.follow(Script(account=account))
            state, _ = first_try(**self.paths, max_concurrency=1)
            assert state == "failed"


def test_hook_recognises_a_daily_limit(api: Any) -> None:
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

    hook = AIMLAPIHook()
    hook.complete("Pays for more than either limit.")
    daily = Account(key_limit_usd=1e-7, key_limit_retention="day")
    weekly = Account(key_limit_usd=1e-7, key_limit_retention="week")
    for account, kind in ((daily, errors.SpendingLimitReached), (weekly, errors.AccessRefused)):
        api.follow(Script(account=account))
        with pytest.raises(errors.AccessRefused) as refused:
            hook.complete("Is refused.")
        assert type(refused.value) is kind
        assert refused.value.status == 403


def test_older_airflow_imports_the_module_without_policies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The module must still import there."""
    from airflow_provider_aimlapi.operators import retry_policy

    monkeypatch.setitem(sys.modules, "airflow.sdk.definitions.retry_policy", None)
    spec = importlib.util.spec_from_file_location("older_retry_policy", retry_policy.__file__)
    assert spec is not None
    assert spec.loader is not None
    older = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(older)
    assert older.DEFAULT_RETRY_POLICY is None
    assert older.policy_argument(older.AimlapiRetryPolicy()) == {}
    assert retry_policy.policy_argument(retry_policy.AimlapiRetryPolicy()) != {}
