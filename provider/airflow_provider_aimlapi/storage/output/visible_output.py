"""The output path as plain readers see it: the port through which a run is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.storage.output.changes import shown_run
from airflow_provider_aimlapi.storage.output.visible_files import (
    check_foreign,
    is_complete,
    show_run,
)

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.durable.manifest import Manifest
    from airflow_provider_aimlapi.core.durable.plan import Plan
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore
    from airflow_provider_aimlapi.storage.stores.thread_map import MapInThreads


@dataclass(frozen=True, slots=True)
class VisibleOutput:
    """The files that plain readers see at an output path.

    Attributes:
        store: rooted at the output path.
        map_in_threads: does blocking work for many items at a time.
    """

    store: ObjectStore
    map_in_threads: MapInThreads

    def shown_run(self) -> str | None:
        """Return the key of the run that is shown; None for no run of ours."""
        return shown_run(self.store)

    def is_complete(self, manifest: Manifest) -> bool:
        """Return whether each part of a run has its visible file."""
        return is_complete(self.store, manifest)

    def refuse_foreign(self, plan: Plan) -> None:
        """Refuse a run that would replace files which no run has written.

        Raises:
            InvalidSpec: naming such a file.
        """
        check_foreign(self.store, plan, self.map_in_threads)

    def show_run(self, manifest: Manifest, *, epoch: int, own: str) -> None:
        """Show a run in place of any run that was shown before. Idempotent.

        Args:
            epoch: the epoch of the lease of the output path that the caller holds.
            own: the key of the caller's run, of which some parts may be visible already.

        Raises:
            As `visible_files.show_run`.
        """
        show_run(self.store, manifest, epoch=epoch, map_in_threads=self.map_in_threads, own=own)
