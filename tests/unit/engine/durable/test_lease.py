"""A lease in a store that refuses, on a machine that stands still."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from airflow_provider_aimlapi.core.durable.keys import PublicationNames
from airflow_provider_aimlapi.core.durable.lease import LeaseTimes
from airflow_provider_aimlapi.engine.durable.lease import Lease
from airflow_provider_aimlapi.engine.runtime.retry import STORE_PATIENCE_S
from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from airflow_provider_aimlapi.errors import (
    AimlapiError,
    RunInterrupted,
    StoreUnavailable,
    StoreUnsafe,
)
from airflow_provider_aimlapi.storage.runs.lease_store import LeaseStore
from tests.fakes.memory_store import MemoryStore
from tests.fakes.virtual_loop import VirtualClock, run_virtual

TIMES = LeaseTimes(ttl_s=12.0, request_timeout_s=30.0)


class RefusingStore(MemoryStore):
    """Whose writes fail while it has an error to raise.

    Attributes:
        written_s: when something was written, in the loop's time.
    """

    error: Exception | None = None

    def __init__(self) -> None:
        super().__init__()
        self.written_s: list[float] = []

    def write(self, name: str, data: bytes) -> None:
        if self.error is not None:
            raise self.error
        self.written_s.append(asyncio.get_running_loop().time())
        super().write(name, data)


def lease_in(store: MemoryStore, clock: VirtualClock) -> Lease:
    leases = LeaseStore(store, PublicationNames())
    epoch = leases.acquire_epoch(token="ours")  # a lease's body
    return Lease(leases, epoch, times=TIMES, clock=clock, stop=StopSignal())


@pytest.mark.parametrize("error", [StoreUnsafe("403"), TypeError("a library's own")])
def test_release_that_is_refused_leaves_result_as_it_is(error: Exception) -> None:
    store = RefusingStore()

    async def main() -> str:
        lease = lease_in(store, VirtualClock())
        try:
            await lease.wait_for_elders()
            store.error = error
            return "done"
        finally:
            await lease.release_lease()

    assert run_virtual(main()) == "done"


def test_right_lapses_without_heartbeats_before_the_work_ends() -> None:
    store = RefusingStore()
    reasons: list[AimlapiError] = []
    told = asyncio.Event()

    def lost(reason: AimlapiError) -> None:
        reasons.append(reason)
        told.set()

    async def main() -> bool:
        lease = lease_in(store, VirtualClock())
        await lease.wait_for_elders()
        store.error = StoreUnsafe("403")

        async def work() -> bool:
            await told.wait()
            return lease.may_pay()

        return await lease.while_kept(work(), lost=lost)

    assert not run_virtual(main())
    assert reasons == [store.error]


def test_an_attempt_that_waits_bears_a_refusal_that_passes() -> None:
    store = RefusingStore()

    async def main() -> bool:
        lease = lease_in(store, VirtualClock())
        store.error = StoreUnsafe("403")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(lease.renew_right())
            await asyncio.sleep(2.5 * TIMES.interval_s)
            store.error = None
        return lease.may_pay()

    assert run_virtual(main())


def test_superseded_attempt_writes_heartbeats_until_its_work_ends() -> None:
    """It stops after the time that its calls may take, even if the work goes on."""
    store = RefusingStore()
    drained_s = TIMES.request_timeout_s + STORE_PATIENCE_S

    async def main() -> None:
        lease = lease_in(store, VirtualClock())
        await lease.wait_for_elders()
        lease_in(store, VirtualClock())
        await lease.while_kept(asyncio.sleep(10 * drained_s), lost=lambda _: None)

    run_virtual(main())
    gaps_s = [later - earlier for earlier, later in pairwise(store.written_s)]
    assert max(gaps_s) == TIMES.interval_s
    assert drained_s <= store.written_s[-1] <= drained_s + 2 * TIMES.interval_s


def test_wait_for_right_ends_when_the_store_stays_away() -> None:
    store = RefusingStore()

    async def main() -> float:
        lease = lease_in(store, VirtualClock())
        store.error = StoreUnavailable("away")
        with pytest.raises(StoreUnavailable, match="for 2 min"):
            await lease.renew_right()
        return asyncio.get_running_loop().time()

    assert STORE_PATIENCE_S < run_virtual(main()) <= STORE_PATIENCE_S + 2 * TIMES.interval_s


def test_wait_for_elder_ends_when_the_store_stays_away() -> None:
    """A store that can be read and not written is away too: the elder cannot speak either."""
    store = RefusingStore()

    async def main() -> float:
        lease_in(store, VirtualClock())
        lease = lease_in(store, VirtualClock())
        store.error = StoreUnavailable("away")
        with pytest.raises(StoreUnavailable):
            await lease.wait_for_elders()
        return asyncio.get_running_loop().time()

    assert STORE_PATIENCE_S < run_virtual(main()) <= STORE_PATIENCE_S + 2 * TIMES.interval_s


def test_wait_for_newer_attempt_ends_when_store_stays_away() -> None:
    store = RefusingStore()

    def read_result() -> None:
        raise StoreUnavailable("away")

    async def main() -> float:
        lease = lease_in(store, VirtualClock())
        lease_in(store, VirtualClock())
        with pytest.raises(StoreUnavailable):
            await lease.follow_newer(read_result)
        return asyncio.get_running_loop().time()

    assert STORE_PATIENCE_S < run_virtual(main()) <= STORE_PATIENCE_S + 2 * TIMES.interval_s


def test_stop_ends_the_wait_for_an_elder_at_once() -> None:
    store = RefusingStore()
    stop = StopSignal()

    async def main() -> float:
        lease_in(store, VirtualClock())
        leases = LeaseStore(store, PublicationNames())
        epoch = leases.acquire_epoch(token="newer")
        lease = Lease(leases, epoch, times=TIMES, clock=VirtualClock(), stop=stop)
        asyncio.get_running_loop().call_later(3.0, stop.request_stop)
        with pytest.raises(RunInterrupted):
            await lease.wait_for_elders()
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 3.0


def reported(store: MemoryStore) -> list[float]:
    """When a wait ends at the latest, as it was reported, and in the end when it did."""
    moments_s: list[float] = []

    async def report(left_s: float) -> None:
        moments_s.append(asyncio.get_running_loop().time() + left_s)

    async def main() -> float:
        lease = lease_in(store, VirtualClock())
        await lease.wait_for_elders(report)
        return asyncio.get_running_loop().time()

    moments_s.append(run_virtual(main()))
    return moments_s


def test_wait_for_a_silent_elder_reports_its_end_once() -> None:
    store = MemoryStore()
    LeaseStore(store, PublicationNames()).acquire_epoch(token="killed")
    latest_s, ended_s = reported(store)
    assert ended_s == TIMES.silence_s < latest_s <= ended_s + TIMES.interval_s


class Outage(MemoryStore):
    """Can be read but not written for a while."""

    def write(self, name: str, data: bytes) -> None:
        if 3.0 < asyncio.get_running_loop().time() < 20.0:
            raise StoreUnavailable("away")
        super().write(name, data)


def test_time_that_does_not_count_moves_the_reported_end() -> None:
    store = Outage()
    LeaseStore(store, PublicationNames()).acquire_epoch(token="killed")
    *moments_s, ended_s = reported(store)
    assert moments_s == sorted(moments_s)
    assert len(moments_s) > 1
    assert moments_s[0] < ended_s <= moments_s[-1] <= ended_s + 2 * TIMES.interval_s


def test_right_that_cannot_be_renewed_for_minutes_is_lost() -> None:
    """Else a run with nothing to flush would wait for the store without end."""
    store = RefusingStore()
    lost_s: list[float] = []
    over = asyncio.Event()

    def lost(reason: AimlapiError) -> None:
        assert isinstance(reason, StoreUnavailable)
        lost_s.append(asyncio.get_running_loop().time())
        over.set()

    async def main() -> None:
        lease = lease_in(store, VirtualClock())
        await lease.wait_for_elders()
        store.error = StoreUnavailable("away")
        await lease.while_kept(over.wait(), lost=lost)

    run_virtual(main())
    assert STORE_PATIENCE_S < lost_s[0] <= STORE_PATIENCE_S + 2 * TIMES.interval_s


class Unreadable(RefusingStore):
    """Whose heartbeats can be written and not read."""

    def read(self, name: str, *, bytes_max: int) -> bytes | None:
        if "/heartbeat/" in name:
            raise StoreUnavailable("no answer")
        return super().read(name, bytes_max=bytes_max)


def test_wait_for_an_elder_that_cannot_be_read_ends() -> None:
    store = Unreadable()

    async def main() -> float:
        lease_in(store, VirtualClock())
        lease = lease_in(store, VirtualClock())
        with pytest.raises(StoreUnavailable):
            await lease.wait_for_elders()
        return asyncio.get_running_loop().time()

    assert STORE_PATIENCE_S < run_virtual(main()) <= STORE_PATIENCE_S + 2 * TIMES.interval_s
