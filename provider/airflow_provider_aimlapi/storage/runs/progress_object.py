"""Stores a run's progress in an object beside its output, if Airflow cannot store it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.object_sizes import PROGRESS_BYTES_MAX

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.durable.keys import RunNames
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore


class ProgressObject:
    """The object `progress.json`, overwritten every few seconds. Blocking; raises StorageError.

    Attributes:
        interval_s: seconds between two writes, because each is a request to the store.
        is_shared: whether other tasks that work on the same run write the same object.
    """

    interval_s = 5.0
    is_shared = True

    def __init__(self, store: ObjectStore, names: RunNames) -> None:
        self._store = store
        self._name = names.progress_name

    def recall(self) -> bytes | None:
        """Return what was published last, by any attempt."""
        return self._store.read(self._name, bytes_max=PROGRESS_BYTES_MAX)

    def publish(self, data: bytes) -> None:
        """Replace what was published before."""
        self._store.write(self._name, data)
