"""The early end of a run, and its reason. The first reason counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.errors import AimlapiError

log = logger(__name__)


class Ending:
    """The end of admission. Calls in flight return, and their answers are kept.

    Attributes:
        error: the reason why the run ends early; None while it does not.
    """

    def __init__(self) -> None:
        self.error: AimlapiError | None = None
        self._closers: list[Callable[[], None]] = []

    def register_closers(self, *closers: Callable[[], None]) -> None:
        """Register functions to call when the run ends early; call them now if it has ended."""
        # Components are made while the attempt runs, so a stop may come before they are
        # registered.
        self._closers.extend(closers)
        if self.error is not None:
            for close in closers:
                close()

    def end_admission(self, error: AimlapiError) -> None:
        """End admission for this reason, unless it has ended already."""
        if self.error is not None:
            return
        self.error = error
        # The error itself is logged once, when it ends the run.
        log.warning(
            "No new calls are made (%s). The answers of calls in flight are kept.",
            type(error).__name__,
        )
        for close in self._closers:
            close()

    def end_without_keeping(self, error: AimlapiError) -> None:
        """End for this reason, and replace any earlier one: what was paid for could not be kept.

        The texts of other reasons claim that it was kept.
        """
        earlier = self.error
        self.end_admission(error)
        if earlier is not None and earlier is not error:
            log.warning("The run was ending already. %s: %s", type(earlier).__name__, earlier)
        self.error = error
