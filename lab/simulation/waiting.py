"""How long an attempt waits for attempts that were killed, by the latency of the store.

`python -m lab.simulation.waiting` prints the table that is in decision 7.
"""

from __future__ import annotations

import logging
import sys
from random import Random
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.core.durable.keys import RunNames
from airflow_provider_aimlapi.core.durable.lease import Heartbeat, encode_heartbeat, encode_lease
from airflow_provider_aimlapi.engine.durable.lease import Lease
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.storage.runs.lease_store import LeaseStore
from lab.simulation.history import History
from lab.simulation.process import Process, SimulatedClock
from lab.simulation.scheduler import EndlessRun, Scheduler
from lab.simulation.simulated_store import SimulatedStore
from lab.simulation.weather import Sky, Weather
from tests.fakes.memory_store import MemoryStore

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.durable.lease import LeaseTimes

NAMES = RunNames(run_key="0" * 32)
LATENCIES_S = (0.005, 0.1, 1.3, 10.0)
DEAD = (1, 48)
LIMIT_S = 3600.0


class _Nobody:
    """Sees nothing."""

    def saw(self, *_: object) -> None:
        """Whatever it was."""


def waited_s(latency_s: float, dead: int, times: LeaseTimes) -> float | None:
    """Return the virtual seconds until an attempt at a whole run may pay.

    Args:
        latency_s: that each request to the store takes.
        dead: killed attempts at shares of the run, each at one of its own.

    Returns:
        None when it has not got the right within an hour.
    """
    objects, scheduler = MemoryStore(), Scheduler(limit_s=LIMIT_S, steps_max=10**6)
    for share in range(dead):
        objects.objects[NAMES.lease_name(share + 1)] = encode_lease(f"dead {share}", share)
        killed = Heartbeat(state="running", beat=9, has_run=True)
        objects.objects[NAMES.heartbeat_name(share + 1)] = encode_heartbeat(killed)
    process = Process(1, scheduler, History())
    store = SimulatedStore(
        process,
        objects,
        sky=Sky(Weather(store_latency_s=latency_s, store_dawdling=0.0)),
        random=Random(1),
        watcher=_Nobody(),
    )

    async def main() -> Any:
        clock = SimulatedClock(process)
        leases = LeaseStore(store, NAMES, map_in_threads=clock.map_in_threads)
        epoch = await clock.in_thread(leases.acquire_epoch, token="newer")
        await Lease(leases, epoch, times=times, clock=clock, stop=process.stop).wait_for_elders()

    process.start(main)
    try:
        scheduler.run()
    except EndlessRun:
        return None
    assert process.error is None, process.error
    return process.ended_s


def table(times: LeaseTimes) -> list[str]:
    """Return lines for people: one for each latency and number of dead attempts."""
    lines = []
    for latency_s in LATENCIES_S:
        for dead in DEAD:
            waited = waited_s(latency_s, dead, times)
            said = "for ever" if waited is None else f"{waited:.1f} s"
            lines.append(f"  {latency_s:g} s per request, {dead} killed: {said}")
    return lines


def main() -> None:
    """Print the tables for the usual settings."""
    logging.disable(logging.CRITICAL)
    settings = Settings()
    lines = ["to ask for rows", *table(settings.lease_times)]
    lines += ["to publish", *table(settings.publication_times)]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
