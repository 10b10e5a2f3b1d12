"""Make one completion outside any run, by the same rules."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.wire import decode_answer
from airflow_provider_aimlapi.core.durable.keys import client_request_id
from airflow_provider_aimlapi.core.texts.wording import format_duration
from airflow_provider_aimlapi.core.verdicts.verdict import REJECTIONS_MAX, Verdict, judge_error
from airflow_provider_aimlapi.engine.runtime.retry import retry_delay_s
from airflow_provider_aimlapi.errors import (
    ApiError,
    ApiUnavailable,
    RunInterrupted,
    Throttled,
    WireViolation,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from airflow_provider_aimlapi.core.calls.completion import Completion
    from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.engine.world import Client


async def complete_body(
    client: Client,
    body: bytes,
    settings: Settings,
    random: Random,
    stop: StopSignal,
    *,
    wall_us: Callable[[], int] | None = None,
) -> Completion:
    """Send a body, and send it again while that may help.

    A 429 does not count as a failure, but nothing is sent later than `stall_timeout_s` after the first
    call. A call in flight may have been paid for, so its answer is awaited however late it is.

    Args:
        wall_us: microseconds since 1970, for a Retry-After that is a date.

    Raises:
        ApiError: the last failure.
        RunInterrupted: a stop was requested; nothing is sent after that.
    """
    name = f"single-{secrets.token_hex(8)}"
    # Time limits the calls here, because a caller waits for this one row. In a run, silence does.
    until_s = asyncio.get_running_loop().time() + settings.stall_timeout_s
    calls = failures = violations = 0
    while not stop.is_requested:
        calls += 1
        try:
            answer = await client.send(body, client_request_id(name, 0, 0, calls))
            return decode_answer(answer, body, wall_s=wall_us() / 1e6 if wall_us else None)
        except ApiError as error:
            failures += not isinstance(error, Throttled)
            violations += isinstance(error, WireViolation)
            verdict = judge_error(
                error,
                attempts=failures,
                max_attempts=settings.max_attempts,
                violations=violations,
                rejections=REJECTIONS_MAX,  # the caller sees the error, so no 4xx is sent again
            )
            if verdict in (Verdict.REJECT, Verdict.DOUBT, Verdict.HALT):
                raise
            delay_s = retry_delay_s(error, failures=calls, random=random)
            if asyncio.get_running_loop().time() + delay_s > until_s:
                raise _stalled_error(error, settings.stall_timeout_s) from None
        await _pause_until_stop(delay_s, stop)
    raise RunInterrupted("A stop was requested before the completion came.")


def _stalled_error(error: ApiError, stall_timeout_s: float) -> ApiUnavailable:
    """Return the error for a next call that would be too late."""
    return ApiUnavailable(
        f"No completion came within {format_duration(stall_timeout_s)}, retries included. The last "
        f"answer: {error}",
        status=error.status,
        request_id=error.request_id,
        retry_after_s=error.retry_after_s if isinstance(error, ApiUnavailable) else None,
    )


async def _pause_until_stop(delay_s: float, stop: StopSignal) -> None:
    """Wait, but not beyond a request to stop."""
    with suppress(TimeoutError):
        async with asyncio.timeout(delay_s):
            await stop.wait_for_stop()
