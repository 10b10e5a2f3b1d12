"""Each status that is no success becomes the one error that says who acts next, by status alone."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aimlapi.api.messages.wire import decode_answer
from airflow_provider_aimlapi.errors import (
    AccessRefused,
    ApiError,
    ApiUnavailable,
    RequestRejected,
    Throttled,
)
from tests.contract.invariants import decoded
from tests.contract.samples import (
    HTML,
    JSON,
    PROBLEM,
    answer,
    documented,
    legacy_envelope,
    live_envelope,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = [
    (400, "Body validation error! Expected number, received string at top_k", RequestRejected),
    (
        400,
        "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
        RequestRejected,
    ),
    (401, "This request requires a valid API key. You can create one in settings.", AccessRefused),
    (403, "You've run out of credits. Please top up your balance.", AccessRefused),
    (404, "Cannot POST /v1/chat/completion", AccessRefused),
    (413, "Payload too large", RequestRejected),
    (422, "Unprocessable entity", RequestRejected),
    (429, "Too Many Requests", Throttled),
    (429, "Free-tier limit: You've reached your free limit for the hour.", Throttled),
    (500, "Internal server error", ApiUnavailable),
    (500, "Something wrong with the server. Please, try again later.", ApiUnavailable),
    (500, "The model is under maintenance, please try later", ApiUnavailable),
    (502, "Bad Gateway", ApiUnavailable),
    (503, "Service unavailable", ApiUnavailable),
    (504, "Generation timeout", ApiUnavailable),
]
CLASS_OF_STATUS: dict[int, type[ApiError]] = {
    status: error for status, _, error in TABLE
} | dict.fromkeys((501, 520, 524, 529, 599), ApiUnavailable)
UNREADABLE = {
    "empty": ("", b""),
    "HTML": (HTML, b"<html><head><title>Oops</title></head><body><h1>nginx</h1></body></html>"),
    "much HTML": (HTML, b"<!DOCTYPE html><p>" + b"sorry " * 200_000),
    "HTML as JSON": (JSON, b"<html></html>"),
    "cut JSON": (JSON, b'{"message": "Too ma'),
    "deep JSON": (JSON, b"[" * 200_000),
    "latin-1": (JSON, b'{"message": "\xe9"}'),
    "a list": (JSON, b"[1, 2]"),
    "null": (JSON, b"null"),
    "long number": (JSON, b'{"statusCode": ' + b"9" * 10_000 + b"}"),
    "binary": ("application/octet-stream", bytes(range(256))),
}


def envelopes(status: int, message: str) -> Iterator[tuple[dict[str, Any], str]]:
    yield legacy_envelope(status, message, as_text=False), JSON
    yield legacy_envelope(status, message, as_text=True), JSON
    yield live_envelope(status, message), PROBLEM


@pytest.mark.parametrize(("status", "message", "error"), TABLE)
def test_both_envelopes_give_class_words_and_the_request_id(status, message, error):
    for body, content_type in envelopes(status, message):
        received = answer(body, status=status, content_type=content_type)
        with pytest.raises(error) as caught:
            decode_answer(received)
        assert message in caught.value.in_full
        assert caught.value.status == status
        assert caught.value.request_id == "req-in-envelope"
        assert isinstance(caught.value, Throttled) is (status == 429)


def test_message_that_stands_only_in_inner_error_is_found():
    body = {"error": {"name": "TooManyRequests", "message": "Slow down, please"}}
    with pytest.raises(Throttled, match="Slow down, please"):
        decode_answer(answer(body, status=429, content_type=PROBLEM))


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.parametrize("status", CLASS_OF_STATUS)
def test_a_gateway_s_answer_is_judged_by_its_status(status, kind):
    content_type, body = UNREADABLE[kind]
    error = decoded(answer(body, status=status, content_type=content_type, request_id="req-1"))

    assert isinstance(error, CLASS_OF_STATUS[status])
    assert isinstance(error, Throttled) is (status == 429)
    assert str(status) in str(error)
    assert error.request_id == "req-1"


@pytest.mark.parametrize(
    ("status", "fix"), [(401, "key"), (403, "credit"), (404, "model")], ids=str
)
def test_refusal_without_a_message_names_what_to_check(status, fix):
    with pytest.raises(AccessRefused, match=f"(?i){fix}"):
        decode_answer(answer(b"", status=status, content_type=""))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_ends_run_because_key_must_not_travel_on(status):
    with pytest.raises(AccessRefused) as caught:
        decode_answer(answer(b"", status=status, content_type=""))
    assert caught.value.status == status


@pytest.mark.parametrize("status", [402, 405, 408, 409, 410, 415, 418, 425, 431, 451])
def test_undocumented_status_is_one_of_our_errors(status):
    assert isinstance(decoded(answer(b"", status=status, content_type="")), ApiError)


def test_http_status_decides_instead_of_the_body():
    body = legacy_envelope(429, "Too Many Requests", as_text=False)
    with pytest.raises(AccessRefused):
        decode_answer(answer(body, status=403))
    with pytest.raises(ApiUnavailable) as caught:
        decode_answer(answer(documented(), status=500))
    assert caught.value.status == 500


@pytest.mark.parametrize("message", [None, 17, {"text": "no"}, ["no"], "", " \n"])
@pytest.mark.parametrize("field", ["message", "requestId", "statusCode", "error", "title"])
def test_field_of_unforeseen_kind_does_not_hide_the_status(field, message):
    for body, content_type in envelopes(503, "Service unavailable"):
        received = answer(body | {field: message}, status=503, content_type=content_type)
        assert isinstance(decoded(received), ApiUnavailable)


@pytest.mark.parametrize("length", [10_000, 1_000_000])
def test_a_message_has_a_limit(length):
    body = legacy_envelope(400, "Body validation error! " + "x" * length, as_text=False)
    error = decoded(answer(body, status=400))
    assert isinstance(error, RequestRejected)
    assert "Body validation error!" in error.in_full
    assert len(error.in_full) < 400


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500])
def test_a_failed_request_is_billed_nothing(status):
    body = live_envelope(status, "No")
    error = decoded(answer(body, status=status, content_type=PROBLEM))
    assert isinstance(error, ApiError)
    assert not error.is_perhaps_billed


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_number_of_seconds_in_retry_after_is_kept(status):
    with pytest.raises(ApiUnavailable) as caught:
        decode_answer(answer(b"", status=status, retry_after="12"))
    assert caught.value.retry_after_s == 12


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", ["", "soon", "-5", "nan", "inf", "1e999", "9" * 5000, "\u0663"])
def test_wrong_retry_after_neither_stops_nor_hurries_a_run(status, value):
    error = decoded(answer(b"", status=status, retry_after=value))
    assert isinstance(error, ApiUnavailable)
    wait_s = error.retry_after_s
    assert wait_s is None or (math.isfinite(wait_s) and wait_s >= 0)


def test_without_retry_after_nothing_is_made_up():
    with pytest.raises(Throttled) as caught:
        decode_answer(answer(json.dumps({"message": "Too Many Requests"}).encode(), status=429))
    assert caught.value.retry_after_s is None
