"""One completion, outside any run, judged by the same rules."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.wire import RequestEncoder, decode_answer
from airflow_provider_aimlapi.core.keys import client_request_id
from airflow_provider_aimlapi.core.report import format_duration
from airflow_provider_aimlapi.core.verdict import Verdict, judge
from airflow_provider_aimlapi.engine.retry import retry_delay_s
from airflow_provider_aimlapi.errors import ApiError, ApiUnavailable, Throttled, WireViolation

if TYPE_CHECKING:
    from random import Random

    from airflow_provider_aimlapi.core.completion import Completion
    from airflow_provider_aimlapi.core.request import CompletionSpec
    from airflow_provider_aimlapi.engine.attempt import Client
    from airflow_provider_aimlapi.engine.settings import Settings


async def complete(
    client: Client,
    spec: CompletionSpec,
    prompt: str,
    system: str | None,
    settings: Settings,
    random: Random,
) -> Completion:
    """Ask once, and again while that may help.

    A 429 uses up no attempt, but nothing is waited for longer than `stall_timeout_s`.

    Raises:
        ApiError: the last failure.
    """
    body = RequestEncoder(spec).encode(prompt, system)
    try:
        async with asyncio.timeout(settings.stall_timeout_s):
            return await _until_decided(client, body, settings, random)
    except TimeoutError:
        waited = format_duration(settings.stall_timeout_s)
        raise ApiUnavailable(f"No completion came within {waited}, retries included.") from None


async def _until_decided(
    client: Client, body: bytes, settings: Settings, random: Random
) -> Completion:
    name = f"single-{secrets.token_hex(8)}"
    exchanges = attempts = violations = 0
    while True:
        exchanges += 1
        try:
            answer = await client.send(body, client_request_id(name, 0, 0, exchanges))
            return decode_answer(answer)
        except ApiError as error:
            attempts += not isinstance(error, Throttled)
            violations += isinstance(error, WireViolation)
            verdict = judge(
                error,
                attempts=attempts,
                max_attempts=settings.max_attempts,
                violations=violations,
            )
            if verdict in (Verdict.REJECT, Verdict.HALT):
                raise
            delay_s = retry_delay_s(error, failures=exchanges, random=random)
        await asyncio.sleep(delay_s)
