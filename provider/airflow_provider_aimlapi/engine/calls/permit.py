"""The right to one attempt; when it is given back, the limiter hears how the attempt failed.

What was accepted and what was throttled it hears from the sender, who knows first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.errors import (
    AccessRefused,
    ApiUnavailable,
    RequestRejected,
    Throttled,
    WireViolation,
)

if TYPE_CHECKING:
    from types import TracebackType

    from airflow_provider_aimlapi.core.pacing.episode import Sent
    from airflow_provider_aimlapi.engine.calls.limiter import Limiter


class Permit:
    """Held inside `async with`. Yields what the law remembers of the attempt."""

    __slots__ = ("_body_bytes", "_limiter", "_sent")

    def __init__(self, limiter: Limiter, body_bytes: int) -> None:
        self._limiter = limiter
        self._body_bytes = body_bytes

    async def __aenter__(self) -> Sent:
        self._sent = await self._limiter.admit(self._body_bytes)
        return self._sent

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(exc, ApiUnavailable) and not isinstance(exc, Throttled):
            self._limiter.note_failed(self._sent)
        elif isinstance(exc, (RequestRejected, AccessRefused, WireViolation)):
            is_legible = not isinstance(exc, WireViolation)
            self._limiter.note_word(self._sent, is_legible=is_legible)
        self._limiter.end_given(self._sent, is_free=isinstance(exc, Throttled))
        self._limiter.release(self._body_bytes)
