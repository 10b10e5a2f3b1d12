"""Decide when to try again after a failure. This is the only module that uses tenacity.

Nothing here runs on the happy path of a row.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import tenacity

from airflow_provider_aimlapi.core.verdicts.verdict import RETRY_AFTER_S_MAX
from airflow_provider_aimlapi.errors import ApiUnavailable, StoreUnavailable, Throttled
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from random import Random

    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
    from airflow_provider_aimlapi.errors import ApiError

log = logger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

# The longest pause before the next try, in seconds. After a failure it grows to a minute, because
# the server may be overloaded. After a 429 it stays short, because the window sends less already.
# A store is asked again soon, because answers wait in memory until it accepts them.
_AFTER_FAILURE = tenacity.wait_exponential(multiplier=1, max=60)
_AFTER_THROTTLE = tenacity.wait_exponential(multiplier=0.25, max=10)
_STORE_WAIT = tenacity.wait_exponential(multiplier=0.2, max=10)
STORE_PATIENCE_S = 120.0
"""The longest wait for a store. A retry of the task then waits longer, and shows it in Airflow."""
FIRST_PAUSE_S = 0.2
"""Before the first repetition of a request: most failures of a store pass at once."""


def retry_delay_s(error: ApiError, *, failures: int, random: Random) -> float:
    """Return how long a row waits before its next call: exponential, full jitter, capped.

    Args:
        error: the failure; a Retry-After is respected, up to five minutes.
        failures: the number of failures of this row, this one included.
        random: a source of jitter.
    """
    policy = _AFTER_THROTTLE if isinstance(error, Throttled) else _AFTER_FAILURE
    # Full jitter, because rows that failed together would otherwise return together.
    delay_s = random.uniform(0.0, policy(_retry_state(failures)))
    if isinstance(error, ApiUnavailable) and error.retry_after_s is not None:
        return min(error.retry_after_s, RETRY_AFTER_S_MAX) + delay_s
    return delay_s


async def persist_in_thread(
    clock: Clock, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Do blocking store work in a thread, and repeat it for two minutes if the store is unavailable.

    It continues after a request to stop, because what was paid for must be kept.

    Raises:
        StoreUnavailable: the last one, when the time is over. Other errors at once.
    """
    return await _store_retrying(clock, asyncio.sleep)(clock.in_thread, call, *args, **kwargs)


async def persist_until_stopped(
    stop: StopSignal, clock: Clock, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Do the same as `persist_in_thread`, for work that a later attempt can do as well.

    Raises:
        RunInterrupted: a stop was requested before the work or between two tries.
        StoreUnavailable: as `persist_in_thread`.
    """
    stop.raise_if_requested()
    return await _store_retrying(clock, stop.pause_until_stop)(
        clock.in_thread, call, *args, **kwargs
    )


def _store_retrying(
    clock: Clock, sleep: Callable[[float], Awaitable[None]]
) -> tenacity.AsyncRetrying:
    until_s = clock.now_s() + STORE_PATIENCE_S
    return tenacity.AsyncRetrying(
        sleep=sleep,
        retry=tenacity.retry_if_exception_type(StoreUnavailable),
        wait=_STORE_WAIT,
        stop=lambda _: clock.now_s() >= until_s,  # tenacity's own would read the machine's clock
        before_sleep=_log_wait,
        reraise=True,
    )


def send_persistently(
    clock: Clock, check: Callable[[], None], call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Send one request to a store from a thread, and repeat it for two minutes if it is unavailable.

    A scan that sends each request like this continues where one failed.

    Args:
        check: called before each try; raises when the scan should end.

    Raises:
        StoreUnavailable: the last one, when the time is over. Other errors at once.
    """
    check()
    try:
        return call(*args, **kwargs)
    except StoreUnavailable:  # as few requests do
        clock.pause(FIRST_PAUSE_S)
    until_s = clock.now_s() + STORE_PATIENCE_S
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(StoreUnavailable),
        wait=_STORE_WAIT,
        stop=lambda _: clock.now_s() >= until_s,
        sleep=clock.pause,
        before=lambda _: check(),
        before_sleep=_log_wait,
        reraise=True,
    )
    return retrying(call, *args, **kwargs)


def _log_wait(state: tenacity.RetryCallState) -> None:
    """Log the wait for the store, so that a task that makes no progress shows why."""
    error = state.outcome.exception() if state.outcome else None
    log.info("Waiting for the store, at most %s s: %s", round(STORE_PATIENCE_S), error)


def _retry_state(attempt_number: int) -> tenacity.RetryCallState:
    """Return what tenacity's policies read."""
    state = tenacity.RetryCallState(tenacity.Retrying(), fn=None, args=(), kwargs={})
    state.attempt_number = attempt_number
    return state
