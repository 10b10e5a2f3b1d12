"""The right to make one call. When it is returned, it reports to the limiter how the call failed.

The sender reports accepted and throttled calls, because it knows them first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

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


class Admission(Protocol):
    """Gives a permit room, and learns how its call ended; see `engine.calls.limiter`."""

    async def admit(self, body_bytes: int) -> Sent: ...  # noqa: D102
    def note_failed(self, sent: Sent) -> None: ...  # noqa: D102
    def note_word(self, sent: Sent, *, is_legible: bool) -> None: ...  # noqa: D102
    def end_given(self, sent: Sent, *, is_free: bool) -> None: ...  # noqa: D102
    def release(self, body_bytes: int) -> None: ...  # noqa: D102


class Permit:
    """Held inside `async with`. Yields the state of the window when the call was sent."""

    __slots__ = ("_admission", "_body_bytes", "_sent")

    def __init__(self, admission: Admission, body_bytes: int) -> None:
        self._admission = admission
        self._body_bytes = body_bytes

    async def __aenter__(self) -> Sent:
        self._sent = await self._admission.admit(self._body_bytes)
        return self._sent

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(exc, ApiUnavailable) and not isinstance(exc, Throttled):
            self._admission.note_failed(self._sent)
        elif isinstance(exc, (RequestRejected, AccessRefused, WireViolation)):
            is_legible = not isinstance(exc, WireViolation)
            self._admission.note_word(self._sent, is_legible=is_legible)
        self._admission.end_given(self._sent, is_free=isinstance(exc, Throttled))
        self._admission.release(self._body_bytes)
