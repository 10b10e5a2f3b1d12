"""Bodies that are sent, and what becomes of any answer, whatever its bytes."""

from __future__ import annotations

import hashlib
import json
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.api.messages.wire import RequestEncoder, decode_answer
from airflow_provider_aimlapi.core.calls.completion import Completion
from airflow_provider_aimlapi.core.calls.message import message_of
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.errors import ApiError, InvalidSpec, RequestRejected, WireViolation
from tests.unit.api.answers import PLAIN, answer_of, delta, plain, stream_of, with_message

SONNET = "anthropic/claude-sonnet-4-6-20260218"


def test_the_least_request_is_model_and_one_message() -> None:
    body = RequestEncoder(CompletionSpec(model=SONNET)).encode_request(message_of("Hello", None))
    assert body == (
        b'{"model":"anthropic/claude-sonnet-4-6-20260218","messages":[{"role":"user","content":"Hello"}]}'
    )


def test_all_settings_are_sent_and_system_at_top_level() -> None:
    tool: dict[str, Any] = {
        "name": "look",
        "input_schema": {"type": "object", "properties": {"b": {}, "a": {}}},
    }
    spec = CompletionSpec(
        model=SONNET,
        max_tokens=2048,
        temperature=0.0,
        top_p=0.5,
        top_k=0,
        stop_sequences=("\n\n",),
        thinking={"type": "enabled", "budget_tokens": 1024},
        tools=(MappingProxyType(tool),),
        tool_choice={"type": "auto"},
        metadata={"team": "support"},
        stream=True,
    )
    body = RequestEncoder(spec).encode_request(
        message_of('say "ü" {x}\n', "You are\ta poet. \u202e")
    )
    assert json.loads(body) == {
        "model": SONNET,
        "max_tokens": 2048,
        "temperature": 0.0,
        "top_p": 0.5,
        "top_k": 0,
        "stop_sequences": ["\n\n"],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "tools": [tool],
        "tool_choice": {"type": "auto"},
        "metadata": {"team": "support"},
        "stream": True,
        "system": "You are\ta poet. \u202e",
        "messages": [{"role": "user", "content": 'say "ü" {x}\n'}],
    }


def test_a_body_never_changes_between_runs_and_releases() -> None:
    """Journals name requests by this hash: a change would buy every row again."""
    spec = CompletionSpec(model=SONNET, max_tokens=256, temperature=0.5)
    body = RequestEncoder(spec).encode_request(message_of("Grüße", "Kurz."))
    assert hashlib.sha256(body).hexdigest() == (
        "06ff334f57dcffba59cb8448c5d3b833603722b7860d4d03f0c37024baf4b662"
    )


def test_superset_dialect_renames_fields_and_sends_system_as_message() -> None:
    spec = CompletionSpec(
        model="anthropic/claude-sonnet-4.6",
        max_tokens=4096,
        stop_sequences=("END",),
        thinking={"type": "enabled", "budget_tokens": 2048},
        stream=True,
    )
    assert (
        RequestEncoder(spec).encode_request(message_of("Grüße", 'Say "no".'))
        == (
            '{"max_tokens":4096,"model":"anthropic/claude-sonnet-4.6","reasoning":{"max_tokens":2048},'
            '"stop":["END"],"stream":true,"messages":[{"role":"system","content":"Say \\"no\\"."},'
            '{"role":"user","content":"Grüße"}]}'
        ).encode()
    )


@given(prompt=st.text(), system=st.text())
def test_no_text_escapes_its_message_in_the_superset(prompt: str, system: str) -> None:
    spec = CompletionSpec(model="anthropic/claude-sonnet-4.6")
    assert json.loads(RequestEncoder(spec).encode_request(message_of(prompt, system)))[
        "messages"
    ] == [
        {"role": "system", "content": system},
        {"role": "user", "content": prompt},
    ]


def test_half_a_surrogate_pair_rejects_the_row_unsent() -> None:
    encoder = RequestEncoder(CompletionSpec(model=SONNET))
    with pytest.raises(RequestRejected, match="not valid text at character 3"):
        encoder.encode_request(message_of("abc\ud83d", None))
    with pytest.raises(RequestRejected, match="not valid text"):
        encoder.encode_request(message_of("fine", "\udc00"))


@pytest.mark.parametrize("value", ["\ud83d", 10**5000], ids=["text", "number"])
def test_parameter_that_json_cannot_carry_is_an_invalid_spec(value: Any) -> None:
    spec = CompletionSpec(model=SONNET, tools=({"name": value},))
    with pytest.raises(InvalidSpec, match="cannot be sent as JSON"):
        RequestEncoder(spec)


