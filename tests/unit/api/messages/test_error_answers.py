"""From a status to the error that says who must act, and the words that it carries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.api.messages.error_answers import error_of, parse_retry_after
from airflow_provider_aimlapi.errors import (
    AccessRefused,
    ApiError,
    ApiUnavailable,
    RequestRejected,
    Throttled,
    WireViolation,
)

LEGACY = {
    "message": "Body validation error! Expected: string",
    "path": "/v1/chat/completions",
    "requestId": "legacy-1",
    "statusCode": "400",
    "timestamp": "2026-08-30T00:00:00Z",
}
LIVE = {
    "title": "Unauthorized",
    "status": 401,
    "message": "This request requires a valid API key.",
    "instance": "/v1/chat/completions",
    "requestId": "live-1",
    "timestamp": "2026-08-30T00:00:00Z",
    "error": {"name": "UnauthorizedException", "message": "nested"},
}


def error_for(status: int, body: Any = LEGACY, **fields: Any) -> ApiError:
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    return error_of(Answer(status=status, body=encoded, **fields))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (101, WireViolation),
        (301, AccessRefused),
        (304, AccessRefused),
        (308, AccessRefused),
        (400, RequestRejected),
        (401, AccessRefused),
        (402, AccessRefused),
        (403, AccessRefused),
        (404, AccessRefused),
        (405, AccessRefused),
        (408, ApiUnavailable),
        (409, ApiUnavailable),
        (413, RequestRejected),
        (418, RequestRejected),
        (421, ApiUnavailable),
        (422, RequestRejected),
        (423, ApiUnavailable),
        (425, ApiUnavailable),
        (429, Throttled),
        (500, ApiUnavailable),
        (503, ApiUnavailable),
        (529, ApiUnavailable),
        (600, WireViolation),
        (999, WireViolation),
    ],
)
def test_each_status_has_its_kind(status: int, kind: type[ApiError]) -> None:
    error = error_for(status)
    assert type(error) is kind
    assert error.status == status
    assert f"HTTP {status}" in str(error)


@pytest.mark.parametrize(
    ("status", "remedies"),
    [
        (401, ["valid key", "password"]),
        (403, ["op up", "USD threshold", "00:00 UTC", "model:chat", "firewall"]),
        (404, ["model's id", "base URL"]),
        (405, ["base URL"]),
        (307, ["Put the new base URL", "host"]),
    ],
)
def test_a_refusal_of_access_says_what_to_do(status: int, remedies: list[str]) -> None:
    text = str(error_for(status))
    assert [remedy for remedy in remedies if remedy not in text] == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (LEGACY, "Body validation error! Expected: string"),
        (LIVE, "This request requires a valid API key."),
        ({"error": {"message": "nested only"}}, "nested only"),
        ({"error": "a word"}, "a word"),
        ({"detail": "asgi style"}, "asgi style"),
        ({"title": "Bad Request"}, "Bad Request"),
        ({"message": ["first must be", "second must be"]}, "first must be second must be"),
        ({"message": {"unexpected": 1}, "title": "Odd"}, "Odd"),
        (b"Too Many\r\nRequests\x00\x1b[31m", "Too Many Requests [31m"),
        (
            b"<!DOCTYPE html><html><TITLE>502\n Bad Gateway</TITLE><p>long</p></html>",
            "502 Bad Gateway",
        ),
    ],
)
def test_the_apis_words_are_found_in_every_envelope(body: Any, said: str) -> None:
    assert error_for(400, body).in_full == f"HTTP 400: {said}"


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"<title>never closed", {"a": 1}])
def test_where_nothing_is_said_the_status_alone_is_told(body: Any) -> None:
    assert str(error_for(500, body)) == "HTTP 500"


def test_message_is_cut_and_has_only_printable_characters() -> None:
    text = error_for(400, {"message": "\u202eabc\u200b " + "prompt " * 10_000}).in_full
    assert len(text) <= 320
    assert text.isprintable()
    assert text.endswith("…")


@pytest.mark.parametrize("secret", ["Bearer abcdef123456", "sk-abcdef123456"])
def test_what_looks_like_a_key_is_taken_out(secret: str) -> None:
    text = error_for(401, {"message": f"Invalid key: {secret}!"}).in_full
    assert "abcdef123456" not in text


@pytest.mark.parametrize(
    ("header", "body", "request_id"),
    [
        ("header-1", LEGACY, "header-1"),
        (None, LEGACY, "legacy-1"),
        (None, LIVE, "live-1"),
        (None, b"<html>", None),
        (None, {"requestId": 5}, None),
    ],
)
def test_the_request_id_comes_from_header_or_envelope(
    header: str | None, body: Any, request_id: Any
) -> None:
    assert error_for(500, body, request_id=header).request_id == request_id


@pytest.mark.parametrize(
    ("status", "body", "is_perhaps_billed"),
    [
        (500, LEGACY, False),
        (504, LIVE, False),
        (502, b"<html><title>Bad Gateway</title></html>", True),
        (524, b"", True),
        (429, b"", False),
        (400, b"", False),
        (403, LIVE, False),
    ],
)
def test_only_a_gateways_failure_may_have_cost(
    status: int, body: Any, is_perhaps_billed: bool
) -> None:
    assert error_for(status, body).is_perhaps_billed is is_perhaps_billed


@pytest.mark.parametrize(
    ("value", "delay_s"),
    [
        (None, None),
        ("3", 3.0),
        ("0", 0.0),
        (" 1.5 ", 1.5),
        ("86400", 300.0),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_in_seconds_with_a_cap(value: str | None, delay_s: float | None) -> None:
    assert parse_retry_after(value) == delay_s


DATE = "Wed, 21 Oct 2026 07:28:00 GMT"
AT_S = 1_792_567_680.0


@pytest.mark.parametrize(
    ("value", "delay_s"),
    [
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
        ("Wednesday, 21-Oct-26 07:28:30 GMT", 30.0),
        ("Wed Oct 21 07:28:30 2026", 30.0),
        ("Wed, 21 Oct 2026 09:28:30 +0200", 30.0),
        (DATE, 0.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 300.0),
        ("Wed, 99 Oct 2026 07:28:00 GMT", None),
        ("Wed, 21 Oct 2026", None),
        ("tomorrow, at 07:28:30", None),
        ("Wed, 21 Oct 99999999 07:28:00 GMT", None),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
        ("2026-10-21T07:28:30Z", None),
    ],
)
@pytest.mark.parametrize(
    ("date", "wall_s"), [(DATE, None), (DATE, AT_S + 7_200.0), (None, AT_S), ("never", AT_S)]
)
def test_retry_after_as_date_counts_from_the_answers_own(
    value: str, delay_s: float | None, date: str | None, wall_s: float | None
) -> None:
    assert parse_retry_after(value, date=date, wall_s=wall_s) == delay_s


def test_retry_after_date_without_a_clock_is_ignored() -> None:
    assert parse_retry_after(DATE) is None


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_reaches_the_error(status: int) -> None:
    error = error_for(status, retry_after="7")
    assert isinstance(error, ApiUnavailable)
    assert error.retry_after_s == 7.0
    dated = error_for(status, retry_after="Wed, 21 Oct 2026 07:28:07 GMT", date=DATE)
    assert isinstance(dated, ApiUnavailable)
    assert dated.retry_after_s == 7.0


def test_the_free_tiers_message_is_passed_on() -> None:
    said = "Free-tier limit: You've reached your free limit for the hour."
    error = error_for(429, {"message": said})
    assert isinstance(error, Throttled)
    assert said in error.in_full
    assert "Free-tier limit: You've reached your free limit for the hour" in str(error)


def test_error_text_leaves_the_apis_other_words_out() -> None:
    body = {"message": "max_tokens: Ada was admitted on Monday", "requestId": "Ada, Monday"}
    error = error_for(400, body)
    assert str(error) == "HTTP 400: max_tokens …"
    assert error.in_full == "HTTP 400: max_tokens: Ada was admitted on Monday"
    assert (repr(error), error.args) == (f"RequestRejected('{error}')", (str(error),))
    assert error.request_id is None


def test_a_page_made_of_titles_costs_no_time() -> None:
    assert str(error_for(502, b"<title" * 700_000)) == "HTTP 502"
