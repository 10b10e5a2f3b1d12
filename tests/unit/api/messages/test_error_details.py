"""What was wrong, and where, out of the details of an envelope and out of a vendor's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_aimlapi.api.messages.error_details import (
    DETAILS_MAX,
    EXPLANATION_CHARACTERS_MAX,
    explained_error,
)
from airflow_provider_aimlapi.api.messages.error_messages import read_envelope
from airflow_provider_aimlapi.api.messages.key_removal import ERROR_BYTES_MAX

PREFILL = "This model does not support assistant message prefill."
VENDOR = {"type": "error", "error": {"type": "invalid_request_error", "message": PREFILL}}
PASSED_ON = f"400 {json.dumps(VENDOR)}"


def explanation(envelope: Any) -> str:
    body = envelope if isinstance(envelope, bytes) else json.dumps(envelope).encode()
    return explained_error(body, read_envelope(body))


def failed(*details: Any, message: str = "Validation failed") -> dict[str, Any]:
    error = {"name": "BadRequestException", "message": message, "details": list(details)}
    return {"status": 400, "message": message, "error": error}


@pytest.mark.parametrize(
    ("details", "words"),
    [
        (
            [{"path": "temperature", "reason": "Expected: float <= 1."}],
            "temperature: Expected: float <= 1.",
        ),
        (
            [{"path": "a", "reason": "one"}, {"path": "b[0].c", "reason": "two"}],
            "a: one; b[0].c: two",
        ),
        ([{"path": ["messages", 0, "role"], "reason": "wrong"}], "messages.0.role: wrong"),
        ([{"loc": ["body", "top_k"], "msg": "too low"}], "body.top_k: too low"),
        ([{"param": "stop", "message": ["no", "list"]}], "stop: no list"),
        ([{"path": "metadata"}], "metadata"),
        ([{"reason": "too long"}], "too long"),
        (["first", "second"], "first; second"),
        ([{"path": "a", "reason": "one"}] * 3, "a: one"),
        ([{"path": "a", "reason": PASSED_ON}], f"a: {PREFILL}"),
    ],
)
def test_details_follow_the_message(details: list[Any], words: str) -> None:
    assert explanation(failed(*details)) == f"Validation failed: {words}"
    assert explanation({"message": "Validation failed", "details": details}) == (
        f"Validation failed: {words}"
    )
    assert explanation({"errors": details}) == words


@pytest.mark.parametrize("details", [None, [], {}, "", 7, [None, 7, {}, {"path": 7}, [], ""]])
def test_details_of_no_use_are_passed_over(details: Any) -> None:
    envelope = {"message": "Validation failed", "error": {"details": details}}
    assert explanation(envelope) == "Validation failed"


def test_a_detail_that_the_message_repeats_stands_once() -> None:
    envelope = failed({"path": "top_k", "reason": "too low"}, message="top_k: too low")
    assert explanation(envelope) == "top_k: too low"


@pytest.mark.parametrize(
    "text",
    [
        PASSED_ON,
        json.dumps(VENDOR),
        f"Error code: 400 - {json.dumps(VENDOR)}",
        f"HTTP 400: {json.dumps(VENDOR)}",
        f"  400\n{json.dumps(VENDOR)}\n",
        json.dumps({"message": PASSED_ON}),
    ],
)
@pytest.mark.parametrize("place", ["message", "error", "error.message", "detail", "body"])
def test_a_vendors_words_come_out_of_their_json(text: str, place: str) -> None:
    envelopes: dict[str, Any] = {
        "message": {"message": text},
        "error": {"error": text},
        "error.message": {"error": {"message": text}},
        "detail": {"detail": text},
        "body": text.encode(),
    }
    assert explanation(envelopes[place]) == PREFILL


def test_words_before_the_json_stay() -> None:
    assert explanation({"message": f"The upstream refused: {json.dumps(VENDOR)}"}) == (
        f"The upstream refused: {PREFILL}"
    )


@pytest.mark.parametrize(
    "text",
    [
        "use {curly} braces",
        "400 {",
        '400 {"type": "error"}',
        '400 {"a": 1} and more',
        "{}",
        "400 []",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert explanation({"message": text}) == text


def test_many_and_long_details_are_cut() -> None:
    many = [{"path": f"messages[{n}].content", "reason": "w" * 150} for n in range(1000)]
    words = explanation(failed(*many[:50]))
    assert len(words) == EXPLANATION_CHARACTERS_MAX
    short = explanation(failed(*({"path": str(n), "reason": "x"} for n in range(50))))
    assert short.count(";") == DETAILS_MAX - 1


def test_a_long_body_is_not_unwrapped() -> None:
    """Beyond this length a key in escapes of escapes would not have been found in it."""
    padding = "x" * ERROR_BYTES_MAX
    assert explanation({"message": PASSED_ON, "padding": padding}).startswith("400 {")


def test_texts_in_texts_are_followed_twice() -> None:
    text = PREFILL
    for _ in range(4):
        text = json.dumps({"message": text})
    assert explanation(json.dumps({"message": text}).encode()) != PREFILL
    assert "\\" in explanation(json.dumps({"message": text}).encode())
