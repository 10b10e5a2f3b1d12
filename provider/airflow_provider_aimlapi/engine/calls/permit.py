"""The right to make one call. It is returned when the call has ended, with any result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.pacing.episode import Sent


class Admission(Protocol):
    """Gives a permit room, and takes it back; see `engine.calls.limiter`."""

    async def wait_for_room(self, body_bytes: int) -> Sent: ...  # noqa: D102
    def take_back(self, sent: Sent, body_bytes: int) -> None: ...  # noqa: D102


class Permit:
    """Held inside `async with`. Yields the state of the window when the call was sent."""

    __slots__ = ("_admission", "_body_bytes", "_sent")

    def __init__(self, admission: Admission, body_bytes: int) -> None:
        self._admission = admission
        self._body_bytes = body_bytes

    async def __aenter__(self) -> Sent:
        self._sent = await self._admission.wait_for_room(self._body_bytes)
        return self._sent

    async def __aexit__(self, *_: object) -> None:
        self._admission.take_back(self._sent, self._body_bytes)
