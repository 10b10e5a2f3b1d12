"""When Airflow tries a task again after one of our errors. Decides; waiting is Airflow's.

Retry policies came with Airflow 3.3. Before that this module imports all the same, a policy that
is given to an operator of ours is left out, and the kind of exception alone decides: see `operators.airflow_errors`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi import errors
from airflow_provider_aimlapi.operators.airflow_errors import FAIL, kind_of

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
"""A spending limit is waited for a minute longer: two clocks never agree to the second."""
DOUBLINGS_MAX = 4
_CAUSES_MAX = 20


class AimlapiRetryPolicy(RetryPolicy):
    """Fails at once where a retry cannot help, and waits as long as the cause needs.

    How often a task is tried is up to its own `retries`. For this package's errors, raised by its
    operator or by its hook in a task of yours:

    - a wrong argument, connection or input, a refused key, a limit of yours that was met: fails;
    - the key's spending limit for a day: waits until 00:01 UTC;
    - the API does not answer: `api_delay`, twice as long at each further try, and no less than
      the API asks for, up to five minutes;
    - the object store does not answer: `store_delay`, in the same way;
    - interrupted, as by a worker that shuts down: at once. It holds nothing that a next try waits for.

    Any other exception is left to the task's own settings.

    Args:
        api_delay: 5 minutes; at most 16 times as long.
        store_delay: 30 seconds; likewise.
        keep_retry_delay: whether a task's own `retry_delay`, `max_retry_delay` or
            `retry_exponential_backoff` is kept to, where it differs from Airflow's default. A
            spending limit is waited for all the same.
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
        """Decide about a failed try; called by Airflow in the task's process."""
        error = our_error(exception)
        if error is None:
            return RetryDecision.default()
        name = type(error).__name__
        if isinstance(error, errors.SpendingLimitReached):
            return RetryDecision.retry(until_reset(_now_s()), f"{name}: resets at 00:00 UTC")
        if kind_of(error) is FAIL:
            return RetryDecision.fail(f"{name}: a retry would meet it again")
        delay = self._delay(error, try_number)
        if delay is None or (self.keep_retry_delay and _has_own_delay(context)):
            return RetryDecision.default()
        return RetryDecision.retry(delay, f"{name}: next try in {delay}")

    def _delay(self, error: errors.AimlapiError, try_number: int) -> timedelta | None:
        """How long the cause may last; None where there is nothing to tell."""
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
"""What our operator has where a task names none. None before Airflow 3.3."""


def policy_argument(policy: RetryPolicy | None) -> dict[str, Any]:
    """The argument for `BaseOperator`, which before Airflow 3.3 does not know it."""
    return {} if policy is None or not HAS_POLICIES else {"retry_policy": policy}


def has_policy(task: object) -> bool:
    """Whether a retry policy decides about this task."""
    return getattr(task, "retry_policy", None) is not None


def our_error(exception: BaseException) -> errors.AimlapiError | None:
    """This package's error: the exception itself, or what it was raised from."""
    link: BaseException | None = exception
    for _ in range(_CAUSES_MAX):
        if link is None or isinstance(link, errors.AimlapiError):
            return link
        link = link.__cause__
    return None


def until_reset(now_s: float) -> timedelta:
    """From a time, in seconds since 1970, to shortly after the next 00:00 UTC."""
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
