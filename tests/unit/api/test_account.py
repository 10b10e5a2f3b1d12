"""Balance and key, asked for over HTTP and told in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aimlapi.api.account import Account, describe_account, fetch_account
from airflow_provider_aimlapi.api.http.transport import open_transport
from airflow_provider_aimlapi.errors import AccessRefused, ApiUnavailable, WireViolation
from tests.unit.api.raw_server import KEY, RawServer, http_answer

if TYPE_CHECKING:
    import asyncio

BILLING = {"current_balance": 123.45, "currency": "USD"}
KEY_DATA = {
    "disabled": False,
    "prefix": "b747e891",
    "scopes": None,
    "limit": {"retention": "month", "threshold": 25},
    "monthly_usage": 3.2,
}
LIVE_401 = {"title": "Unauthorized", "status": 401, "message": "No such key.", "requestId": "r1"}


def api(billing: bytes, key: bytes) -> RawServer:
    """A server that knows the two paths and nothing else."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await server.read_request(reader)
            paths = {b"/v2/billing": billing, b"/v1/key": key}
            writer.write(paths[request.split()[1]])

    server = RawServer(script)
    return server


def ok(payload: Any) -> bytes:
    return http_answer(json.dumps(payload).encode())


async def account_from(server: RawServer) -> Account:
    async with server, open_transport(connections_max=1) as transport:
        return await fetch_account(server.endpoint, transport)


async def test_balance_and_key_are_asked_for_with_two_gets() -> None:
    server = api(ok(BILLING), ok({"data": KEY_DATA}))
    account = await account_from(server)
    words = "Connected. Balance 123.45 USD. Key limit 25 USD a month, 3.20 used."
    assert describe_account(account) == words
    assert account.is_ready
    assert [request.split()[:2] for request in server.requests] == [
        [b"GET", b"/v2/billing"],
        [b"GET", b"/v1/key"],
    ]
    assert all(f"Bearer {KEY}".encode() in request for request in server.requests)


@pytest.mark.parametrize(
    ("changes", "words", "is_ready"),
    [
        ({}, "Balance 9.50 USD.", True),
        ({"balance": 1234.5}, "Balance 1,234.50 USD.", True),
        ({"balance": None}, "Connected.", True),
        ({"balance": 0.0}, "Balance 0.00 USD. Top up at", False),
        ({"balance": -3.1}, "Balance -3.10 USD. Top up at", False),
        ({"limit_usd": 25.5, "limit_period": "day"}, "Key limit 25.50 USD a day.", True),
        (
            {"limit_usd": 25.0, "limit_period": "week", "month_usd": 30.0},
            "Key limit 25 USD a week, 30.00 used this month.",
            True,
        ),
        (
            {"limit_usd": 25.0, "limit_period": "no_reset", "month_usd": 3.2},
            "Key limit 25 USD in all, 3.20 used this month.",
            True,
        ),
        ({"limit_usd": 25.0, "limit_period": "fortnight"}, "Key limit 25 USD.", True),
        (
            {"limit_usd": 25.0, "limit_period": "month", "month_usd": 25.0},
            "The key has used up its limit",
            False,
        ),
        ({"is_disabled": True}, "The key is disabled", False),
        ({"scopes": ("model:image",)}, "The key lacks the scope model:chat", False),
        ({"scopes": ()}, "The key lacks the scope model:chat", False),
        ({"scopes": ("model:chat", "model:image")}, "Connected.", True),
        ({"gaps": ("The key could not be fetched: HTTP 500",)}, "HTTP 500", True),
    ],
)
def test_each_variant_has_its_words(changes: dict[str, Any], words: str, is_ready: bool) -> None:
    account = Account(**{"balance": 9.5, **changes})
    assert words in describe_account(account)
    assert describe_account(account).startswith("Connected.")
    assert account.is_ready is is_ready


async def test_a_key_without_a_limit() -> None:
    account = await account_from(api(ok(BILLING), ok({"data": {**KEY_DATA, "limit": None}})))
    assert describe_account(account) == "Connected. Balance 123.45 USD."


async def test_one_question_without_an_answer_still_gives_words() -> None:
    server = api(http_answer(b"", status="503 Unavailable"), ok({"data": KEY_DATA}))
    account = await account_from(server)
    assert account.balance is None
    words = describe_account(account)
    assert "Key limit 25 USD a month" in words
    assert "The balance could not be fetched: HTTP 503" in words


@pytest.mark.parametrize(
    "payload", [{}, {"data": None}, {"data": {"limit": 3, "scopes": 5}}, {"data": []}]
)
async def test_a_key_of_another_shape_still_gives_the_balance(payload: Any) -> None:
    account = await account_from(api(ok(BILLING), ok(payload)))
    assert "Balance 123.45 USD." in describe_account(account)


async def test_a_refused_key_says_what_to_do() -> None:
    refused = http_answer(json.dumps(LIVE_401).encode(), status="401 Unauthorized")
    with pytest.raises(AccessRefused, match="No such key") as failed:
        await account_from(api(refused, refused))
    assert failed.value.request_id == "r1"
    assert "password" in str(failed.value)


async def test_a_web_page_at_the_base_url_is_told() -> None:
    page = http_answer(b"<html>Welcome</html>", content_type="text/html")
    with pytest.raises(WireViolation, match="base URL"):
        await account_from(api(page, page))


async def test_no_server_at_all() -> None:
    server = api(ok(BILLING), ok({"data": KEY_DATA}))
    async with server:
        endpoint = server.endpoint
    async with open_transport(connections_max=1) as transport:
        with pytest.raises(ApiUnavailable, match="No connection"):
            await fetch_account(endpoint, transport)


DAILY = {"balance": 9.5, "limit_usd": 5.0, "limit_period": "day", "month_usd": 60.0}


@pytest.mark.parametrize(
    ("changes", "is_explained"),
    [
        ({}, True),
        ({"month_usd": None}, True),
        ({"month_usd": 4.99}, False),
        ({"limit_period": "month"}, False),
        ({"limit_usd": None}, False),
        ({"balance": 0.0}, False),
        ({"balance": None}, False),
        ({"is_disabled": True}, False),
        ({"scopes": ("model:embed",)}, False),
    ],
)
def test_refusal_means_a_daily_limit_without_another_reason(
    changes: dict[str, Any], *, is_explained: bool
) -> None:
    assert Account(**{**DAILY, **changes}).explains_refusal_until_midnight is is_explained
