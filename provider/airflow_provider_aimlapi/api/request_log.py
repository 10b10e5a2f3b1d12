"""`GET /v2/logs`: the requests that the API received, with their charges, page by page. Costs nothing.

It does not retry and does not limit its rate: the engine does both.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx

from airflow_provider_aimlapi.api.http.exchange import exchange
from airflow_provider_aimlapi.api.http.request_headers import headers_for
from airflow_provider_aimlapi.api.messages.error_answers import error_of
from airflow_provider_aimlapi.api.messages.error_messages import read_envelope
from airflow_provider_aimlapi.api.messages.json_values import (
    JsonObject,
    as_count,
    as_list,
    as_object,
    as_text,
    as_word,
)
from airflow_provider_aimlapi.api.messages.key_removal import KeyRemoval
from airflow_provider_aimlapi.core.money.pricing import nano_usd_from_credits, nano_usd_from_usd
from airflow_provider_aimlapi.core.money.reconciliation import LogPage, LogRow
from airflow_provider_aimlapi.errors import WireViolation

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint

LOGS_PATH = "/v2/logs"
PAGE_ROWS_MAX = 100
# A page of an old range may be slow, and a command can wait for it.
LOG_TIMEOUT_S = 60.0
_US_PER_S = 1_000_000


async def fetch_log_page(
    endpoint: Endpoint,
    transport: httpx.AsyncBaseTransport,
    time_range_us: tuple[int, int],
    *,
    offset: int,
    rows_max: int = PAGE_ROWS_MAX,
) -> LogPage:
    """Fetch one page of the requests that were made with the endpoint's key.

    Args:
        time_range_us: the first and last moment, in microseconds since 1970, UTC; at most 92 days.
        offset: rows to skip, counted from the newest.
        rows_max: the most rows of a page, 1 to 100.

    Raises:
        ApiError: no page was returned; `Throttled` above 200 requests per minute.
    """
    start, end = map(_iso_moment, time_range_us)
    parameters: dict[str, str | int] = {
        "start": start,
        "end": end,
        "limit": rows_max,
        "offset": offset,
    }
    request = httpx.Request(
        "GET", endpoint.url_of_path(LOGS_PATH), params=parameters, headers=headers_for(endpoint)
    )
    answer = await exchange(
        transport, request, timeout_s=LOG_TIMEOUT_S, key_removal=KeyRemoval(endpoint.key)
    )
    if not answer.is_success:
        raise error_of(answer)
    payload = read_envelope(answer.body)
    if not isinstance(payload.get("data"), list):
        raise WireViolation(
            f"{LOGS_PATH} answered HTTP {answer.status} without a list of requests. Is it the API's "
            "base URL?",
            status=answer.status,
            request_id=answer.request_id,
        )
    return _page_of_log(payload, rows_max)


def _page_of_log(payload: JsonObject, rows_max: int) -> LogPage:
    rows = tuple(_row_of_log(as_object(row)) for row in as_list(payload["data"]))
    pagination = as_object(payload.get("pagination"))
    has_more = pagination.get("has_more")
    return LogPage(
        rows=rows,
        # Without the field, a full page may have a next one. An empty one ends the reading.
        has_more=has_more if isinstance(has_more, bool) else len(rows) >= rows_max,
        total=as_count(pagination.get("total")),
    )


def _row_of_log(row: JsonObject) -> LogRow:
    return LogRow(
        client_request_id=as_word(row.get("client_request_id")),
        inference_id=as_word(row.get("inference_id")),
        request_id=as_word(row.get("request_id")),
        created_us=_moment_us(as_text(row.get("created"))),
        cost_nano_usd=_reported_charge(as_object(row.get("cost"))),
    )


def _reported_charge(cost: JsonObject) -> int | None:
    """Return the charge, in the order of preference that answers have: dollars, then credits."""
    readings: tuple[tuple[Callable[[str | float | None], int | None], str], ...] = (
        (nano_usd_from_usd, "usd"),
        (nano_usd_from_credits, "credits"),
    )
    for read, field in readings:
        amount = cost.get(field)
        charge = read(amount) if isinstance(amount, (str, int, float)) else None
        if charge is not None:
            return charge
    return None


def _moment_us(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * _US_PER_S)


def _iso_moment(moment_us: int) -> str:
    return datetime.fromtimestamp(moment_us / _US_PER_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