def test_order_of_a_tools_keys_makes_no_other_request() -> None:
    tool: dict[str, Any] = {
        "name": "look",
        "input_schema": MappingProxyType({"b": 1, "a": {"d": 2, "c": 3}}),
    }
    turned: dict[str, Any] = {"input_schema": {"a": {"c": 3, "d": 2}, "b": 1}, "name": "look"}
    bodies = {
        RequestEncoder(CompletionSpec(model=SONNET, tools=(order,))).encode_request(
            message_of("Hi", None)
        )
        for order in (tool, turned)
    }
    assert len(bodies) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b"<html><head><title>Just a moment</title></head></html>", "a web page"),
        (b"<html></html>", "web page"),
        (b"upstream error", "not valid JSON"),
        (b'{"choices": [', "not valid JSON"),
        (b'{"choices": NaN}', "no choices"),
        (b'{"choices": 1e999}', "no choices"),
        (b'{"choices": "\\ud83d"}', "no choices"),
        (b'{"choices": "\xff"}', "no choices"),
        (b"[" * 60_000, "not valid JSON"),
        (b'{"a":' * 60_000, "not valid JSON"),
        (b"[" * 200_000, "more than 100,000 values"),
        (b'{"a":' * 200_000, "more than 100,000 values"),
        (b"[]", "no JSON object"),
        (b"null", "no JSON object"),
        (b"{}", "no choices"),
        (b'{"choices": []}', "no choices"),
        (b'{"choices": {"0": {}}}', "no choices"),
        (b'{"choices": [null]}', "no message"),
        (b'{"choices": [{"text": "old style"}]}', "no message"),
        (b'{"choices": [{"message": "text"}]}', "no message"),
        (b'{"choices": [{"message": {"content": 5}}]}', "neither text nor a list"),
        (b'{"error": {"message": "overloaded"}}', "no choices: overloaded"),
    ],
)
def test_2xx_without_completion_is_violation_that_may_have_cost(body: bytes, reason: str) -> None:
    with pytest.raises(WireViolation, match=reason) as violated:
        decode_answer(answer_of(body, request_id="req-1"))
    assert violated.value.is_perhaps_billed
    assert violated.value.status == 200
    assert violated.value.request_id == "req-1"
    assert len(str(violated.value)) < 500


@pytest.mark.parametrize("content_type", ["", "text/html", "text/event-stream", "text/plain"])
def test_json_is_json_whatever_its_label(content_type: str) -> None:
    assert decode_answer(answer_of(PLAIN, content_type=content_type)).text == "Hi!"


@pytest.mark.parametrize("content_type", ["", "application/json", "text/plain"])
def test_events_are_events_whatever_their_label(content_type: str) -> None:
    answer = stream_of(delta("stop", content="Hi!"), content_type=content_type)
    assert decode_answer(answer).text == "Hi!"


def test_leading_byte_order_mark_and_blanks_are_harmless() -> None:
    body = b"\xef\xbb\xbf \n" + json.dumps(PLAIN).encode()
    assert decode_answer(answer_of(body)).text == "Hi!"


def test_of_two_equal_keys_the_last_counts() -> None:
    body = json.dumps(PLAIN).encode().replace(b'"Hi!"', b'"Hi!", "content": "Ho!"')
    assert decode_answer(answer_of(body)).text == "Ho!"


def outcome_of(answer: Answer) -> Completion | ApiError:
    try:
        return decode_answer(answer)
    except ApiError as error:
        return error


def test_no_depth_makes_another_exception() -> None:
    """Arguments are decoded in one place and encoded in another, a few frames deeper."""
    kinds = set()
    # Python 3.11 ends within the first; 3.12 and 3.13 allow thousands.
    for depth in (*range(700, 1_000), 20_000):
        arguments = b'{"a":' * depth + b"1" + b"}" * depth
        body = b'{"choices":[{"message":{"tool_calls":[{"function":{"arguments":%b}}]}}]}'
        kinds.add(type(outcome_of(answer_of(body % arguments))))
    assert kinds == {Completion, WireViolation}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
statuses = st.sampled_from([200, 200, 201, 302, 400, 401, 403, 404, 429, 500, 503, 100, 999])
content_types = st.sampled_from(["application/json", "text/event-stream", "text/html", ""])
seeds = st.sampled_from(
    [
        answer_of(with_message(tool_calls=[{"id": "t", "function": {"name": "f"}}])).body,
        stream_of(delta(content="Hi"), plain(choices=[]), delta("stop")).body,
        b'{"message": "no", "requestId": "r", "statusCode": "400"}',
    ]
)


@given(status=statuses, content_type=content_types, body=st.binary(), header=st.text())
def test_no_bytes_make_another_exception(
    status: int, content_type: str, body: bytes, header: str
) -> None:
    answer = Answer(
        status=status,
        content_type=content_type,
        body=body,
        usd_spent=header,
        credits_used=header,
        retry_after=header,
    )
    assert isinstance(outcome_of(answer), (Completion, ApiError))


@settings(max_examples=300)
@given(status=statuses, content_type=content_types, seed=seeds, data=st.data())
def test_no_mutation_of_an_answer_makes_another_exception(
    status: int, content_type: str, seed: bytes, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(seed)))
    end = data.draw(st.integers(start, min(len(seed), start + 20)))
    body = seed[:start] + data.draw(st.binary(max_size=12)) + seed[end:]
    answer = Answer(status=status, content_type=content_type, body=body)
    assert isinstance(outcome_of(answer), (Completion, ApiError))


@settings(max_examples=300)
@given(path=st.sampled_from(["choice", "message", "usage", "meta", "top", "delta"]), data=st.data())
def test_no_value_in_a_wrong_place_makes_another_exception(path: str, data: st.DataObject) -> None:
    value = data.draw(json_values)
    payload = with_message(tool_calls=[{"id": "1", "function": {"name": "f", "arguments": "{}"}}])
    choice = payload["choices"][0]
    places = {
        "choice": choice,
        "message": choice["message"],
        "usage": payload["usage"],
        "meta": payload["meta"]["usage"],
        "top": payload,
        "delta": delta("stop", content="x", tool_calls=[{"index": 0, "id": "t"}]),
    }
    place = places[path]
    place[data.draw(st.sampled_from(sorted(place)))] = value
    answer = stream_of(place) if path == "delta" else answer_of(payload)
    assert isinstance(outcome_of(answer), (Completion, ApiError))
