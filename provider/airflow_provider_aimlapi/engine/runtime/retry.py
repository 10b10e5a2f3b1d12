"""When to try again after a failure: tenacity's policies behind our words, and their only home.

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

_AFTER_FAILURE = tenacity.wait_exponential(multiplier=1, max=60)
_AFTER_THROTTLE = tenacity.wait_exponential(multiplier=0.25, max=10)
_STORE_WAIT = tenacity.wait_exponential(multiplier=0.2, max=10)
STORE_PATIENCE_S = 120.0
FIRST_PAUSE_S = 0.2


def retry_delay_s(error: ApiError, *, failures: int, random: Random) -> float:
    """How long a row waits before its next exchange: exponential, full jitter, capped.

    Args:
        error: the failure; an answer's Retry-After is honoured, up to five minutes.
        failures: of this row, this one included.
        random: a source of jitter.
    """
    policy = _AFTER_THROTTLE if isinstance(error, Throttled) else _AFTER_FAILURE
    delay_s = random.uniform(0.0, policy(_state(failures)))
    if isinstance(error, ApiUnavailable) and error.retry_after_s is not None:
        return min(error.retry_after_s, RETRY_AFTER_S_MAX) + delay_s
    return delay_s


async def persist(clock: Clock, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do blocking store work in a thread, again for two minutes while the store is unavailable.

    It goes on after a request to stop, because what was paid for must be kept.

    Raises:
        StoreUnavailable: the last one, when the time is over. Other errors at once.
    """
    return await _retrying(clock, asyncio.sleep)(clock.in_thread, call, *args, **kwargs)


async def persist_until_stopped(
    stop: StopSignal, clock: Clock, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Do the same as `persist`, for work that a later attempt can do as well.

    Raises:
        RunInterrupted: a stop was requested before the work or between two tries.
        StoreUnavailable: as `persist`.
    """
    stop.check()
    return await _retrying(clock, stop.pause)(clock.in_thread, call, *args, **kwargs)


def _retrying(clock: Clock, sleep: Callable[[float], Awaitable[None]]) -> tenacity.AsyncRetrying:
    until_s = clock.now_s() + STORE_PATIENCE_S
    return tenacity.AsyncRetrying(
        sleep=sleep,
        retry=tenacity.retry_if_exception_type(StoreUnavailable),
        wait=_STORE_WAIT,
        stop=lambda _: clock.now_s() >= until_s,  # tenacity's own would read the machine's clock
        before_sleep=_tell,
        reraise=True,
    )


def persistently(
    clock: Clock, check: Callable[[], None], call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Do one request to a store, from a thread, again for two minutes while it is unavailable.

    A scan whose requests are each sent like this goes on where one failed.

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
        before_sleep=_tell,
        reraise=True,
    )
    return retrying(call, *args, **kwargs)


def _tell(state: tenacity.RetryCallState) -> None:
    """Say that the store is waited for: a task that stands still should say why."""
    error = state.outcome.exception() if state.outcome else None
    log.info("Waiting for the store, for %s s at the most: %s", round(STORE_PATIENCE_S), error)


def _state(attempt_number: int) -> tenacity.RetryCallState:
    """What tenacity's policies look at."""
    state = tenacity.RetryCallState(tenacity.Retrying(), fn=None, args=(), kwargs={})
    state.attempt_number = attempt_number
    return state
