"""Server-sent events put together to one completion, as the API's page describes the stream."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_aimlapi.api.messages.wire import decode_answer
from airflow_provider_aimlapi.core.calls.completion import Completion, ToolCall
from airflow_provider_aimlapi.errors import ApiError, WireViolation
from tests.contract.invariants import decoded, read_or_violation
from tests.contract.samples import (
    COST_NANO_USD,
    EVENTS,
    TEXT,
    answer,
    choice,
    chunk,
    documented,
    documented_stream,
    events,
    spoken,
    stream,
)

WHOLE = Completion(
    text=TEXT,
    status="ok",
    finish_reason="end_turn",
    model="claude-sonnet-4-6",
    prompt_tokens=16,
    completion_tokens=264,
    cost_nano_usd=COST_NANO_USD,
    inference_id="inf-1",
)


def received(body: bytes) -> Completion:
    return decode_answer(answer(body, content_type=EVENTS, inference_id="inf-1"))


def told(*pieces: str, finish_reason: str = "end_turn", **late: Any) -> list[dict[str, Any]]:
    """A stream of these pieces of text and one late chunk."""
    return [*map(spoken, pieces), chunk({}, finish_reason=finish_reason, **late)]


def test_the_documented_stream_field_by_field():
    assert received(events(documented_stream())) == WHOLE


def test_a_done_line_is_no_chunk():
    assert received(events(documented_stream(), last="[DONE]")) == WHOLE


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_kind(line_end):
    assert received(events(documented_stream(), line_end=line_end)) == WHOLE


def test_what_else_server_sent_events_may_hold():
    lines = []
    for number, part in enumerate(documented_stream()):
        lines += [": keep-alive", "event: message", f"id: {number}", "retry: 3000"]
        lines += [f"data:{line}" for line in json.dumps(part, indent=1).splitlines()]
        lines += ["", ""]
    assert received("\n".join(lines).encode()) == WHOLE
    assert received(b"\xef\xbb\xbf" + events(documented_stream())) == WHOLE


def test_the_last_event_may_lack_its_blank_line():
    assert received(events(documented_stream()).rstrip(b"\n")) == WHOLE


@given(st.permutations(range(4)))
def test_late_facts_may_come_in_any_chunk_after_text(order):
    usage = {"prompt_tokens": 16, "completion_tokens": 264, "total_tokens": 280}
    late = [
        chunk({"content": "", "role": "assistant"}, finish_reason="end_turn"),
        chunk(None, usage=usage),
        chunk(None, meta={"usage": {"credits_used": 10421}}),
        chunk(None, choices=[]),
    ]
    assert received(events([spoken(TEXT), *[late[place] for place in order]])) == WHOLE


def test_one_late_chunk_may_carry_everything():
    usage = {"prompt_tokens": 16, "completion_tokens": 264, "total_tokens": 280}
    spent = {"usage": {"usd_spent": 0.0052105}}
    assert received(events(told("Hi! I'm ", "Claude.", usage=usage, meta=spent))) == WHOLE


def test_of_several_usages_the_last_counts_because_they_grow():
    first = {"prompt_tokens": 16, "completion_tokens": 1, "total_tokens": 17}
    last = {"prompt_tokens": 16, "completion_tokens": 264, "total_tokens": 280}
    chunks = [chunk({"content": TEXT}, usage=first), *told("", usage=last), chunk(None)]
    completion = decode_answer(stream(chunks))
    assert (completion.prompt_tokens, completion.completion_tokens) == (16, 264)


def test_cached_and_reasoning_tokens_of_a_stream():
    usage = {
        "prompt_tokens": 16,
        "completion_tokens": 264,
        "total_tokens": 280,
        "prompt_tokens_details": {"cached_tokens": 12, "cache_write_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 34},
    }
    completion = decode_answer(stream(told(TEXT, usage=usage)))
    assert (completion.cached_tokens, completion.reasoning_tokens) == (12, 34)
    assert completion.cache_write_tokens == 3


def test_stream_without_cost_and_tokens_invents_none():
    completion = decode_answer(stream(told(TEXT)))
    assert (completion.text, completion.cost_nano_usd) == (TEXT, None)
    assert (completion.prompt_tokens, completion.completion_tokens) == (None, None)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("stop", "ok"),
        ("tool_calls", "ok"),
        ("length", "truncated"),
        ("max_tokens", "truncated"),
        ("content_filter", "refused"),
        ("refusal", "refused"),
    ],
)
def test_finish_reasons_of_a_stream(word, status):
    completion = decode_answer(stream(told("So ", "far", finish_reason=word)))
    assert (completion.text, completion.status) == ("So far", status)
    assert completion.finish_reason == word


def test_finish_reason_survives_later_chunks_without_one():
    chunks = [*told(TEXT, finish_reason="length"), chunk(None), chunk({}, usage=None)]
    assert decode_answer(stream(chunks)).status == "truncated"


def test_a_refusal_in_pieces():
    chunks = [chunk({"refusal": "I cannot "}), chunk({"refusal": "help."}), *told("")]
    completion = decode_answer(stream(chunks))
    assert completion.status == "refused"
    assert "I cannot help." in f"{completion.text} {completion.error}"


def test_reasoning_in_pieces_is_not_part_of_the_text():
    chunks = [chunk({"reasoning_content": "Hm. ", "content": ""}), *told(TEXT)]
    assert decode_answer(stream(chunks)).text == TEXT


def test_a_stream_without_text_says_so():
    chunks = [chunk({"role": "assistant", "content": None}), *told("")]
    completion = decode_answer(stream(chunks))
    assert not completion.text
    assert completion.error


def tool_piece(index: int, arguments: str, *, call_id: str = "", name: str = "") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    piece = {"index": index, "id": call_id, "type": "function", "function": function}
    return chunk({"content": "", "role": "assistant", "tool_calls": [piece]})


def test_tool_call_pieces_are_joined_by_their_index():
    chunks = [
        tool_piece(0, "", call_id="call_a", name="look_up"),
        tool_piece(0, '{"zip": '),
        tool_piece(1, '{"zip"', call_id="call_b", name="write"),
        tool_piece(0, '"10115"}'),
        tool_piece(1, ": 1"),
        *told(finish_reason="tool_calls"),
    ]
    assert decode_answer(stream(chunks)).tool_calls == (
        ToolCall(
            call_id="call_a",
            name="look_up",
            arguments_json='{"zip": "10115"}',
            is_valid_json=True,
        ),
        ToolCall(call_id="call_b", name="write", arguments_json='{"zip": 1', is_valid_json=False),
    )


@given(st.lists(st.text(max_size=12), max_size=8), st.booleans())
@settings(deadline=None)
def test_any_text_in_any_pieces_arrives_unchanged(pieces, is_crlf):
    """Among them U+2028, U+0085 and U+001C, which end a line for some readers, but not here."""
    body = events(told(*pieces), line_end="\r\n" if is_crlf else "\n")
    assert (received(body).text or "") == "".join(pieces)


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x7f"])
def test_character_that_only_some_call_line_end_is_text(separator):
    text = f"one{separator}two"
    assert received(events(told(text))).text == text


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_cut_stream_never_passes_as_a_whole_text(line_end):
    whole = events(documented_stream(), line_end=line_end)
    outcomes = set()
    for length in range(len(whole)):
        body = whole[:length]
        outcome = decoded(answer(body, content_type=EVENTS, request_id="req-1"))
        outcomes.add(type(outcome))
        if isinstance(outcome, ApiError):
            assert isinstance(outcome, WireViolation), length
            assert outcome.is_perhaps_billed
            assert outcome.request_id == "req-1"
        else:
            assert (outcome.text, outcome.status) == (TEXT, "ok"), length
            assert outcome.cost_nano_usd in (None, COST_NANO_USD)
    assert outcomes == {WireViolation, Completion}


def test_a_stream_without_a_finish_reason_was_cut():
    with pytest.raises(WireViolation) as caught:
        decode_answer(stream([spoken("Hi! I'm "), spoken("Claude.")]))
    assert caught.value.is_perhaps_billed


def test_done_line_without_chunks_is_no_completion():
    with pytest.raises(WireViolation):
        received(b"data: [DONE]\n\n")


@pytest.mark.parametrize("body", [b"", b"\n\n", b": keep-alive\n\n", b"<html></html>", b"\xff\xfe"])
def test_a_stream_without_events_is_no_answer(body):
    with pytest.raises(WireViolation):
        received(body)


@pytest.mark.parametrize(
    "event",
    [
        {"error": {"name": "Error", "message": "Internal server error"}},
        {"message": "Internal server error", "statusCode": 500, "requestId": "r"},
    ],
)
@pytest.mark.parametrize("after", [[], told("")])
def test_error_in_middle_of_a_stream_is_no_completion(event, after):
    """Else the row would be `ok` with half a text."""
    with pytest.raises(ApiError):
        decode_answer(stream([spoken("Hi! "), event, *after]))


@pytest.mark.parametrize("line", ["{", "null", "[]", "17", '"text"', "{}", "[" * 200_000, "NaN"])
def test_event_that_is_no_chunk_is_violation_or_ignored(line):
    body = f"data: {line}\n\n".encode() + events(documented_stream())
    completion = read_or_violation(answer(body, content_type=EVENTS))
    assert completion is None or completion.text == TEXT


def test_json_answer_to_a_stream_call_is_read():
    body = documented(choices=[choice("stop")])
    assert decode_answer(answer(body)).text == TEXT


def test_any_2xx_is_a_stream():
    body = events(documented_stream())
    assert decode_answer(answer(body, content_type=EVENTS, status=201)).text == TEXT
