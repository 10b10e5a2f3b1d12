"""Opens a typed output path for a command: that output, or with --recursive all outputs below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.storage.access.opening import open_file_system
from airflow_provider_aimlapi.storage.output.output_paths import outputs_below
from airflow_provider_aimlapi.storage.output.run_folders import RunFolders
from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore
from airflow_provider_aimlapi.storage.stores.stored_objects import StoredObjects

if TYPE_CHECKING:
    from airflow_provider_aimlapi.storage.access.connection_options import StorageConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTree:
    """The typed path.

    Attributes:
        path: a URL or a local path.
        is_recursive: whether the outputs below it are meant, too.
        connection: the store's credentials; None for the environment's own.
    """

    path: str
    is_recursive: bool = False
    connection: StorageConnection | None = None

    def open_outputs(self) -> list[RunFolders]:
        """Return the run folders of each output, in order; at least those of the path itself.

        Raises:
            InvalidSpec, ConnectionIncomplete: the path cannot be opened.
            StorageError: the store failed.
        """
        fs, path = open_file_system(self.path, self.connection)
        below = outputs_below(StoredObjects(fs, path)) if self.is_recursive else []
        roots = [f"{path.rstrip('/')}/{output}".rstrip("/") for output in below] or [path]
        return [RunFolders(FsspecStore(fs, root), StoredObjects(fs, root)) for root in roots]

    def hint_about_outputs(self) -> str:
        """Return a sentence about outputs in folders below, if the command did not search there."""
        return "" if self.is_recursive else " To search the folders below it, too, add --recursive."
