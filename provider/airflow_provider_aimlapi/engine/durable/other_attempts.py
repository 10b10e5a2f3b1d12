"""Watch the heartbeats of other attempts. `core.durable.lease` defines what a silence proves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.lease import Watch, do_meet
from airflow_provider_aimlapi.engine.runtime.retry import STORE_PATIENCE_S
from airflow_provider_aimlapi.errors import StoreUnavailable
from airflow_provider_aimlapi.storage.runs.lease_store import READERS

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.durable.lease import Heartbeat, LeaseTimes
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.storage.runs.lease_store import LeaseStore

SILENT_MAX = 256
"""The most attempts that neither released their lease nor were waited for: those of all shares at once,
and a few that were killed. More were planted by another program, and each costs a request per round."""


class OtherAttempts:
    """The attempts that one attempt waits for."""

    def __init__(self, store: LeaseStore, times: LeaseTimes, clock: Clock) -> None:
        self._store = store
        self._times = times
        self._clock = clock
        # By epoch. A watch is never removed, so that an epoch that is over is not read again.
        self._watches: dict[int, Watch] = {}
        self._read_at_s: float | None = None  # the end of the last round; None after a failed one
        self._round_s = times.interval_s  # the length of the last round
        self.has_missed = False

    async def are_over(self, epochs: list[int]) -> bool:
        """Read the heartbeats of these epochs, and return whether none of their owners can pay.

        Raises:
            StoreUnavailable: a lease could not be read. JournalUnreadable: too many are silent.
        """
        began_s = self._clock.now_s()
        # One heartbeat that cannot be read delays only its own watch. If none can be read, the
        # store is down, and the whole round proves nothing.
        self.has_missed = await self._clock.in_thread(self._has_read_none, epochs)
        ended_s = self._clock.now_s()
        # The first round has no predecessor. It is assumed to last an interval and twice these
        # requests, because the waiting attempt's own heartbeat takes about as long.
        if self._read_at_s is None:
            self._round_s = self._times.interval_s + 2 * (ended_s - began_s)
        else:
            self._round_s = ended_s - self._read_at_s
        self._read_at_s = ended_s
        left = sum(not self._watches[epoch].is_over for epoch in epochs)
        if left > SILENT_MAX:
            raise self._store.unreadable_leases(f"has {left:,} leases that were not released")
        return not left

    def miss_round(self) -> None:
        """Discard the round, because the store refused a part of it."""
        self.has_missed = True
        self._read_at_s = None
        for watch in self._watches.values():
            watch.note_missed_round()

    @property
    def waited_for(self) -> list[Watch]:
        """Return the watches of those that may still be at work."""
        return [watch for watch in self._watches.values() if not watch.is_over]

    @property
    def released_epochs(self) -> frozenset[int]:
        """Return the epochs whose owners have released their lease."""
        return frozenset(epoch for epoch, watch in self._watches.items() if watch.is_released)

    @property
    def is_any_heard(self) -> bool:
        """Return whether one of them has written a heartbeat while it was watched."""
        return any(watch.heard_at_s is not None for watch in self.waited_for)

    def until_s(self) -> float:
        """Return when the wait ends at the latest, if the store stays as fast as it is.

        An attempt that writes heartbeats has seen the newer lease. It waits for its calls in flight
        and makes their answers durable. `Lease.keep_right` limits the time for that.
        """
        silence_s = self._times.silence_s / self._times.interval_s * self._round_s
        drain_s = self._times.request_timeout_s + STORE_PATIENCE_S
        now_s = self._clock.now_s()
        return max(
            (
                now_s + (watch.rounds_left + 1) * self._round_s  # one to renew the right
                if watch.heard_at_s is None
                else watch.heard_at_s + drain_s + silence_s
                for watch in self.waited_for
            ),
            default=now_s + silence_s,
        )

    def _has_read_none(self, epochs: list[int]) -> bool:
        """Read the heartbeats of those that are not over, newest first. Blocking.

        Returns:
            Whether there are some, but none could be read.
        """
        reads: list[bool] = []
        # Before the threads start, which then only look watches up.
        for epoch in epochs:
            self._watches.setdefault(epoch, Watch(self._times))
        # The newest first: if it had the right to pay, it has waited for all before it, so their
        # heartbeats need not be read. A thousand old leases then cost a few requests.
        newest_first = sorted(epochs, reverse=True)
        for start in range(0, len(newest_first), READERS):
            batch = self._unexcused_epochs(newest_first[start : start + READERS])
            reads += self._clock.map_in_threads(self._is_read, batch, READERS)
            self._unexcused_epochs(batch)
        return bool(reads) and not any(reads)

    def _is_read(self, epoch: int) -> bool:
        watch = self._watches[epoch]
        asked_at_s = self._clock.now_s()  # a suspension shortens the silence that is proved
        try:
            heartbeat: Heartbeat | None = self._store.read_heartbeat(epoch)
        except StoreUnavailable:
            watch.note_missed_round()
            return False
        watch.note_read(heartbeat, asked_at_s=asked_at_s, answered_at_s=self._clock.now_s())
        return True

    def _unexcused_epochs(self, epochs: list[int]) -> list[int]:
        """Return those that may still be at work, without those that a later attempt waited for.

        Only a later attempt that had the right to pay has waited to the end.
        """
        ran = [epoch for epoch, watch in self._watches.items() if watch.has_run]
        silent = [epoch for epoch in epochs if not self._watches[epoch].is_over]
        self._store.read_shares([*ran, *silent] if ran else [])
        for epoch in silent:
            share = self._store.share_of
            if any(one > epoch and do_meet(share(epoch), share(one)) for one in ran):
                self._watches[epoch].note_waited_for()
        return [epoch for epoch in silent if not self._watches[epoch].is_over]
