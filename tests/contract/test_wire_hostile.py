"""Answers that mean harm, or come from something that is not the API: only our own errors come out."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.core.calls.completion import Completion
from airflow_provider_aimlapi.errors import ApiError, WireViolation
from tests.contract.generated import damaged
from tests.contract.invariants import decoded, read_or_violation
from tests.contract.samples import (
    EVENTS,
    HTML,
    JSON,
    PROBLEM,
    TEXT,
    answer,
    choice,
    documented,
    documented_stream,
    events,
    live_envelope,
)

DEEP = 200_000
RICH = documented(
    choices=[
        choice(
            refusal=None,
            annotations=[],
            tool_calls=[
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        )
    ],
    usage={
        "prompt_tokens": 16,
        "completion_tokens": 264,
        "total_tokens": 280,
        "prompt_tokens_details": {"cached_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 1},
    },
    meta={"usage": {"credits_used": 10421, "usd_spent": 0.0052105}},
)
WHOLE = json.dumps(RICH)


def with_value(name: str, value: str) -> bytes:
    """The whole answer with this JSON text as the value of the first field of that name."""
    start = WHOLE.index(f'"{name}": ') + len(name) + 4
    _, length = json.JSONDecoder().raw_decode(WHOLE[start:])
    return (WHOLE[:start] + value + WHOLE[start + length :]).encode("utf-8", "surrogatepass")


NOT_JSON = {
    "empty": b"",
    "blank": b" \n\t ",
    "HTML": b"<html><body>It works!</body></html>",
    "cut": WHOLE[:-20].encode(),
    "two values": (WHOLE + WHOLE).encode(),
    "trailing comma": (WHOLE[:-1] + ",}").encode(),
    "single quotes": b"{'choices': []}",
    "deep lists": b"[" * DEEP,
    "deep and closed lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"choices":' * DEEP + b"1" + b"}" * DEEP,
    "null": b"null",
    "a number": b"17",
    "a long number": b"9" * 10_000,
    "a text": b'"choices"',
    "a list": b"[" + WHOLE.encode() + b"]",
    "binary": bytes(range(256)) * 100,
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
}
VALUES = [
    *("null", "true", "[]", "{}", "-1", "1.5", "1e999", "-1e999", "NaN", "Infinity", '""', '"x"'),
    *("1" * 400, "1" * 5000, "1" + "0" * 30, "9e999999", "1e-400", str(2**63), '{"a": {"b": []}}'),
    *('"\\ud83d"', '"\\u0000"', '["\\udc00"]', "[" * 900 + "]" * 900, "[" * DEEP + "]" * DEEP),
]
NEARLY_JSON = {
    "comment": (WHOLE + "// done").encode(),
    "latin-1": json.dumps(documented(id="é"), ensure_ascii=False).encode("latin-1"),
    "half a character in UTF-8": with_value("id", '"\ud83d"'),
}
FIELDS = [
    *("id", "object", "model", "created", "choices", "index", "finish_reason", "logprobs"),
    *("message", "content", "refusal", "annotations", "tool_calls", "function", "name"),
    *("arguments", "usage", "prompt_tokens", "completion_tokens", "prompt_tokens_details"),
    *("cached_tokens", "completion_tokens_details", "reasoning_tokens", "meta", "credits_used"),
]


@pytest.mark.parametrize("content_type", [JSON, "", "text/plain", HTML, PROBLEM])
@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_success_without_an_answer_is_a_violation_perhaps_billed(body, content_type):
    outcome = decoded(answer(body, content_type=content_type, request_id="req-1"))

    assert isinstance(outcome, WireViolation)
    assert outcome.is_perhaps_billed
    assert outcome.request_id == "req-1"


@pytest.mark.parametrize("body", NEARLY_JSON.values(), ids=NEARLY_JSON.keys())
def test_a_paid_text_in_damaged_json_is_kept(body):
    completion = read_or_violation(answer(body))
    assert completion is not None
    assert completion.text == TEXT


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value[:12])
@pytest.mark.parametrize("field", FIELDS)
def test_any_field_may_hold_anything(field, value):
    assert isinstance(decoded(answer(with_value(field, value))), (Completion, ApiError))
    assert isinstance(decoded(answer(with_value(field, value), status=500)), ApiError)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value[:12])
@pytest.mark.parametrize("field", ["object", "created", "total_tokens"])
def test_nonsense_in_unused_fields_loses_no_paid_text(field, value):
    """It may also be a violation."""
    completion = read_or_violation(answer(with_value(field, value)))
    assert completion is None or completion.text == TEXT


@pytest.mark.parametrize(
    "value", ["-1", "1.5", "NaN", '"x"', "[]", "true", "1e999", "1" + "0" * 30]
)
def test_a_count_that_is_none_is_never_passed_on(value):
    completion = read_or_violation(answer(with_value("prompt_tokens", value)))
    assert completion is None or completion.prompt_tokens is None


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_another_encoding_is_read_correctly_or_not_at_all(encoding):
    body = json.dumps(documented(choices=[choice(content="é 👩")]), ensure_ascii=False)
    completion = read_or_violation(answer(body.encode(encoding)))
    assert completion is None or completion.text == "é 👩"


def test_half_character_in_an_escape_cannot_reach_the_output():
    completion = read_or_violation(answer(with_value("content", '"before \\ud83d after"')))
    assert completion is None or re.fullmatch("before .? after", completion.text or "")


def test_duplicate_keys_are_violation_or_one_of_the_two():
    body = WHOLE.replace('"content": ', '"content": "another", "content": ').encode()
    completion = read_or_violation(answer(body))
    assert completion is None or completion.text in (TEXT, "another")


@given(damaged(RICH))
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_one_damaged_place_in_an_answer(body):
    assert isinstance(decoded(answer(body)), (Completion, WireViolation))


@given(damaged(documented_stream()))
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_one_damaged_place_in_a_stream(chunks):
    body = events(chunks) if isinstance(chunks, list) else b"data: " + json.dumps(chunks).encode()
    assert isinstance(decoded(answer(body, content_type=EVENTS)), (Completion, ApiError))


@given(damaged(live_envelope(400, "No")), st.sampled_from([200, 400, 401, 403, 404, 422, 429, 500]))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_one_damaged_place_in_an_error(body, status):
    received = answer(body, status=status, content_type=PROBLEM)
    assert isinstance(decoded(received), ApiError)


HEADERS = st.none() | st.text(max_size=30) | st.sampled_from(["0", "1e9", "nan", "9" * 5000])


@given(
    st.builds(
        Answer,
        status=st.integers(200, 599),
        content_type=st.sampled_from([JSON, EVENTS, HTML, PROBLEM, ""]),
        body=st.binary() | st.sampled_from([WHOLE.encode(), events(documented_stream())]),
        inference_id=HEADERS,
        request_id=HEADERS,
        credits_used=HEADERS,
        usd_spent=HEADERS,
        retry_after=HEADERS,
    )
)
@settings(deadline=None, max_examples=300)
def test_whatever_comes(received):
    outcome = decoded(received)
    if isinstance(outcome, Completion):
        assert 200 <= received.status < 300
    else:
        assert isinstance(outcome, WireViolation) is (200 <= received.status < 300)


@pytest.mark.parametrize("lead", [b"", b"data: "])
@pytest.mark.parametrize("byte", [b"\n", b"\r\n\r\n", b"data: \n\n", b"data: {}\n\n", b":\n"])
def test_a_long_stream_of_nothing_is_a_violation(lead, byte):
    outcome = decoded(answer(lead + byte * 100_000, content_type=EVENTS))
    assert isinstance(outcome, WireViolation)
