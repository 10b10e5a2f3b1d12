"""Why a run takes on no new calls. The first reason wins; whoever cares is told once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.errors import AimlapiError

log = logger(__name__)


class Ending:
    """The end of admission: calls in flight go on and are kept.

    Attributes:
        error: why the run ends early; None while it does not.
    """

    def __init__(self) -> None:
        self.error: AimlapiError | None = None
        self._closers: list[Callable[[], None]] = []

    def closes(self, *closers: Callable[[], None]) -> None:
        """Name what to call when the run ends early, which it may have done already."""
        self._closers.extend(closers)
        if self.error is not None:
            for close in closers:
                close()

    def halt(self, error: AimlapiError) -> None:
        """End admission for this reason, unless it has ended already."""
        if self.error is not None:
            return
        self.error = error
        log.warning("No new calls from here on; what is in flight is drained. %s", error)
        for close in self._closers:
            close()

    def fail(self, error: AimlapiError) -> None:
        """End for this reason, whatever it was before: what was paid for could not be kept.

        Other reasons say that it was.
        """
        self.halt(error)
        self.error = error
