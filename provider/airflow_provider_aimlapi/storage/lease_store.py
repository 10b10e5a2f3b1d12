"""Leases and heartbeats in an object store. The newest lease stays for ever; decides nothing.

What a heartbeat means is in `core.lease`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from airflow_provider_aimlapi.core.keys import parse_lease_name
from airflow_provider_aimlapi.core.lease import decode_heartbeat, encode_heartbeat
from airflow_provider_aimlapi.errors import StoreUnavailable
from airflow_provider_aimlapi.storage.object_store import create_settled

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.lease import Heartbeat
    from airflow_provider_aimlapi.storage.object_store import ObjectStore

RACES_MAX = 100


class LeaseNames(Protocol):
    """What a lease's objects are called; see `core.keys`."""

    @property
    def leases(self) -> str:
        """The prefix of all leases."""
        ...

    def lease(self, epoch: int) -> str:
        """The create-once object whose writer owns an epoch."""
        ...

    def heartbeat(self, epoch: int) -> str:
        """What the owner of an epoch says of itself."""
        ...


class LeaseStore:
    """The leases of one run, or of an output path. Every method may raise StoreUnavailable. Safe to call from threads."""

    def __init__(self, store: ObjectStore, names: LeaseNames) -> None:
        self._store = store
        self._names = names

    def acquire(self, *, token: str) -> int:
        """Become the owner of the run's next epoch; the first one is 1.

        Args:
            token: random, and used by this process alone: it is the lease's body, and tells an
                unclear write of our own from another's.

        Raises:
            StoreUnavailable: when nobody knows who got the epoch, or others were faster each
                time. Acquiring again takes a newer one.
        """
        for _ in range(RACES_MAX):
            epoch = 1 + max(self.epochs(), default=0)
            if create_settled(self._store, self._names.lease(epoch), token.encode()):
                return epoch
        raise StoreUnavailable(
            f"{RACES_MAX} times another process was faster at {self._store.uri(self._names.leases)}"
        )

    def epochs(self) -> list[int]:
        """All epochs that were ever acquired, in order."""
        parsed = (parse_lease_name(name) for name in self._store.list(self._names.leases))
        return sorted(epoch for epoch in parsed if epoch is not None)

    def forget_before(self, epoch: int) -> None:
        """Remove the leases before an epoch whose owner holds the right, and their heartbeats.

        Nobody can own one of these epochs again and act on it: the newer lease stays, and
        whoever creates an older one finds it. Leases first, for one without a heartbeat is
        waited for.
        """
        for old in self.epochs():
            if old < epoch:
                self._store.delete(self._names.lease(old))
                self._store.delete(self._names.heartbeat(old))

    def beat(self, epoch: int, heartbeat: Heartbeat) -> None:
        """Write the heartbeat of an epoch; only its owner does."""
        self._store.write(self._names.heartbeat(epoch), encode_heartbeat(heartbeat))

    def heartbeat(self, epoch: int) -> Heartbeat | None:
        """The last heartbeat of an epoch; None when its owner has not written any."""
        data = self._store.read(self._names.heartbeat(epoch))
        return None if data is None else decode_heartbeat(data)
