"""Epochs of a run: each belongs to the one process that created its lease. Leases stay for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.keys import RunNames, parse_lease_name
from airflow_provider_aimlapi.errors import StoreUnavailable
from airflow_provider_aimlapi.storage.object_store import create_settled

if TYPE_CHECKING:
    from airflow_provider_aimlapi.storage.object_store import ObjectStore

RACES_MAX = 100


def acquire_epoch(store: ObjectStore, names: RunNames, *, token: str) -> int:
    """Become the owner of the run's next epoch; the first one is 1.

    Args:
        token: random, and used by this process alone: it is the lease's body, and tells an
            unclear write of our own from another's.

    Raises:
        StoreUnavailable: when nobody knows who got the epoch, or others were faster each time.
            Acquiring again takes a newer one.
    """
    for _ in range(RACES_MAX):
        epoch = 1 + max(_epochs(store, names), default=0)
        if create_settled(store, names.lease(epoch), token.encode()):
            return epoch
    raise StoreUnavailable(
        f"{RACES_MAX} times another process was faster at {store.uri(names.leases)}"
    )


def _epochs(store: ObjectStore, names: RunNames) -> list[int]:
    parsed = (parse_lease_name(name) for name in store.list(names.leases))
    return [epoch for epoch in parsed if epoch is not None]
