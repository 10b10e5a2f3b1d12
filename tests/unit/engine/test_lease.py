"""A lease in a store that refuses, on a machine that stands still."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from airflow_provider_aimlapi.core.keys import PublicationNames
from airflow_provider_aimlapi.core.lease import LeaseTimes
from airflow_provider_aimlapi.engine.lease import Lease
from airflow_provider_aimlapi.engine.retry import STORE_PATIENCE_S
from airflow_provider_aimlapi.engine.stop import StopSignal
from airflow_provider_aimlapi.errors import AimlapiError, StoreUnsafe
from airflow_provider_aimlapi.storage.lease_store import LeaseStore
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


def test_who_is_superseded_speaks_until_its_work_ends_but_not_for_ever() -> None:
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
