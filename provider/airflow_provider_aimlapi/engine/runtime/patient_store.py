"""Repeat each failed request to an object store by itself, so that no scan starts again."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_aimlapi.engine.runtime.retry import send_persistently

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore


def patient_store(
    store: ObjectStore, clock: Clock, check: Callable[[], None] = lambda: None
) -> ObjectStore:
    """Return the same store for a long scan, whose requests block a thread.

    A create that is sent again may find its own object: see `ObjectStore.create`. Leases do not use
    this store, because a heartbeat that arrives late proves nothing.

    Args:
        check: called before each request; raises when the scan should end.
    """
    return cast("ObjectStore", _PatientStore(store, clock, check))


class _PatientStore:
    def __init__(self, store: ObjectStore, clock: Clock, check: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._check = check

    # The only method that makes no request. All others are requests that may be repeated.
    def uri(self, name: str) -> str:
        return self._store.uri(name)

    def __getattr__(self, name: str) -> Any:
        return partial(send_persistently, self._clock, self._check, getattr(self._store, name))
