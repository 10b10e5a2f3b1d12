"""Runs through a proxy that fails while they are at work: rows wait, and nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.api.http.environment import settle_route
from airflow_provider_aimlapi.core.calls.endpoint import parse_endpoint
from airflow_provider_aimlapi.errors import AccessRefused, ApiUnavailable
from tests.fakes.connect_proxy import CREDENTIALS_WANTED
from tests.fakes.corporate_network import BASE_URL, CorporateNetwork, corporate_network
from tests.runs.conftest import KEY, Workplace, texts_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow_provider_aimlapi.engine.job import Job

ROWS = 60
WORKERS = 4
HALF_WAY_BYTES = 45_000
"""Four TLS handshakes and some twenty calls; all of the run is about twice as much."""


@pytest.fixture
def network(place: Workplace, tmp_path: Path) -> Iterator[CorporateNetwork]:
    place.write(texts_table(ROWS))
    with corporate_network(int(place.sim.url.rpartition(":")[2]), tmp_path) as network:
        yield network


def job(place: Workplace, network: CorporateNetwork) -> Job:
    variables = {"HTTPS_PROXY": network.proxy_url, "SSL_CERT_FILE": str(network.ca_file)}
    endpoint = parse_endpoint(host=BASE_URL, key=KEY, connection="test")
    return place.job(endpoint=settle_route(endpoint, variables))


def paid_twice(place: Workplace) -> int:
    return len(place.paid_prompts()) - len(set(place.paid_prompts()))


def test_rows_wait_while_the_proxy_is_down(place: Workplace, network: CorporateNetwork) -> None:
    proxy = network.proxy
    proxy.outage_after_bytes, proxy.outage_connections = HALF_WAY_BYTES, 7
    report = place.run(job(place, network), max_concurrency=WORKERS)
    assert report.tally.ok == ROWS
    assert proxy.outage_connections == 0
    assert proxy.connections == proxy.tunnels + 7
    assert paid_twice(place) <= WORKERS  # those whose answers were in the tunnels
    attempts = [info["attempts"] for info in place.result()["completion_info"].to_pylist()]
    assert max(attempts) > 1


def test_proxy_that_is_never_there_ends_the_run_unpaid(
    place: Workplace, network: CorporateNetwork
) -> None:
    network.proxy.is_down = True
    with pytest.raises(ApiUnavailable, match="from HTTPS_PROXY"):
        place.run(job(place, network), stall_timeout_s=0.5, max_concurrency=WORKERS)
    assert place.paid_prompts() == []
    network.proxy.is_down = False
    assert place.run(job(place, network)).tally.ok == ROWS
    assert paid_twice(place) == 0


def test_refusing_proxy_ends_the_run_and_keeps_answers(
    place: Workplace, network: CorporateNetwork
) -> None:
    proxy = network.proxy
    proxy.outage_after_bytes, proxy.outage_connections = HALF_WAY_BYTES, 1_000
    proxy.outage_answer = CREDENTIALS_WANTED
    with pytest.raises(AccessRefused, match="HTTP 407") as refused:
        place.run(job(place, network), max_concurrency=WORKERS)
    assert refused.value.status is None  # no answer of the API's: balance and key explain nothing
    proxy.outage_connections = 0
    report = place.run(job(place, network), max_concurrency=WORKERS)
    assert report.tally.ok == ROWS
    assert report.reused > 0
    assert paid_twice(place) <= WORKERS


def test_one_tunnel_serves_many_rows(place: Workplace, network: CorporateNetwork) -> None:
    assert place.run(job(place, network), max_concurrency=WORKERS).tally.ok == ROWS
    assert network.proxy.tunnels <= WORKERS
    assert KEY.encode() not in network.proxy.seen
    assert b"Ticket" not in network.proxy.seen
