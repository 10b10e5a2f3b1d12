"""After a kill, the wait ends in time on every store that answers."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.durable.lease import BEATS_A_TTL
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.storage.runs.lease_store import READERS
from lab.simulation.waiting import waited_s

SETTINGS = Settings()
REQUESTS_A_ROUND = 4
"""A heartbeat, two listings and a read."""


@pytest.mark.parametrize("latency_s", [0.005, 0.1, 1.3, 10.0])
@pytest.mark.parametrize("dead", [1, 48, 200])
def test_wait_ends_after_seven_rounds_on_any_store(latency_s: float, dead: int) -> None:
    times = SETTINGS.lease_times
    rounds = BEATS_A_TTL + 1
    reads_s = -(-dead // READERS) * latency_s
    round_s = times.interval_s + (REQUESTS_A_ROUND - 1) * latency_s + reads_s
    begun_s = 6 * latency_s + 2 * reads_s
    waited = waited_s(latency_s, dead, times)
    assert waited is not None
    assert times.silence_s < waited <= rounds * round_s + begun_s + 1.0


def test_kill_costs_little_more_than_the_time_to_live() -> None:
    waited = waited_s(0.005, 1, SETTINGS.lease_times)
    assert waited is not None
    assert waited < SETTINGS.lease_ttl_s + 6.0 < SETTINGS.request_timeout_s


def test_publication_waits_for_copies_that_may_still_land() -> None:
    waited = waited_s(0.005, 1, SETTINGS.publication_times)
    assert waited is not None
    assert 90.0 < waited < 100.0
