"""Seeded bugs of the wait for a silence: naive ways to decide that another attempt is gone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from airflow_provider_aimlapi.core.durable.lease import LeaseTimes, Watch
from airflow_provider_aimlapi.engine.durable.other_attempts import OtherAttempts
from airflow_provider_aimlapi.storage.runs.lease_store import LeaseStore
from lab.simulation.swapping import swapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from airflow_provider_aimlapi.core.durable.lease import Heartbeat

_beat = LeaseStore.write_heartbeat
_is_read = OtherAttempts._is_read
_see = Watch.note_read


def _keep_what_was_read(_self: Watch) -> None:
    """Keep the last read, so that a round that the store refused counts, too."""


def _see_through_an_outage(
    self: Watch, heartbeat: Heartbeat | None, *, asked_at_s: float, answered_at_s: float
) -> None:
    """Count all time between two reads, however long it is."""
    read_at_s, is_same = self._read_at_s, heartbeat == self._last
    silent_s = self.silent_s
    _see(self, heartbeat, asked_at_s=asked_at_s, answered_at_s=answered_at_s)
    if is_same and read_at_s is not None:
        self.silent_s = silent_s + asked_at_s - read_at_s


@contextmanager
def _seeing_through_outages() -> Iterator[None]:
    with (
        swapped(Watch, "note_read", _see_through_an_outage),
        swapped(Watch, "note_missed_round", _keep_what_was_read),
    ):
        yield


@contextmanager
def _trusting_last_modified() -> Iterator[None]:
    """Take the store's time of the last heartbeat for the time of its owner's death."""
    modified_s: WeakKeyDictionary[Any, dict[int, float]] = WeakKeyDictionary()

    def beat(self: Any, epoch: int, heartbeat: Heartbeat) -> None:
        _beat(self, epoch, heartbeat)
        times_s = modified_s.setdefault(self._store._objects, {})
        times_s[epoch] = self._store._process.scheduler.now_s

    def is_read(self: Any, epoch: int) -> bool:
        was_read = _is_read(self, epoch)
        times_s = modified_s.get(self._store._store._objects, {})
        silent_s = self._clock.boot_s() - times_s.get(epoch, float("inf"))
        if silent_s >= self._times.silence_s:
            self._watches[epoch].excuse()
        return was_read

    with swapped(LeaseStore, "write_heartbeat", beat), swapped(OtherAttempts, "_is_read", is_read):
        yield


def _two_intervals(self: LeaseTimes) -> float:
    return 2 * self.interval_s


LEASE_BUGS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "an outage expires a lease": _seeing_through_outages,
    "looks are counted": lambda: swapped(Watch, "note_missed_round", _keep_what_was_read),
    "LastModified is trusted": _trusting_last_modified,
    "a silence is shorter than the right": lambda: swapped(
        LeaseTimes, "silence_s", property(_two_intervals)
    ),
}
