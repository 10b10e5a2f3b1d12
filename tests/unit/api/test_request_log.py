"""One page of the log, asked for over HTTP: what goes out, and what is made of what comes back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider_aimlapi.api.http.transport import open_transport
from airflow_provider_aimlapi.api.request_log import fetch_log_page
from airflow_provider_aimlapi.core.money.reconciliation import LogPage, LogRow
from airflow_provider_aimlapi.errors import (
    AccessRefused,
    ApiError,
    RequestRejected,
    Throttled,
    WireViolation,
)
from tests.unit.api.raw_server import KEY, RawServer, http_answer

if TYPE_CHECKING:
    import asyncio

NOON_US = 1_772_366_400_000_000  # 2026-03-01 12:00 UTC
ROW = {
    "created": "2026-03-01T12:00:00.250Z",
    "status": "succeeded",
    "origin": "api",
    "model": "anthropic/claude-sonnet-4-6-20260218",
    "cost": {"usd": 0.0003275, "credits": 655},
    "tokens": {"input": 10, "output": 20, "total": 30},
    "request_id": "req-1",
    "inference_id": "inf-1",
    "client_request_id": "customer-42",
}
PAGINATION = {"limit": 100, "offset": 0, "total": 250, "has_more": True}


def server_of(answer: bytes) -> RawServer:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.read_request(reader)
            writer.write(answer)

    server = RawServer(script)
    return server


async def page_from(answer: bytes) -> LogPage:
    async with server_of(answer) as server, open_transport(connections_max=1) as transport:
        window = (NOON_US, NOON_US + 60_000_000)
        return await fetch_log_page(server.endpoint, transport, window, offset=200)


def ok(payload: Any) -> bytes:
    return http_answer(json.dumps(payload).encode())


async def test_what_is_asked() -> None:
    server = server_of(ok({"data": [], "pagination": PAGINATION}))
    async with server, open_transport(connections_max=1) as transport:
        window = (NOON_US, NOON_US + 60_000_000)
        await fetch_log_page(server.endpoint, transport, window, offset=200, rows_max=50)
    [request] = server.requests
    method, target, _ = request.split(b"\r\n")[0].decode().split(" ")
    assert method == "GET"
    assert urlsplit(target).path == "/v2/logs"
    assert parse_qs(urlsplit(target).query) == {
        "start": ["2026-03-01T12:00:00Z"],
        "end": ["2026-03-01T12:01:00Z"],
        "limit": ["50"],
        "offset": ["200"],
    }
    assert f"Bearer {KEY}".encode() in request
    assert KEY not in target


async def test_a_page_as_documented() -> None:
    page = await page_from(ok({"data": [ROW], "pagination": PAGINATION}))
    assert (page.has_more, page.total) == (True, 250)
    assert page.rows == (
        LogRow(
            client_request_id="customer-42",
            inference_id="inf-1",
            request_id="req-1",
            created_us=NOON_US + 250_000,
            cost_nano_usd=327_500,
        ),
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"cost": {"usd": "0.000327500"}}, {"cost_nano_usd": 327_500}),
        ({"cost": {"credits": 655}}, {"cost_nano_usd": 327_500}),
        ({"cost": {"usd": 0, "credits": 0}}, {"cost_nano_usd": 0}),
        ({"cost": None}, {"cost_nano_usd": None}),
        ({"cost": {"usd": "much", "credits": -3}}, {"cost_nano_usd": None}),
        ({"cost": {"usd": True}}, {"cost_nano_usd": None}),
        ({"client_request_id": None}, {"client_request_id": None}),
        ({"request_id": 7, "inference_id": None}, {"request_id": None, "inference_id": None}),
        ({"created": "2026-03-01T12:00:00"}, {"created_us": NOON_US}),
        ({"created": "2026-03-01T13:00:00+01:00"}, {"created_us": NOON_US}),
        ({"created": "yesterday"}, {"created_us": 0}),
        ({"created": None}, {"created_us": 0}),
    ],
)
async def test_rows_of_other_shapes(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    page = await page_from(ok({"data": [{**ROW, **changes}], "pagination": PAGINATION}))
    [row] = page.rows
    assert {name: getattr(row, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("rows", "pagination", "has_more"),
    [(100, None, True), (99, None, False), (1, {"has_more": "yes"}, False), (0, {}, False)],
)
async def test_pages_that_do_not_say_whether_there_are_more(
    rows: int, pagination: Any, has_more: bool
) -> None:
    page = await page_from(ok({"data": [ROW] * rows, "pagination": pagination}))
    assert (page.has_more, page.total) == (has_more, None)


async def test_rows_that_are_no_objects_are_rows_without_name() -> None:
    page = await page_from(ok({"data": [None, 3, [], {}], "pagination": PAGINATION}))
    assert [row.client_request_id for row in page.rows] == [None] * 4


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (http_answer(b"", status="429 Too Many Requests"), Throttled),
        (http_answer(b"", status="401 Unauthorized"), AccessRefused),
        (http_answer(b'{"message": "no such window"}', status="400 Bad"), RequestRejected),
        (http_answer(b"<html>Welcome</html>", content_type="text/html"), WireViolation),
        (http_answer(b"{}"), WireViolation),
        (http_answer(b'{"data": {"rows": []}}'), WireViolation),
    ],
)
async def test_what_is_no_page_is_an_error(answer: bytes, error: type[ApiError]) -> None:
    with pytest.raises(error) as failed:
        await page_from(answer)
    assert KEY not in str(failed.value)
