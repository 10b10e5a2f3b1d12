"""A page in the browser of this machine's user neither reads nor changes the simulator."""

from __future__ import annotations

import pytest

from aimlapi_simulator.http.web_pages import is_from_web_page
from tests.simulator.conftest import Playground, body_of

CALLS = [
    ("GET", "/_simulator/script"),
    ("GET", "/_simulator/ledger"),
    ("GET", "/_simulator/stats"),
    ("PUT", "/_simulator/script"),
    ("POST", "/_simulator/script"),
    ("POST", "/_simulator/clock"),
    ("POST", "/_simulator/reset"),
    ("POST", "/v1/chat/completions"),
    ("GET", "/v1/models"),
    ("GET", "/v2/billing"),
    ("GET", "/v2/logs"),
    ("POST", "/v1/batches"),
    ("OPTIONS", "/v1/chat/completions"),
    ("GET", "/nowhere"),
]
PAGES = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Host": "evil.example"},
    {"Host": "evil.example:8123"},
]


@pytest.mark.parametrize("headers", PAGES)
@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_a_web_page_is_refused(
    method: str, path: str, headers: dict[str, str], play: Playground
) -> None:
    before = play.sim.stats()
    answer = await play.http.request(method, path, headers=headers, json=body_of())
    assert answer.status_code == 403
    assert "Web pages are refused" in answer.json()["message"]
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert play.sim.stats() == before


@pytest.mark.parametrize(
    "host",
    [
        "",
        "127.0.0.1",
        "127.0.0.1:8123",
        "10.1.2.3:80",
        "[::1]:8123",
        "[::ffff:127.0.0.1]",
        "localhost:8123",
        "LOCALHOST",
        "simulator",
        "simulator:8123",
        "api.localhost:8123",
        "host.docker.internal:8123",
    ],
)
def test_a_program_is_served_by_address_or_private_name(host: str) -> None:
    assert not is_from_web_page(origin="", host=host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "EVIL.example:8123",
        "evil.example.",
        "127.0.0.1.evil.example",
        "127-0-0-1.evil.example:80",
        "localhost.evil.example",
        "internal.evil.example",
        "[::1].evil.example",
        "a.evilinternal",
        "1.2.3.4.5",
    ],
)
def test_a_public_name_is_taken_for_a_page(host: str) -> None:
    assert is_from_web_page(origin="", host=host)
