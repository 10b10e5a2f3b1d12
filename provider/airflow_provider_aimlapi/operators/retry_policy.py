"""Decides when Airflow tries a task again after an error of this provider. Airflow itself waits.

Retry policies came with Airflow 3.3. This module can be imported before that, too. Then the operators
ignore a policy, and the kind of exception alone decides; see `operators.airflow_errors`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi import errors
from airflow_provider_aimlapi.operators.airflow_errors import FAIL, kind_of, our_error

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, RetryDecision, RetryPolicy
else:
    try:
        from airflow.providers.common.compat.sdk import RetryDecision, RetryPolicy
    except ImportError:  # Airflow before 3.3
        RetryDecision, RetryPolicy = None, object

HAS_POLICIES = bool(RetryDecision is not None)
DAY_S = 24 * 3600
AFTER_RESET_S = 60
"""How much later than the reset a task starts, because two clocks do not agree to the second."""
DOUBLINGS_MAX = 4
"""16 times a delay: from 5 minutes to 80. One more would wait for more than two hours."""


class AimlapiRetryPolicy(RetryPolicy):
    """Fails a task at once if a retry cannot help, and otherwise waits as long as the cause needs.

    The task's own `retries` limit the number of tries. The policy decides about errors of this
    provider, raised by its operator or by its hook in a task of yours:

    - a wrong argument, connection or input, a refused key, a limit of yours that was reached: the
      task fails;
    - the key's spending limit for a day: the next try starts at 00:01 UTC;
    - the API does not answer: the next try starts after `api_delay`, which doubles with each try. The
      API may request a longer wait, of which up to five minutes are respected;
    - the object store does not answer: the same with `store_delay`;
    - the task was interrupted, for example by a worker that shuts down: the next try starts at once,
      because the interrupted one has released its lease.

    The task's own settings decide about any other exception.

    Args:
        api_delay: 5 minutes. It grows to 16 times that.
        store_delay: 30 seconds, likewise.
        keep_retry_delay: whether to respect a task's own `retry_delay`, `max_retry_delay` or
            `retry_exponential_backoff` if it differs from Airflow's default. The wait for a spending
            limit does not change.
    """

    def __init__(
        self,
        *,
        api_delay: timedelta = timedelta(minutes=5),
        store_delay: timedelta = timedelta(seconds=30),
        keep_retry_delay: bool = False,
    ) -> None:
        self.api_delay = api_delay
        self.store_delay = store_delay
        self.keep_retry_delay = keep_retry_delay

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,  # noqa: ARG002  Airflow's signature
        context: Context | None = None,
    ) -> RetryDecision:
        """Return what Airflow does about a failed try. Airflow calls this in the task's process."""
        error = our_error(exception)
        if error is None:
            return RetryDecision.default()
        name = type(error).__name__
        # 1. The daily limit comes first: its class is one that fails without a policy.
        # 2. What a retry meets again fails, whatever delay the task has.
        # 3. The task's own delay goes before ours, if `keep_retry_delay` says so.
        if isinstance(error, errors.SpendingLimitReached):
            return RetryDecision.retry(until_reset(_now_s()), f"{name}: resets at 00:00 UTC")
        if kind_of(error) is FAIL:
            return RetryDecision.fail(f"{name}: a retry would meet it again")
        delay = self._delay_for(error, try_number)
        if delay is None or (self.keep_retry_delay and _has_own_delay(context)):
            return RetryDecision.default()
        return RetryDecision.retry(delay, f"{name}: next try in {delay}")

    def _delay_for(self, error: errors.AimlapiError, try_number: int) -> timedelta | None:
        """Return how long to wait for the cause to pass; None if the error does not show it."""
        times: int = 2 ** min(max(try_number - 1, 0), DOUBLINGS_MAX)
        match error:
            case errors.RunInterrupted():
                return timedelta(0)
            case errors.StoreUnavailable():
                return self.store_delay * times
            case errors.ApiUnavailable():
                return max(self.api_delay * times, timedelta(seconds=error.retry_after_s or 0))
            case errors.WireViolation():
                return self.api_delay * times
            case _:
                return None


DEFAULT_RETRY_POLICY: RetryPolicy | None = (
    AimlapiRetryPolicy(keep_retry_delay=True) if HAS_POLICIES else None
)
"""The policy of our operators if a task names none. None before Airflow 3.3."""


def policy_argument(policy: RetryPolicy | None) -> dict[str, Any]:
    """Return the argument for `BaseOperator`. Before Airflow 3.3 it does not accept one."""
    return {} if policy is None or not HAS_POLICIES else {"retry_policy": policy}


def has_policy(task: object) -> bool:
    """Return whether a retry policy decides about this task."""
    return getattr(task, "retry_policy", None) is not None


def until_reset(now_s: float) -> timedelta:
    """Return the time from a moment, in seconds since 1970, to shortly after the next 00:00 UTC."""
    return timedelta(seconds=DAY_S - now_s % DAY_S + AFTER_RESET_S)


def _now_s() -> float:
    from airflow_provider_aimlapi.engine.runtime.clock import SystemClock

    return SystemClock().wall_us() / 1e6


def _has_own_delay(context: Context | None) -> bool:
    from airflow.sdk.bases.operator import OPERATOR_DEFAULTS

    task: Any = (context or {}).get("task")
    if task is None:
        return False
    is_set = task.retry_delay != OPERATOR_DEFAULTS["retry_delay"]
    return bool(is_set or task.max_retry_delay or task.retry_exponential_backoff)
