"""Leases and heartbeats in an object store. The newest lease is never removed.

`core.durable.lease` defines the meaning of heartbeats. A run has one sequence of epochs for all its
shares, so an epoch names one attempt. A lease's content states its share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from airflow_provider_aimlapi.core.durable.bounds import EPOCH_MAX
from airflow_provider_aimlapi.core.durable.keys import parse_lease_name
from airflow_provider_aimlapi.core.durable.lease import (
    decode_heartbeat,
    decode_share,
    do_meet,
    encode_heartbeat,
    encode_lease,
)
from airflow_provider_aimlapi.core.durable.object_sizes import SMALL_BYTES_MAX
from airflow_provider_aimlapi.errors import JournalUnreadable, StoreUnavailable
from airflow_provider_aimlapi.storage.stores.object_store import create_settled

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_provider_aimlapi.core.durable.lease import Heartbeat
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore
    from airflow_provider_aimlapi.storage.stores.thread_map import MapInThreads

# Each lost race means that another attempt was created meanwhile. No run has so many at once.
RACES_MAX = 100
LEASES_MAX = 10_000
"""Each task's try adds one lease. More of them were planted, and each listing returns all of them."""
READERS = 32
"""How many leases or heartbeats are read at a time."""


class LeaseNames(Protocol):
    """The object names of a lease; see `core.durable.keys`."""

    @property
    def lease_prefix(self) -> str:
        """The prefix of all leases."""
        ...

    def lease_name(self, epoch: int) -> str:
        """Return the create-once object whose writer owns an epoch."""
        ...

    def heartbeat_name(self, epoch: int) -> str:
        """Return the object in which the owner of an epoch states that it is alive."""
        ...


class LeaseStore:
    """The leases of one run or output path. Every method may raise StoreUnavailable. Thread-safe.

    Args:
        share: the share that is leased; None for the whole run.
        map_in_threads: runs blocking work for each item, several at a time; None for one after another.
    """

    def __init__(
        self,
        store: ObjectStore,
        names: LeaseNames,
        share: int | None = None,
        *,
        map_in_threads: MapInThreads | None = None,
    ) -> None:
        self._map_in_threads = map_in_threads
        self._store = store
        self._names = names
        self._share = share
        # By epoch. A lease never changes, so each is read once.
        self._shares: dict[int, int | None] = {}
        # Epochs that were to be created, and whose answer was lost. One of them may be ours.
        self._tried: set[int] = set()

    def acquire_epoch(self, *, token: str) -> int:
        """Become the owner of the run's next epoch; the first one is 1.

        Args:
            token: a random text that only this process uses. In the lease's content, it
                distinguishes an unclear write of our own from another's.

        Raises:
            StoreUnavailable: it is unclear who got the epoch, or others were faster each time.
                Another call with the same token finds a lease of our own whose write was unclear.
                Otherwise this attempt would wait for it as for another's.
            JournalUnreadable: the last epoch is taken, which no attempt reaches.
        """
        body = encode_lease(token, self._share)
        for _ in range(RACES_MAX):
            epochs = self._all_epochs()
            # A lease of an earlier try, whose answer was lost, is ours if its body has our token.
            for epoch in self._tried.intersection(epochs):
                if self.lease_body(epoch) == body:
                    return epoch
            epoch = 1 + max(epochs, default=0)
            if epoch > EPOCH_MAX:
                raise self.unreadable_leases(f"has a lease with the last number, {EPOCH_MAX:,}")
            self._tried.add(epoch)
            is_ours = create_settled(self._store, self._names.lease_name(epoch), body)
            self._tried.discard(epoch)
            if is_ours:
                return epoch
        raise StoreUnavailable(
            f"{RACES_MAX} times another process was faster at {self._store.uri(self._names.lease_prefix)}"
        )

    def list_epochs(self) -> list[int]:
        """Return all acquired epochs in order, without those for another share."""
        epochs = self._all_epochs()
        if self._share is None:
            return epochs
        self.read_shares(epochs)
        return [epoch for epoch in epochs if do_meet(self._share, self.share_of(epoch))]

    def share_of(self, epoch: int) -> int | None:
        """Return the share of an epoch; None for the whole run. A lease never changes."""
        if epoch not in self._shares:
            self._shares[epoch] = decode_share(self.lease_body(epoch))
        return self._shares[epoch]

    def read_shares(self, epochs: Collection[int]) -> None:
        """Read several leases at a time, for later calls of `share_of`."""
        unread = [epoch for epoch in epochs if epoch not in self._shares]
        if unread and self._map_in_threads is not None:
            self._map_in_threads(self.share_of, unread, READERS)

    def lease_body(self, epoch: int) -> bytes:
        """Return a lease's content; b"" if it is gone or was not written by an attempt."""
        return self._read_small(self._names.lease_name(epoch)) or b""

    def _all_epochs(self) -> list[int]:
        parsed = (parse_lease_name(name) for name in self._store.list(self._names.lease_prefix))
        epochs = sorted(epoch for epoch in parsed if epoch is not None)
        if len(epochs) > LEASES_MAX:
            raise self.unreadable_leases(f"has {len(epochs):,} leases, more than {LEASES_MAX:,}")
        return epochs

    def unreadable_leases(self, reason: str) -> JournalUnreadable:
        """Return the error for leases that no attempts have written."""
        return JournalUnreadable(
            f"While no task works on this output, remove the leases: "
            f"{self._store.uri(self._names.lease_prefix)} {reason}. Another program wrote there."
        )

    def forget_before(self, epoch: int) -> None:
        """Remove the leases before an epoch whose owner has the right to pay, and their heartbeats.

        No process can act on one of these epochs again, because the newer lease stays, and the
        writer of an older one finds it. Leases are removed first, because an attempt waits for a
        lease without a heartbeat.
        """
        for old in self.list_epochs():
            if old < epoch:
                self._store.delete(self._names.lease_name(old))
                self._store.delete(self._names.heartbeat_name(old))

    def write_heartbeat(self, epoch: int, heartbeat: Heartbeat) -> None:
        """Write the heartbeat of an epoch. Only its owner may call this."""
        self._store.write(self._names.heartbeat_name(epoch), encode_heartbeat(heartbeat))

    def read_heartbeat(self, epoch: int) -> Heartbeat | None:
        """Return the last heartbeat of an epoch; None if its owner has not written any."""
        data = self._read_small(self._names.heartbeat_name(epoch))
        return None if data is None else decode_heartbeat(data)

    def _read_small(self, name: str) -> bytes | None:
        """Return an object's bytes; None if it is larger than what an attempt writes."""
        try:
            return self._store.read(name, bytes_max=SMALL_BYTES_MAX)
        except JournalUnreadable:
            return None
