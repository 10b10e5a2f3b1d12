"""Balance, key, transactions and logs of the one account."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

import msgspec

from aimlapi_simulator.catalogue import BY_ID
from aimlapi_simulator.clock import iso_time
from aimlapi_simulator.http.message import Request, Response, json_response
from aimlapi_simulator.http.query import (
    BadQuery,
    all_values,
    last_value,
    listed_values,
    moment_s,
    period_s,
    whole_number,
)
from aimlapi_simulator.pricing import CREDITS_PER_USD, usd_of

if TYPE_CHECKING:
    from aimlapi_simulator.ledger import Record
    from aimlapi_simulator.state import State

_DAY_S = 86_400.0
_LOG_WINDOW_S_MAX = 92 * _DAY_S
_LOG_READS_MAX = 200
"""The only limit that the real API publishes."""
_LOG_READS_WINDOW_S = 60.0
_MODELS_MAX = 50
_PREFIX_CHARACTERS = 8
_OFFSET_MAX = 10_000_000
"""More than the ledger holds."""
_TYPES = (
    "PAYMENT",
    "BONUS",
    "REFUND",
    "ADJUSTMENT",
    "MODEL_USAGE",
    "CREDITS_EXPIRED",
    "INIT",
)

Parameters = list[tuple[str, str]]


class Billing:
    """The endpoints about money."""

    def __init__(self, state: State) -> None:
        self._state = state

    def answer_balance(self, _request: Request, _request_id: str) -> Response:
        """Answer `GET /v2/billing`."""
        self._state.settle_batches()
        usd = usd_of(self._state.credits_left())
        return json_response({"current_balance": usd, "currency": "USD"})

    def answer_key(self, request: Request, _request_id: str) -> Response:
        """Answer `GET /v1/key`."""
        self._state.settle_batches()
        account = self._state.script.account
        limit = None
        if account.key_limit_usd is not None:
            limit = {"retention": account.key_limit_retention, "threshold": account.key_limit_usd}
        # The key is as old as the simulator, and changes never.
        started = iso_time(self._state.started_at_s)
        data = {
            "name": "simulated key",
            "disabled": account.is_key_disabled,
            "prefix": _key_prefix(request),
            "scopes": ["model:chat"],
            "limit": limit,
            "created_at": started,
            "updated_at": started,
            "monthly_usage": self._state.key_usd("month"),
        }
        return json_response({"data": data})

    def answer_transactions(self, request: Request, request_id: str) -> Response:
        """Answer `GET /v2/billing/transactions`: a page of movements, the newest first."""
        self._state.settle_batches()
        try:
            body = self._page_of_transactions(request.query_parameters())
        except BadQuery as error:
            return self._bad_request(str(error), request, request_id)
        return json_response(body)

    def _page_of_transactions(self, parameters: Parameters) -> dict[str, Any]:
        limit = whole_number(parameters, "limit", 50, 1, 100)
        directions = listed_values(parameters, "direction", ("TOPUP", "CHARGE"))[-1:]
        types = listed_values(parameters, "type", _TYPES)[-1:]
        since_s, until_s = _read_span(parameters)
        entries = self._list_entries()
        cursor = last_value(parameters, "cursor")
        # Entries are only appended, so that a position stays valid while new ones arrive. One entry
        # more than the page holds shows whether there is a next page.
        position = len(entries) if cursor is None else min(_position_of(cursor), len(entries))
        page: list[dict[str, Any]] = []
        while position > 0 and len(page) <= limit:
            position -= 1
            at_s, entry = entries[position]
            is_wanted = (not directions or entry["direction"] in directions) and (
                not types or entry["type"] in types
            )
            if is_wanted and since_s <= at_s < until_s:
                page.append(entry | {"position": position})
        has_more = len(page) > limit
        page = page[:limit]
        next_cursor = _cursor_at(page[-1]["position"]) if has_more else None
        for entry in page:
            del entry["position"]
        return {"data": page, "pagination": {"next_cursor": next_cursor, "has_more": has_more}}

    def _list_entries(self) -> list[tuple[float, dict[str, Any]]]:
        """Return all movements that the account shows by now, oldest first."""
        state = self._state
        paid_in = round(state.script.account.balance_usd * CREDITS_PER_USD)
        first = _make_entry(state.started_at_s, "TOPUP", "PAYMENT", paid_in, None, "pay-1")
        landed_s = state.clock.now_s() - state.script.ledger_delay_s
        charges = [
            _make_entry(
                r.at_s, "CHARGE", "MODEL_USAGE", r.credits, _canonical_id(r.model), r.inference_id
            )
            for r in state.ledger.billed
            if r.at_s <= landed_s
        ]
        return [first, *charges]

    def answer_logs(self, request: Request, request_id: str) -> Response:
        """Answer `GET /v2/logs`, at most 200 times a minute."""
        state = self._state
        state.settle_batches()
        now_s = state.clock.now_s()
        # A sliding window: the times of the last reads that were not refused.
        reads_s = state.log_reads_s
        while reads_s and reads_s[0] <= now_s - _LOG_READS_WINDOW_S:
            reads_s.popleft()
        if len(reads_s) >= _LOG_READS_MAX:
            return state.error_response(
                status=429, message="Too Many Requests", path=request.path, request_id=request_id
            )
        reads_s.append(now_s)
        try:
            body = self._page_of_logs(request, now_s)
        except BadQuery as error:
            return self._bad_request(str(error), request, request_id)
        return json_response(body)

    def _page_of_logs(self, request: Request, now_s: float) -> dict[str, Any]:
        parameters = request.query_parameters()
        limit = whole_number(parameters, "limit", 50, 1, 100)
        offset = whole_number(parameters, "offset", 0, 0, _OFFSET_MAX)
        statuses = listed_values(parameters, "status", ("succeeded", "failed"))
        models = all_values(parameters, "model")
        if len(models) > _MODELS_MAX:
            raise BadQuery(f"at most {_MODELS_MAX} models")
        if last_value(parameters, "key_prefix") not in (None, _key_prefix(request)):
            raise BadQuery("listing the requests of a different key requires a management key")
        since_s, until_s = _log_window(parameters, now_s)
        # A call appears only after the delay, as in the real logs.
        until_s = min(until_s, now_s - self._state.script.ledger_delay_s)
        rows = [
            record
            for record in self._state.ledger.newest_first()
            if record.inference_id is not None
            and record.model is not None
            and since_s <= record.at_s <= until_s
            and (not statuses or _log_status(record) in statuses)
            and (not models or not _filter_names(record.model).isdisjoint(models))
        ]
        page = [_log_row(record) for record in rows[offset : offset + limit]]
        has_more = offset + limit < len(rows)
        pagination = {"limit": limit, "offset": offset, "total": len(rows), "has_more": has_more}
        return {"data": page, "pagination": pagination}

    def _bad_request(self, message: str, request: Request, request_id: str) -> Response:
        return self._state.error_response(
            status=400, message=message, path=request.path, request_id=request_id
        )


def _key_prefix(request: Request) -> str:
    return request.header_value(b"authorization").partition(" ")[2][:_PREFIX_CHARACTERS]


def _canonical_id(model: str | None) -> str | None:
    known = BY_ID.get(model or "")
    return known.model_id if known is not None else model


def _filter_names(model: str) -> set[str]:
    """Return the names that a filter accepts: as sent and canonical, each with and without vendor."""
    names = {model, _canonical_id(model) or model}
    return names | {name.rpartition("/")[2] for name in names}


def _make_entry(
    at_s: float, direction: str, kind: str, credits_moved: int, model: str | None, reference: Any
) -> tuple[float, dict[str, Any]]:
    amount = {"usd": usd_of(credits_moved), "credits": credits_moved}
    return at_s, {
        "created_at": iso_time(at_s),
        "direction": direction,
        "type": kind,
        "amount": amount,
        "model": model,
        "reference_id": reference,
    }


def _read_span(parameters: Parameters) -> tuple[float, float]:
    texts = {name: last_value(parameters, name) for name in ("from", "to")}
    times = {
        name: moment_s(text, name, without_offset="refused")
        for name, text in texts.items()
        if text is not None
    }
    since_s, until_s = times.get("from", 0.0), times.get("to", float("inf"))
    if until_s <= since_s:
        raise BadQuery("to must be later than from")
    return since_s, until_s


def _log_window(parameters: Parameters, now_s: float) -> tuple[float, float]:
    # Either a period up to now, or both ends. Without any of them, the last day.
    period, start, end = (last_value(parameters, name) for name in ("period", "start", "end"))
    if period is not None and (start is not None or end is not None):
        raise BadQuery("provide either period or both start and end, never both")
    if (start is None) != (end is None):
        raise BadQuery("start must be used together with end")
    if start is not None and end is not None:
        since_s = moment_s(start, "start", without_offset="utc")
        until_s = moment_s(end, "end", without_offset="utc")
    else:
        since_s, until_s = now_s - period_s(period or "24h"), now_s
    if until_s < since_s:
        raise BadQuery("end must not be earlier than start")
    if until_s - since_s > _LOG_WINDOW_S_MAX:
        raise BadQuery("the window must not exceed 92 days")
    return since_s, until_s


def _cursor_at(position: int) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode({"v": 1, "p": position})).decode()


def _position_of(cursor: str) -> int:
    try:
        position = msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=dict[str, int])["p"]
    except (binascii.Error, ValueError, KeyError, msgspec.MsgspecError):
        raise BadQuery("cursor is accepted only in the exact form we issued") from None
    if position < 0 or _cursor_at(position) != cursor:
        raise BadQuery("cursor is accepted only in the exact form we issued")
    return position


def _log_status(record: Record) -> str:
    """Return `succeeded` for a call that was charged, also if its answer got lost."""
    return "succeeded" if record.credits else "failed"


def _log_row(record: Record) -> dict[str, Any]:
    tokens = record.prompt_tokens + record.completion_tokens
    return {
        # The logs have the start of a call, the ledger its end.
        "created": iso_time(record.at_s - record.duration_s),
        "status": _log_status(record),
        "origin": "api",
        "model": _canonical_id(record.model),
        "cost": {"usd": record.usd, "credits": record.credits},
        "tokens": {
            "input": record.prompt_tokens,
            "output": record.completion_tokens,
            "total": tokens,
        },
        "request_id": record.request_id,
        "inference_id": record.inference_id,
        "client_request_id": record.client_request_id,
    }
