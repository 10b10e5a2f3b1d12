"""A lease in a store that refuses, on a machine that stands still."""

from __future__ import annotations

import asyncio

import pytest

from airflow_provider_aimlapi.core.keys import PublicationNames
from airflow_provider_aimlapi.core.lease import LeaseTimes
from airflow_provider_aimlapi.engine.lease import Lease
from airflow_provider_aimlapi.engine.stop import StopSignal
from airflow_provider_aimlapi.errors import AimlapiError, StoreUnsafe
from airflow_provider_aimlapi.storage.lease_store import LeaseStore
from tests.fakes.memory_store import MemoryStore
from tests.fakes.virtual_loop import VirtualClock, run_virtual

TIMES = LeaseTimes(ttl_s=12.0, request_timeout_s=30.0)


class RefusingStore(MemoryStore):
    """Whose writes fail while it has an error to raise."""

    error: Exception | None = None

    def write(self, name: str, data: bytes) -> None:
        if self.error is not None:
            raise self.error
        super().write(name, data)


def lease_in(store: MemoryStore, clock: VirtualClock) -> Lease:
    leases = LeaseStore(store, PublicationNames())
    epoch = leases.acquire(token="ours")  # a lease's body
    return Lease(leases, epoch, times=TIMES, clock=clock, stop=StopSignal())


@pytest.mark.parametrize("error", [StoreUnsafe("403"), TypeError("a library's own")])
def test_a_release_that_is_refused_leaves_the_result_as_it_is(error: Exception) -> None:
    store = RefusingStore()

    async def main() -> str:
        lease = lease_in(store, VirtualClock())
        try:
            await lease.wait_for_elders()
            store.error = error
            return "done"
        finally:
            await lease.release()

    assert run_virtual(main()) == "done"


def test_while_heartbeats_are_refused_the_right_lapses_and_then_the_work_is_told() -> None:
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
            tasks.create_task(lease.renew())
            await asyncio.sleep(2.5 * TIMES.interval_s)
            store.error = None
        return lease.may_pay()

    assert run_virtual(main())
